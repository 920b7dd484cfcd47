import { setTimeout } from 'node:timers/promises'
import { processorTime } from '../../internal/processor-time.ts'
import type { Micros } from '../../internal/time.ts'
import type { Clock } from '../../ports/clock.ts'

/** The clock of the played months: wall time is the flights', lengths are real. It stands still while nothing is played. */
export class PlayClock implements Clock {
  #now: Micros

  constructor(now: Micros) {
    this.#now = now
  }

  now(): Micros {
    return this.#now
  }

  to(now: Micros): void {
    this.#now = Math.max(this.#now, now)
  }

  elapsed(): number {
    return performance.now()
  }

  processorTime(): number {
    return processorTime()
  }

  /** As long as it says: who waits for an answer waits for what computes it, in no played time. */
  async sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    await setTimeout(milliseconds, undefined, { signal })
  }
}

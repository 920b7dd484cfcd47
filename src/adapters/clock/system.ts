import { setTimeout as wait } from 'node:timers/promises'
import { processorTime } from '../../internal/processor-time.ts'
import type { Clock } from '../../ports/clock.ts'

/** The machine's own time. */
export function systemClock(): Clock {
  return {
    now: () => Date.now() * 1000,
    elapsed: () => performance.now(),
    processorTime,
    async sleep(milliseconds, signal) {
      await wait(milliseconds, undefined, signal === undefined ? {} : { signal })
    },
  }
}

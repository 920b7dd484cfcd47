import { Cron } from 'croner'
import type { Micros } from '../../internal/time.ts'

/** A clock that is set back by less repeats no slot; by more, the schedule begins anew. */
const day = 86_400_000_000

/** What is kept of a schedule: the expression, and up to when its times are dealt with. */
export type HandledSlots = { readonly cron: string; readonly until: Micros }

/** Times of a cron expression, in UTC. Throws what is wrong with it. */
export class Slots {
  readonly #times: Cron

  constructor(cron: string) {
    this.#times = new Cron(cron, { timezone: 'UTC', paused: true })
  }

  /** The last time after `from` and not after `to`: whatever was missed is made up for once. */
  newest(from: Micros, to: Micros): Micros | undefined {
    const next = this.#times.nextRun(new Date(from / 1000))
    if (!next || next.getTime() * 1000 > to) return undefined
    const [last] = this.#times.previousRuns(1, new Date(to / 1000 + 1))
    return (last ?? next).getTime() * 1000
  }
}

/**
 * Up to when the times of a schedule are dealt with: by what is kept, and by the last retrain that it started, should a crash
 * have come between. Undefined where the expression is another or none is kept: then it begins now.
 */
export function handledUntil(
  kept: HandledSlots | undefined,
  cron: string,
  started: Micros | undefined,
  now: Micros,
): Micros | undefined {
  return kept?.cron === cron ? Math.max(kept.until, Math.min(now, started ?? 0)) : undefined
}

/** Whether the clock was set back so far that the schedule begins anew. */
export const beginsAnew = (until: Micros, now: Micros): boolean => now < until - day

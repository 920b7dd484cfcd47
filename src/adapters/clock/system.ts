import { setTimeout as wait } from 'node:timers/promises'
import type { Clock } from '../../ports/clock.ts'

/** The machine's own time. */
export function systemClock(): Clock {
  return {
    now: () => Date.now() * 1000,
    elapsed: () => performance.now(),
    async sleep(milliseconds, signal) {
      await wait(milliseconds, undefined, signal === undefined ? {} : { signal })
    },
  }
}

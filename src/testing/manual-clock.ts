import type { Micros } from '../internal/time.ts'
import type { Clock } from '../ports/clock.ts'

export interface ManualClock extends Clock {
  /** Lets time pass: sleepers whose time has come wake in order. */
  advance(milliseconds: number): Promise<void>
  /** Lets time pass in which the process computes; nobody wakes. */
  work(milliseconds: number): void
  /** Sets the wall clock without letting time pass, backwards too. */
  set(at: Micros): void
}

/** A clock that stands still until it is told otherwise. */
export function manualClock(start: Micros = 1_700_000_000_000_000): ManualClock {
  let wall = start
  let passed = 0
  let worked = 0
  const sleepers = new Set<{ readonly until: number; readonly wake: () => void }>()
  return {
    now: () => wall,
    elapsed: () => passed,
    processorTime: () => worked,
    sleep: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted()
        const sleeper = {
          until: passed + milliseconds,
          wake: () => {
            signal?.removeEventListener('abort', stop)
            resolve()
          },
        }
        const stop = (): void => {
          sleepers.delete(sleeper)
          reject(signal?.reason as Error)
        }
        signal?.addEventListener('abort', stop, { once: true })
        sleepers.add(sleeper)
      }),
    async advance(milliseconds) {
      const end = passed + milliseconds
      for (;;) {
        const next = [...sleepers].filter(s => s.until <= end).sort((a, b) => a.until - b.until)[0]
        const to = next === undefined ? end : Math.max(passed, next.until)
        wall += Math.round((to - passed) * 1000)
        passed = to
        if (next === undefined) return
        sleepers.delete(next)
        next.wake()
        // Whoever woke runs, and may go to sleep again before time goes on.
        await new Promise(resolve => setImmediate(resolve))
      }
    },
    work(milliseconds) {
      wall += Math.round(milliseconds * 1000)
      passed += milliseconds
      worked += milliseconds
    },
    set(at) {
      wall = at
    },
  }
}

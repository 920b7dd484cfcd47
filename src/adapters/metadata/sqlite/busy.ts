import { setTimeout as sleep } from 'node:timers/promises'
import { sqliteCode } from '../../../errors/system.ts'

/** How long a process waits for another one that writes, milliseconds. */
export const busyTimeoutMs = 5_000

/** Waits between two tries, milliseconds; SQLite's own are about these. */
const waits = [1, 2, 5, 10, 15, 20, 25, 50, 100] as const
const isBusy = (error: unknown): boolean => [5, 6].includes(sqliteCode(error) ?? 0)

/**
 * What `work` gives, tried again while another process keeps it from the store. SQLite's own waiting would keep the thread,
 * and does not wait at all where two processes turn a new file to write-ahead logging at once.
 */
export async function whileBusy<T>(work: () => T, wait: (ms: number) => Promise<unknown> = sleep): Promise<T> {
  const began = performance.now()
  for (let tried = 0; ; tried++) {
    try {
      return work()
    } catch (error) {
      if (!isBusy(error) || performance.now() - began > busyTimeoutMs) throw error
    }
    await wait(waits[Math.min(tried, waits.length - 1)] ?? 100)
  }
}

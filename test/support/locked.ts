import { vi } from 'vitest'
import { isHeldLock, takeFileLock } from '../../src/internal/file-lock.ts'

/** Does something while another holds a lock. Its patience, a minute, passes in a moment: the clock of this process is moved. */
export async function whileLocked(path: string, work: () => Promise<void>): Promise<void> {
  const held = await takeFileLock(path, 0)
  if (!isHeldLock(held)) throw new Error(`${path} is not free`)
  vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] })
  let done = false
  try {
    const working = work().finally(() => (done = true))
    while (!done) {
      await vi.advanceTimersByTimeAsync(250)
      await new Promise(next => setImmediate(next))
    }
    await working
  } finally {
    vi.useRealTimers()
    held.release()
  }
}

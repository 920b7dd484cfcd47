import { describe, expect, it, vi } from 'vitest'
import { fail } from '../errors/index.ts'
import { settling } from './exit-guard.ts'

describe('work that is waited for', () => {
  const stalled = (waitedMs?: number) =>
    fail('configThrew', { file: 'f', reason: waitedMs === undefined ? 'never' : `after ${waitedMs}` })

  it('that takes longer than its limit is given up, and says for how long it was waited', async () => {
    const slow = new Promise<number>(resolve => setTimeout(resolve, 200, 1))
    await expect(settling(slow, stalled, 20)).rejects.toThrow('after 20')
    const quick = new Promise<number>(resolve => setTimeout(resolve, 5, 1))
    expect(await settling(quick, stalled, 5_000)).toBe(1)
  })

  it('is waited for a minute unless it is said', async () => {
    vi.useFakeTimers()
    try {
      const found = settling(new Promise(() => undefined), stalled).catch((error: Error) => error.message)
      await vi.advanceTimersByTimeAsync(59_999)
      expect(vi.getTimerCount()).toBe(1)
      await vi.advanceTimersByTimeAsync(1)
      expect(await found).toContain('after 60000')
    } finally {
      vi.useRealTimers()
    }
  })
})

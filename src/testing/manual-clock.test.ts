import { expect, test } from 'vitest'
import { systemClock } from '../adapters/clock/system.ts'
import { manualClock } from './manual-clock.ts'

test('sleepers wake in order as time is advanced, and again when they sleep anew', async () => {
  const clock = manualClock(1000)
  const woke: string[] = []
  const tick = async (): Promise<void> => {
    for (let i = 0; i < 3; i++) {
      await clock.sleep(10)
      woke.push(`tick ${clock.elapsed()}`)
    }
  }
  const ticking = tick()
  const other = clock.sleep(15).then(() => woke.push('other'))
  await clock.advance(30)
  await Promise.all([ticking, other])
  expect(woke).toEqual(['tick 10', 'other', 'tick 20', 'tick 30'])
  expect(clock.now()).toBe(31_000)
})

test('a sleep ends early by its signal, on both clocks', async () => {
  for (const clock of [manualClock(), systemClock()]) {
    const stop = new AbortController()
    const sleeping = clock.sleep(60_000, stop.signal)
    stop.abort()
    await expect(sleeping).rejects.toThrow()
  }
})

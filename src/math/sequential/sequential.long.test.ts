import { describe, expect, it } from 'vitest'
import { seeded } from '../random/seeded.ts'
import { addPairs, confidenceSequence, noPairs } from './mean-difference.ts'
import { logPairedEvents } from './paired-events.ts'

// The promised error rates, by simulation. What makes them so (a martingale, the formula) is held beside, at once.

describe('paired events', () => {
  it('alarm at most at the nominal rate, looked at after each of 3,000 events', () => {
    const random = seeded(1)
    const limit = Math.log(1 / 0.01)
    let alarms = 0
    const repeats = 1600
    for (let repeat = 0; repeat < repeats; repeat++) {
      let against = 0
      for (let n = 1; n <= 3000; n++)
        if (random.next() < 0.5 && logPairedEvents(++against, n - against) >= limit) {
          alarms++
          break
        }
    }
    expect(alarms / repeats).toBeLessThanOrEqual(0.0125)
  })
})

describe('confidence sequence', () => {
  it('misses the mean at most at the nominal rate, looked at all the time, also for skewed differences', () => {
    const random = seeded(2)
    for (const draw of [() => random.normal(), () => -Math.log(1 - random.next()) - 1]) {
      let missed = 0
      const repeats = 300
      for (let repeat = 0; repeat < repeats; repeat++) {
        let moments = noPairs
        for (let look = 0; look < 250; look++) {
          const x = Float64Array.from({ length: 40 }, draw)
          moments = addPairs(moments, x, new Float64Array(40))
          const { lower, upper } = confidenceSequence(moments, 0.05)
          if (lower > 0 || upper < 0) {
            missed++
            break
          }
        }
      }
      expect(missed / repeats).toBeLessThanOrEqual(0.05)
    }
  })
})

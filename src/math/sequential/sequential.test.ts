import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seeded } from '../random/seeded.ts'
import { logEventSplit } from './event-split.ts'
import { addPairs, confidenceSequence, noPairs } from './mean-difference.ts'

describe('event split', () => {
  it('is a martingale: its mean over the next event under the null is its value now', () => {
    fc.assert(
      fc.property(fc.nat(500), fc.nat(500), fc.double({ min: 0.01, max: 0.9, noNaN: true }), (k, rest, weight) => {
        const n = k + rest
        const now = logEventSplit(k, n, weight)
        const up = Math.exp(logEventSplit(k + 1, n + 1, weight) - now)
        const down = Math.exp(logEventSplit(k, n + 1, weight) - now)
        expect(weight * up + (1 - weight) * down).toBeCloseTo(1, 8)
      }),
    )
  })

  it('alarms at most at the nominal rate, looked at after each of 3,000 events', () => {
    const random = seeded(1)
    const limit = Math.log(1 / 0.01)
    for (const weight of [0.01, 0.05, 0.2, 0.5]) {
      let alarms = 0
      const repeats = 400
      for (let repeat = 0; repeat < repeats; repeat++) {
        let k = 0
        for (let n = 1; n <= 3000; n++) {
          if (random.next() < weight) {
            k++
            if (k / n > weight && logEventSplit(k, n, weight) >= limit) {
              alarms++
              break
            }
          }
        }
      }
      expect(alarms / repeats).toBeLessThanOrEqual(0.015)
    }
  })

  it('needs a handful of bad events when all of them come from the canary', () => {
    let n = 0
    while (logEventSplit(n, n, 0.05) < Math.log(4 / 0.01)) n++
    expect(n).toBeLessThanOrEqual(8)
  })
})

describe('confidence sequence', () => {
  it('adds batches like one array', () => {
    const numbers = fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: 1, maxLength: 50 })
    fc.assert(
      fc.property(numbers, numbers, (x, y) => {
        const zeros = (a: number[]): number[] => a.map(() => 0)
        const parts = addPairs(addPairs(noPairs, x, zeros(x)), y, zeros(y))
        const whole = addPairs(noPairs, [...x, ...y], zeros([...x, ...y]))
        expect(parts.n).toBe(whole.n)
        expect(parts.mean).toBeCloseTo(whole.mean, 9)
        expect(parts.m2).toBeCloseTo(whole.m2, 6)
      }),
    )
  })

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

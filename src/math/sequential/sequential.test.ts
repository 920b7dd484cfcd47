import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { logEventSplit } from './event-split.ts'
import { addPairs, noPairs } from './mean-difference.ts'

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
})

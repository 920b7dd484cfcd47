import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addPairs, noPairs } from './mean-difference.ts'
import { logPairedEvents } from './paired-events.ts'

describe('paired events', () => {
  it('are a martingale at one half, and fall on average where less speaks against the challenger', () => {
    fc.assert(
      fc.property(fc.nat(300), fc.nat(300), fc.double({ min: 0, max: 0.5, noNaN: true }), (against, other, chance) => {
        const now = logPairedEvents(against, other)
        const up = Math.exp(logPairedEvents(against + 1, other) - now)
        const down = Math.exp(logPairedEvents(against, other + 1) - now)
        expect(0.5 * up + 0.5 * down).toBeCloseTo(1, 8)
        expect(chance * up + (1 - chance) * down).toBeLessThanOrEqual(1 + 1e-8)
      }),
    )
  })

  it('need nine that all speak against the challenger, and some forty of which every fifth does not', () => {
    // 0.5 · 1.98⁹ + 0.5 · 2¹⁰ (1 − 2⁻¹⁰) / 10 = 285.0 reaches 1 / 0.005; 0.5 · 1.98⁸ + 0.5 · 2⁹ (1 − 2⁻⁹) / 9 = 146.5 does not
    expect(Math.exp(logPairedEvents(9, 0))).toBeCloseTo(285.01, 1)
    expect(Math.exp(logPairedEvents(8, 0))).toBeCloseTo(146.5, 1)
    let n = 0
    while (logPairedEvents(4 * n, n) < Math.log(200)) n++
    expect(5 * n).toBe(40)
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

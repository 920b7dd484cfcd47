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

  it('need eight that all speak against the challenger, and some forty-five of which every fifth does not', () => {
    // 0.8 · 1.98⁸ + 0.2 · 2⁹ (1 − 2⁻⁹) / 9 = 200.3 reaches 1 / 0.005; 0.8 · 1.98⁷ + 0.2 · 2⁸ (1 − 2⁻⁸) / 8 = 101.8 does not
    expect(Math.exp(logPairedEvents(8, 0))).toBeCloseTo(200.34, 1)
    expect(Math.exp(logPairedEvents(7, 0))).toBeCloseTo(101.8, 1)
    let n = 0
    while (logPairedEvents(4 * n, n) < Math.log(200)) n++
    expect(5 * n).toBe(45)
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

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addServed, noServed, servedDifference, type ServedMoments } from './served-difference.ts'

const value = fc.double({ min: -1000, max: 1000, noNaN: true })
const unit = fc.record({ value, canary: fc.boolean(), chance: fc.constantFrom(0.01, 0.05, 0.2, 0.5) })
const of = (units: readonly { value: number; canary: boolean; chance: number }[]): ServedMoments =>
  units.reduce((moments, one) => addServed(moments, one.value, one.canary, one.chance), noServed)

describe('the difference of two arms of which one serves each unit', () => {
  it('is in each term the weighted effect, over the draw of its arm, whatever came before', () => {
    fc.assert(
      fc.property(fc.array(unit, { minLength: 20, maxLength: 60 }), value, value, unit, (before, one, other, next) => {
        const { chance } = next
        const moments = of(before)
        const term = (canary: boolean): number => {
          const after = addServed(moments, canary ? other : one, canary, chance)
          return after.terms.n * after.terms.mean - moments.terms.n * moments.terms.mean
        }
        const expected = chance * term(true) + (1 - chance) * term(false)
        expect(expected).toBeCloseTo(Math.sqrt(chance * (1 - chance)) * (other - one), 5)
      }),
    )
  })

  it('keeps the means of the arms, and no more for a million units than for one', () => {
    const units = [
      { value: 4, canary: false, chance: 0.2 },
      { value: 6, canary: false, chance: 0.2 },
      { value: 1, canary: true, chance: 0.2 },
    ]
    expect(of(units)).toMatchObject({ stable: { n: 2, mean: 5 }, canary: { n: 1, mean: 1 }, weight: 0 })
    const many = of(Array.from({ length: 3_000 }, (_, i) => units[i % 3] as (typeof units)[0]))
    expect(Object.keys(many)).toEqual(Object.keys(noServed))
  })

  it('says nothing before each arm has served a hundred, and then what two samples say, by hand', () => {
    // every second unit is the canary's: 100 of them worth 3 and of stable's worth 5, none of them away from its mean
    const units = (n: number) =>
      Array.from({ length: n }, (_, i) => ({ value: i % 2 ? 3 : 5, canary: i % 2 === 1, chance: 0.5 }))
    expect(servedDifference(of(units(199)), 0.05)).toMatchObject({ lower: -Infinity, upper: Infinity })
    const { difference, lower, upper } = servedDifference(of(units(2_000)), 0.05)
    expect(difference).toBeCloseTo(-2, 2)
    // σ of a term is |y − c| = 1, and its weight ½: 2 √(2 (n ρ + 1) / (n² ρ) · ln(√(n ρ + 1) / (α / 2))) with n = 1,980 and ρ = 1/500
    const [n, rho] = [1_980, 1 / 500]
    const half = 2 * Math.sqrt(((2 * (n * rho + 1)) / (n * n * rho)) * Math.log(Math.sqrt(n * rho + 1) / 0.025))
    expect(half).toBeCloseTo(0.1507, 4)
    expect((upper - lower) / 2).toBeCloseTo(half, 2)
    expect(upper).toBeLessThan(0)
  })

  it('takes the spread of all where that of the few is smaller: skewed values are no evidence by themselves', () => {
    // stable is worth 100 once in fifty; the canary has not been yet
    const units = Array.from({ length: 12_000 }, (_, i) => ({
      value: i % 50 === 7 ? 100 : 0,
      canary: i % 100 === 3,
      chance: 0.01,
    }))
    const moments = of(units)
    expect(moments.canary).toEqual({ n: 120, mean: 0 })
    expect(moments.squares).toBeGreaterThan(2 * moments.terms.m2)
    expect(servedDifference(moments, 0.05).upper).toBeGreaterThan(0)
  })
})

import { describe, expect, it } from 'vitest'
import { seeded } from '../random/seeded.ts'
import { addPairs, confidenceSequence, fewestPairs, noPairs } from './mean-difference.ts'

describe('the confidence sequence of a mean', () => {
  it('is the normal mixture: by hand for 1,000 pairs of variance 4', () => {
    // rho = 1/500: √(2 σ² (n ρ + 1) / (n² ρ) · ln(√(n ρ + 1) / (α / 2))), by a calculator
    const half = Math.sqrt(2 * 4 * (3 / 2000) * Math.log(Math.sqrt(3) / 0.025))
    const { mean, lower, upper } = confidenceSequence({ n: 1000, mean: 7, m2: 4000 }, 0.05)
    expect(half).toBeCloseTo(0.22553, 4)
    expect([mean, lower, upper]).toEqual([7, 7 - half, 7 + half])
    const other = confidenceSequence({ n: 1000, mean: 7, m2: 4000 }, 0.05, 1 / 100)
    expect(other.upper - 7).toBeCloseTo(Math.sqrt(2 * 4 * (11 / 10_000) * Math.log(Math.sqrt(11) / 0.025)), 12)
    expect(confidenceSequence({ n: 1000, mean: 7, m2: 4000 }, 0.01).upper).toBeGreaterThan(upper)
  })

  it('is narrowest, for what was seen, near 8 / rho pairs', () => {
    const width = (n: number) => {
      const { upper, lower } = confidenceSequence({ n, mean: 0, m2: n }, 0.05, 1 / 500)
      return ((upper - lower) / 2) * Math.sqrt(n)
    }
    const best = Array.from({ length: 60 }, (_, i) => 500 * (i + 1)).reduce((a, b) => (width(b) < width(a) ? b : a))
    expect(best).toBeGreaterThan(2000)
    expect(best).toBeLessThan(8000)
  })

  it('says nothing below 100 pairs', () => {
    expect(fewestPairs).toBe(100)
    expect(confidenceSequence({ n: 99, mean: 1, m2: 0 }, 0.05)).toEqual({ mean: 1, lower: -Infinity, upper: Infinity })
    expect(confidenceSequence({ n: 100, mean: 1, m2: 0 }, 0.05)).toEqual({ mean: 1, lower: 1, upper: 1 })
  })
})

it('pairs add up to the moments of their differences', () => {
  const [x, y] = [
    [5, 1, 4],
    [1, 1, 1],
  ]
  const made = addPairs(addPairs(noPairs, x, y), [2], [4])
  // 4, 0, 3, -2: mean 1.25, squares around it 22.75
  expect(made).toEqual({ n: 4, mean: 1.25, m2: expect.closeTo(22.75, 12) })
  expect(addPairs(made, [], [])).toBe(made)
})

describe('reproducible numbers', () => {
  const take = <T>(n: number, draw: () => T): T[] => Array.from({ length: n }, draw)
  it('are sfc32’s', () => {
    // PractRand's sfc32 with state (seed, 0x9e3779b9, 0x243f6a88) and counter 1, after 16 rounds, in Python
    const random = seeded(12_345)
    expect(take(3, () => Math.floor(random.next() * 2 ** 32))).toEqual([515051929, 2026279088, 766850527])
  })
  it('are uniform, normal and whole as they say', () => {
    const random = seeded(8)
    const uniform = take(20_000, () => random.next())
    expect(uniform.every(x => x >= 0 && x < 1)).toBe(true)
    expect(uniform.reduce((a, b) => a + b, 0) / 20_000).toBeCloseTo(0.5, 1)
    const normal = take(20_000, () => random.normal())
    const mean = normal.reduce((a, b) => a + b, 0) / 20_000
    const moment = (power: number) => normal.reduce((a, b) => a + (b - mean) ** power, 0) / 20_000
    expect(Math.abs(mean)).toBeLessThan(0.03)
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.05)
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.35)
    const whole = take(7000, () => random.below(7))
    for (let i = 0; i < 7; i++) expect(Math.abs(whole.filter(x => x === i).length - 1000)).toBeLessThan(150)
    expect(seeded(1).next()).not.toBe(seeded(2).next())
  })
})

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { meanVariance, unbiasedCorrelation } from '../series/autocorrelation.ts'
import { normalScores } from './normal-scores.ts'

const fixture = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/statistics/monitor.json', import.meta.url), 'utf8'),
) as {
  readonly meanVariance: readonly (readonly [n: number, correlation: number, value: number])[]
  readonly normalScores: readonly { readonly counts: number[]; readonly level: number[]; readonly spread: number[] }[]
}

describe('normal scores', () => {
  it('equal those of SciPy and a regression by NumPy', () => {
    for (const { counts, level, spread } of fixture.normalScores) {
      const made = normalScores(counts)
      made.level?.forEach((x, i) => expect(x).toBeCloseTo(level[i] as number, 9))
      made.spread?.forEach((x, i) => expect(x).toBeCloseTo(spread[i] as number, 9))
      expect([made.level?.length, made.spread?.length]).toEqual([counts.length, counts.length])
    }
  })

  it('are none where one bin has everything; two bins have no spread; an empty bin at an end is finite', () => {
    expect(normalScores([5])).toEqual({ level: undefined, spread: undefined })
    expect(normalScores([0, 5, 0]).level).toBeUndefined()
    expect(normalScores([5, 7]).spread).toBeUndefined()
    expect(normalScores([0, 4, 5, 6, 0]).level?.every(Number.isFinite)).toBe(true)
  })
})

describe('the mean of values that hang together', () => {
  it('varies as the sum over all pairs says', () => {
    for (const [n, correlation, value] of fixture.meanVariance)
      expect(meanVariance(n, correlation) / value).toBeCloseTo(1, 10)
  })

  it('has a correlation that is corrected upwards, within 0 and 0.95', () => {
    expect(unbiasedCorrelation(0.5, 25)).toBeCloseTo(0.6, 12)
    expect(unbiasedCorrelation(-0.5, 25)).toBe(0)
    expect(unbiasedCorrelation(0.99, 25)).toBe(0.95)
  })
})

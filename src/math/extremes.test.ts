import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { max, promises, type PromisedRange, reals } from '../../test/support/math-promises.ts'
import { benjaminiHochberg } from './distribution/benjamini-hochberg.ts'
import { sortedQuantile } from './distribution/quantile-bins.ts'
import { confusion, rowLogLoss } from './metrics/classification.ts'
import { auc } from './metrics/ranking.ts'
import { seeded } from './random/seeded.ts'
import { interpolated } from './scaler/quantile-summary.ts'
import { logPairedEvents } from './sequential/paired-events.ts'
import { meanVariance, unbiasedCorrelation } from './series/autocorrelation.ts'
import { chiSquareSf, noncentralChiSquareSf } from './special/chi-square.ts'
import { lgamma, logBeta, minusLog1p, stirlingCorrection } from './special/gamma.ts'
import { incompleteBeta, inverseIncompleteBeta } from './special/incomplete-beta.ts'
import { gammaP, gammaQ } from './special/incomplete-gamma.ts'
import { erf, erfc, normalCdf, normalQuantile, normalSf } from './special/normal.ts'
import { clopperPearson, fisherSf, fisherUpperQuantile, wilson } from './special/proportion.ts'
import { studentSf } from './special/student.ts'
import { exponential, sigmoid } from './trees/exponential.ts'

type Numeric = (...x: number[]) => unknown
const functions = {
  erf,
  erfc,
  normalCdf,
  normalSf,
  normalQuantile,
  lgamma,
  logBeta,
  minusLog1p,
  stirlingCorrection,
  gammaP,
  gammaQ,
  incompleteBeta,
  inverseIncompleteBeta,
  chiSquareSf,
  noncentralChiSquareSf,
  studentSf,
  clopperPearson,
  wilson,
  fisherSf,
  fisherUpperQuantile,
  meanVariance,
  unbiasedCorrelation,
  logPairedEvents,
  exponential,
  sigmoid,
  rowLogLoss,
} as unknown as Readonly<Record<string, Numeric>>
const fixtureOf = (name: string) =>
  Object.entries(
    JSON.parse(readFileSync(new URL(`../../test/fixtures/statistics/${name}.json`, import.meta.url), 'utf8')) as Record<
      string,
      number[][]
    >,
  )
/** Each argument list with the relative distance from what mpmath says, where that is too large. */
const far = (name: string, rows: readonly (readonly number[])[], most: number) =>
  rows.flatMap(row => {
    const wanted = row.at(-1) as number
    const actual = Number(functions[name]?.(...row.slice(0, -1)))
    const off = Math.abs(wanted) < 1e-30 ? Math.abs(actual) : Math.abs(actual - wanted) / Math.abs(wanted)
    return off <= most ? [] : [{ given: row.slice(0, -1), actual, wanted }]
  })

it.each(fixtureOf('extremes'))('%s equals mpmath far from the ordinary', (name, rows) => {
  expect(far(name, rows, 1e-9)).toEqual([])
})

/** Where both of a pair of tails are given, the larger one has lost what the smaller one keeps. */
const exact: Readonly<Record<string, number>> = {
  gammaP: 2e-12,
  gammaQ: 2e-12,
  erfc: 1e-13,
  studentSf: 1e-11,
}
it.each(fixtureOf('borders'))('%s equals mpmath on both sides of where it goes another way', (name, rows) => {
  expect(rows.length).toBeGreaterThan(2)
  expect(far(name, rows, exact[name] ?? 1e-11)).toEqual([])
})

function product(domain: readonly (readonly number[])[]): number[][] {
  return domain.reduce<number[][]>((rows, values) => rows.flatMap(row => values.map(value => [...row, value])), [[]])
}
const numbersIn = (result: unknown): number[] =>
  typeof result === 'number' ? [result] : Object.values(result as Readonly<Record<string, number>>)

it.each(Object.keys(promises))('%s gives a number within its range', name => {
  const { domain, holds = () => true, range = reals } = promises[name] as PromisedRange
  const all = product(domain).filter(holds)
  const some = seeded(3)
  const given = all.length > 1_500 ? Array.from({ length: 1_500 }, () => all[some.below(all.length)] ?? []) : all
  const bad = given.filter(
    args => !numbersIn(functions[name]?.(...args)).every(x => x >= range[0] - 1e-12 && x <= range[1] + 1e-12),
  )
  expect(bad.slice(0, 5)).toEqual([])
})

describe('what is not defined is NaN, what is certain is exact', () => {
  const nan = Number.NaN
  it.each<[string, number[], number]>([
    ['normalQuantile', [-0.1], nan],
    ['normalQuantile', [1.1], nan],
    ['normalQuantile', [0], -Infinity],
    ['normalQuantile', [1], Infinity],
    ['normalQuantile', [0.5], 0],
    ['gammaP', [0, 1], nan],
    ['gammaP', [1, -1], nan],
    ['gammaP', [2, 0], 0],
    ['gammaP', [2, Infinity], 1],
    ['gammaP', [Infinity, Infinity], nan],
    ['gammaP', [Infinity, 5], 0],
    ['gammaP', [1e-301, 1], 1],
    ['gammaQ', [0, 1], nan],
    ['gammaQ', [1, -1], nan],
    ['gammaQ', [2, 0], 1],
    ['gammaQ', [2, Infinity], 0],
    ['gammaQ', [Infinity, Infinity], nan],
    ['gammaQ', [Infinity, 5], 1],
    ['gammaQ', [1e-301, 1], 0],
    ['gammaQ', [1e-301, 0], 1],
    ['gammaQ', [1e12, 2e12], 0],
    ['gammaP', [1e12, 5e11], 0],
    ['incompleteBeta', [0, 1, 0.5], nan],
    ['incompleteBeta', [1, 0, 0.5], nan],
    ['incompleteBeta', [1, 1, -0.1], nan],
    ['incompleteBeta', [1, 1, 1.1], nan],
    ['incompleteBeta', [3, 2, 0], 0],
    ['incompleteBeta', [3, 2, 1], 1],
    ['incompleteBeta', [1e6, 1e6, 0.1], 0],
    ['incompleteBeta', [1e6, 1e6, 0.9], 1],
    ['inverseIncompleteBeta', [0, 1, 0.5], nan],
    ['inverseIncompleteBeta', [1, 1, 2], nan],
    ['inverseIncompleteBeta', [2, 3, 0], 0],
    ['inverseIncompleteBeta', [2, 3, 1], 1],
    ['chiSquareSf', [1, 0], nan],
    ['chiSquareSf', [1, Infinity], nan],
    ['chiSquareSf', [0, 3], 1],
    ['chiSquareSf', [-1, 3], 1],
    ['noncentralChiSquareSf', [1, 0, 1], nan],
    ['noncentralChiSquareSf', [1, 1, -1], nan],
    ['noncentralChiSquareSf', [nan, 1, 1], nan],
    ['noncentralChiSquareSf', [1, 1, Infinity], nan],
    ['noncentralChiSquareSf', [0, 1, 1], 1],
    ['noncentralChiSquareSf', [1e6, 1, 1], 0],
    ['noncentralChiSquareSf', [Infinity, 1, 1], 0],
    ['studentSf', [nan, 3], nan],
    ['studentSf', [1, 0], nan],
    ['studentSf', [Infinity, 3], 0],
    ['studentSf', [0, 3], 0.5],
    ['fisherSf', [1, 0, 5], nan],
    ['fisherSf', [1, 5, 0], nan],
    ['fisherSf', [0, 5, 5], 1],
    ['fisherSf', [-2, 5, 5], 1],
    ['lgamma', [0], Infinity],
    ['lgamma', [-0.5], nan],
    ['lgamma', [1], 0],
    ['lgamma', [2], 0],
    ['lgamma', [Infinity], Infinity],
    ['logBeta', [0, 1], Infinity],
    ['logBeta', [-1, 1], nan],
    ['logBeta', [1, Infinity], -Infinity],
    ['minusLog1p', [Infinity], Infinity],
    ['minusLog1p', [-2], nan],
    ['minusLog1p', [0], 0],
    ['meanVariance', [1, 0.5], 1],
    ['meanVariance', [8, 0], 0.125],
    ['meanVariance', [5, 1], 1],
    ['unbiasedCorrelation', [0, 10], 0.1],
    ['unbiasedCorrelation', [-0.2, 100], 0],
    ['logPairedEvents', [0, 0], 0],
    ['exponential', [0], 1],
    ['sigmoid', [0], 0.5],
    ['rowLogLoss', [1, 1], -Math.log(1 - 2 ** -23)],
    ['rowLogLoss', [0, 0], -Math.log1p(-(2 ** -23))],
    ['rowLogLoss', [1, 0], 23 * Math.LN2],
    ['rowLogLoss', [0, 1], 23 * Math.LN2],
    ['rowLogLoss', [1, 0.25], 2 * Math.LN2],
    ['rowLogLoss', [0, 0.25], -Math.log(0.75)],
  ])('%s(%j) is %s', (name, given, wanted) => {
    const found = functions[name]?.(...given) as number
    if (Number.isNaN(wanted) || !Number.isFinite(wanted) || wanted === 0) expect(found + 0).toEqual(wanted)
    else expect(Math.abs(found / wanted - 1)).toBeLessThan(1e-12)
  })

  it('intervals of a share end where all or none were seen', () => {
    for (const interval of [clopperPearson, wilson]) {
      expect(interval(0, 20).lower).toBe(0)
      expect(interval(20, 20).upper).toBe(1)
      expect(interval(0, 20).upper).toBeCloseTo(1 - interval(20, 20).lower, 12)
      expect(interval(3, 20).lower).toBeLessThan(0.15)
      expect(interval(3, 20).upper).toBeGreaterThan(0.15)
      // 95 % unless it is said
      expect(interval(3, 20)).toEqual(interval(3, 20, 0.95))
      expect(interval(3, 20, 0.99).upper).toBeGreaterThan(interval(3, 20).upper)
    }
    expect(wilson(0, 0)).toEqual({ lower: 0, upper: 1 })
    // nothing seen in n: 1 − (α / 2)^(1 / n)
    expect(clopperPearson(0, 20).upper).toBeCloseTo(1 - 0.025 ** (1 / 20), 12)
  })

  it('a quantile is where the tail has that size, over many magnitudes', () => {
    for (const tail of [1e-12, 1e-4, 0.05, 0.5, 0.9])
      for (const [df1, df2] of [
        [1, 3],
        [4, 40],
        [2.5, 1000],
      ] as const)
        expect(Math.log(fisherSf(fisherUpperQuantile(tail, df1, df2), df1, df2) / tail)).toBeCloseTo(0, 8)
    for (const p of [1e-9, 0.2, 0.999999])
      for (const [a, b] of [
        [0.05, 3],
        [2, 1.4],
        [40, 700],
        [5e3, 2],
      ] as const)
        expect(Math.log(incompleteBeta(a, b, inverseIncompleteBeta(a, b, p)) / p)).toBeCloseTo(0, 8)
  })

  it('the exponential of the trees is within 2e-12, and flat beyond 600', () => {
    for (let x = -600; x <= 600; x += 0.37) expect(Math.abs(exponential(x) / Math.exp(x) - 1)).toBeLessThan(2e-12)
    expect(exponential(-700)).toBe(exponential(-600))
    expect(exponential(Infinity)).toBe(exponential(600))
    for (let x = -30; x <= 30; x += 0.61) expect(sigmoid(x) / (1 / (1 + Math.exp(-x)))).toBeCloseTo(1, 11)
  })
})

it('where the sum of a noncentral chi-square has too many terms, what stands for it continues it', () => {
  for (const z of [-3, -1, 0, 1, 3]) {
    const at = (lambda: number): number =>
      noncentralChiSquareSf(lambda + 4 + z * Math.sqrt(2 * (4 + 2 * lambda)), 4, lambda)
    expect(Math.abs(at(2.2e11) / at(1.9e11) - 1)).toBeLessThan(1e-5)
  }
})

/** Plain counting: the share of pairs that are in order, ties counting half. */
function plainAuc(labels: readonly number[], scores: readonly number[]): number {
  let [sum, pairs] = [0, 0]
  for (const [i, a] of scores.entries())
    for (const [j, b] of scores.entries())
      if (labels[i] === 1 && labels[j] === 0) {
        pairs++
        sum += a > b ? 1 : a === b ? 0.5 : 0
      }
  return sum / pairs
}

it('areas under curves are those of counting pairs, in float64 too; a score that is no number has none', () => {
  const random = seeded(11)
  const odd = [0, -0, Infinity, -Infinity, 5e-324, -5e-324, max, -max, 1e-45, 0.5, 0.5 + 1e-9]
  for (let round = 0; round < 200; round++) {
    const n = 2 + random.below(30)
    const scores = Array.from({ length: n }, () =>
      random.next() < 0.5 ? (odd[random.below(odd.length)] ?? 0) : 0.5 + random.normal() * 1e-9,
    )
    const labels = scores.map((_, i) => (i < 2 ? i : random.below(2)))
    expect(auc(labels, scores)).toBeCloseTo(plainAuc(labels, scores), 12)
    const narrow = Float32Array.from(scores)
    expect(auc(labels, narrow)).toBeCloseTo(plainAuc(labels, [...narrow]), 12)
    scores[random.below(n)] = Number.NaN
    expect(auc(labels, scores)).toBeNaN()
    expect(auc(labels, Float32Array.from(scores))).toBeNaN()
    expect(confusion(labels, scores).accuracy).toBeNaN()
  }
})

it('quantiles between numbers that are further apart than the largest are between them', () => {
  expect(sortedQuantile([-1.5e308, 1.5e308], 0.5)).toBe(0)
  expect(interpolated([-1.5e308, 1.5e308], 0.25)).toBeCloseTo(-0.75e308, -295)
  expect(interpolated([1.5e308, 1.6e308], 0.5)).toBeCloseTo(1.55e308, -294)
  expect(interpolated([Infinity, Infinity], 0.5)).toBe(Infinity)
  expect(lgamma(Infinity)).toBe(Infinity)
})

it('what is no p-value does not count among the tests', () => {
  expect(benjaminiHochberg([0.01, Number.NaN, 0.04])).toEqual([0.02, Number.NaN, 0.04])
})

import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seeded } from '../random/seeded.ts'
import { benjaminiHochberg } from './benjamini-hochberg.ts'
import {
  binnedKs,
  binnedWasserstein,
  correctedPsi,
  jensenShannonDistance,
  klDivergence,
  pointWasserstein,
  psi,
  totalVariation,
} from './divergence.ts'
import { minimumEffectTest, poolSparse } from './minimum-effect.ts'
import { binIndex, quantileBins, sortedQuantile } from './quantile-bins.ts'

interface Case {
  reference: number[]
  current: number[]
  theta0: number
  psi: number
  corrected: number
  kl: number
  js: number
  tvd: number
  ks: number
  statistic: number
  p: number
}
const fixture = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/statistics/distribution.json', import.meta.url), 'utf8'),
) as {
  cases: Case[]
  quantiles: { values: number[]; edges: number[] }[]
  benjaminiHochberg: { p: number[]; adjusted: number[] }
  wasserstein: Record<'edges' | 'reference' | 'current' | 'points' | 'pointReference' | 'pointCurrent', number[]> & {
    binned: number
    atPoints: number
  }
}

function close(actual: number, wanted: number, relative = 1e-9): void {
  if (Math.abs(wanted) < 1e-290) expect(actual).toBeLessThan(1e-290)
  else expect(Math.abs(actual - wanted) / Math.abs(wanted)).toBeLessThan(relative)
}

describe('distances between histograms equal SciPy', () => {
  it('PSI, KL, JS, TVD, KS and the minimum-effect test', () => {
    for (const one of fixture.cases) {
      close(psi(one.reference, one.current), one.psi)
      close(correctedPsi(one.reference, one.current), one.corrected, 1e-8)
      // SciPy's terms of both signs cancel to about 1e-16
      expect(Math.abs(klDivergence(one.reference, one.current) - one.kl)).toBeLessThan(1e-9 * one.kl + 1e-15)
      close(jensenShannonDistance(one.reference, one.current), one.js, 1e-8)
      close(totalVariation(one.reference, one.current), one.tvd)
      close(binnedKs(one.reference, one.current), one.ks)
      const test = minimumEffectTest(one)
      close(test.statistic, one.statistic)
      close(test.p, one.p, one.p < 1e-20 ? 1e-6 : 1e-8)
    }
  })

  it('Wasserstein', () => {
    const w = fixture.wasserstein
    close(binnedWasserstein(w.edges, w.reference, w.current), w.binned, 1e-7)
    close(pointWasserstein(w.points, w.pointReference, w.pointCurrent), w.atPoints)
  })

  it('Benjamini–Hochberg', () => {
    for (const [i, p] of benjaminiHochberg(fixture.benjaminiHochberg.p).entries())
      close(p, fixture.benjaminiHochberg.adjusted[i] as number)
  })

  it('type 7 quantiles', () => {
    for (const { values, edges } of fixture.quantiles) {
      const sorted = Float32Array.from(values).sort()
      for (const [i, edge] of edges.entries()) expect(sortedQuantile(sorted, i / 10)).toBeCloseTo(edge, 12)
    }
  })
})

describe('quantile bins', () => {
  it('hold every value in the bin a linear search finds, and coarse bins are sums of fine ones', () => {
    const values = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }), {
      minLength: 2,
      maxLength: 200,
    })
    fc.assert(
      fc.property(values, list => {
        const sorted = Float32Array.from(list).sort()
        if (sorted[0] === sorted.at(-1)) return
        const { edges, coarse } = quantileBins(sorted)
        expect(coarse.length).toBe(edges.length - 1)
        const upper = edges.slice(1)
        for (const x of sorted) {
          const naive = upper.findIndex(edge => x <= edge)
          expect(binIndex(upper, x)).toBe(naive)
        }
        // the coarse bin of x is the one that ten type 7 deciles give
        const deciles = [
          ...new Set(Array.from({ length: 10 }, (_, i) => Math.fround(sortedQuantile(sorted, (i + 1) / 10)))),
        ]
        const cuts = deciles.filter(edge => edge > (edges[0] as number))
        for (const x of sorted) expect(coarse[binIndex(upper, x)]).toBe(cuts.findIndex(edge => x <= edge))
      }),
      { numRuns: 300 },
    )
  })
})

describe('minimum-effect test', () => {
  it('pools sparse bins without losing a row', () => {
    const pooled = poolSparse([1000, 3, 2, 500, 1], [100, 0, 0, 50, 0], 'ordered')
    expect(pooled).toEqual({ reference: [1000, 506], current: [100, 50] })
    expect(poolSparse([1000, 3, 2, 500, 1], [100, 0, 0, 50, 0], 'unordered')).toEqual({
      reference: [1000, 506],
      current: [100, 50],
    })
  })

  it('keeps its false alarms at the nominal rate for 2–100 bins and 50–10,000 rows', () => {
    const random = seeded(7)
    for (const [bins, rows] of [
      [2, 50],
      [10, 200],
      [10, 2000],
      [20, 1000],
      [100, 10_000],
    ] as const) {
      const weights = Array.from({ length: bins }, (_, i) => 1 / (1 + i))
      const cumulative: number[] = []
      let sum = 0
      for (const weight of weights) cumulative.push((sum += weight))
      const draw = (n: number): number[] => {
        const counts: number[] = Array.from({ length: bins }, () => 0)
        for (let i = 0; i < n; i++) {
          const k = binIndex(cumulative, random.next() * sum)
          counts[k] = (counts[k] as number) + 1
        }
        return counts
      }
      let alarms = 0
      let effectAlarms = 0
      const repeats = rows > 5000 ? 150 : 500
      for (let i = 0; i < repeats; i++) {
        const pooled = poolSparse(draw(10_000), draw(rows), 'unordered')
        if (minimumEffectTest({ ...pooled, theta0: 0 }).p < 0.05) alarms++
        if (minimumEffectTest({ ...pooled, theta0: 0.02 }).p < 0.01) effectAlarms++
      }
      // nominal 5 %, four standard errors above
      expect(alarms / repeats).toBeLessThan(0.05 + 4 * Math.sqrt((0.05 * 0.95) / repeats))
      expect(effectAlarms / repeats).toBeLessThan(0.01 + 4 * Math.sqrt((0.01 * 0.99) / repeats))
    }
  })
})

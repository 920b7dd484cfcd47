import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
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
import { binIndex, quantileBins, sortedQuantile } from './quantile-bins.ts'

interface Case {
  reference: number[]
  current: number[]
  psi: number
  corrected: number
  kl: number
  js: number
  tvd: number
  ks: number
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
  it('PSI, KL, JS, TVD and KS', () => {
    for (const one of fixture.cases) {
      close(psi(one.reference, one.current), one.psi)
      close(correctedPsi(one.reference, one.current), one.corrected, 1e-8)
      // SciPy's terms of both signs cancel to about 1e-16
      expect(Math.abs(klDivergence(one.reference, one.current) - one.kl)).toBeLessThan(1e-9 * one.kl + 1e-15)
      close(jensenShannonDistance(one.reference, one.current), one.js, 1e-8)
      close(totalVariation(one.reference, one.current), one.tvd)
      close(binnedKs(one.reference, one.current), one.ks)
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

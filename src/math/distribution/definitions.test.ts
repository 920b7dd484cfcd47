import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { benjaminiHochberg } from './benjamini-hochberg.ts'
import * as distance from './divergence.ts'
import { normalScores } from './normal-scores.ts'
import { binIndex, quantileBins, sortedQuantile } from './quantile-bins.ts'

const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0)
const counts = fc
  .array(fc.tuple(fc.nat(40), fc.nat(40)), { minLength: 2, maxLength: 8 })
  .map(list => [list.map(([a]) => a), list.map(([, b]) => b)] as const)
  .filter(([a, b]) => sum(a) > 0 && sum(b) > 0)

describe('distances of histograms are what their definitions say', () => {
  it('of any counts, empty bins included', () => {
    fc.assert(
      fc.property(counts, fc.constantFrom(0.5, 2), ([a, b], smoothing) => {
        const [p, q] = [a.map(x => x / sum(a)), b.map(x => x / sum(b))]
        const smooth = (list: readonly number[]) =>
          list.map(x => (x + smoothing) / (sum(list) + smoothing * list.length))
        const [ps, qs] = [smooth(a), smooth(b)]
        const over = (term: (p: number, q: number) => number, x = p, y = q) =>
          sum(x.map((one, i) => term(one, y[i] as number)))
        const psi = over((x, y) => (x - y) * Math.log(x / y), ps, qs)
        expect(distance.psi(a, b, smoothing)).toBeCloseTo(psi, 10)
        const noise = (a.length - 1) * (1 / sum(a) + 1 / sum(b))
        expect(distance.correctedPsi(a, b, smoothing)).toBeCloseTo(psi - noise, 10)
        expect(distance.klDivergence(a, b, smoothing)).toBeCloseTo(
          over((x, y) => y * Math.log(y / x), ps, qs),
          10,
        )
        const half = (x: number, m: number) => (x === 0 ? 0 : x * Math.log2(x / m))
        const js = over((x, y) => half(x, (x + y) / 2) + half(y, (x + y) / 2)) / 2
        expect(distance.jensenShannonDistance(a, b)).toBeCloseTo(Math.sqrt(Math.max(0, js)), 7)
        expect(distance.totalVariation(a, b)).toBeCloseTo(over((x, y) => Math.abs(x - y)) / 2, 10)
        expect(distance.largestDifference(a, b)).toBeCloseTo(
          Math.max(...p.map((x, i) => Math.abs(x - (q[i] ?? 0)))),
          10,
        )
        const upTo = (list: readonly number[], i: number) => sum(list.slice(0, i + 1))
        expect(distance.binnedKs(a, b)).toBeCloseTo(Math.max(...p.map((_, i) => Math.abs(upTo(p, i) - upTo(q, i)))), 10)
        // the chi-square of the table of both, over its number of rows
        const all = sum(a) + sum(b)
        let chi = 0
        for (const list of [a, b])
          list.forEach((x, i) => {
            const expected = (((a[i] as number) + (b[i] as number)) * sum(list)) / all
            if (expected > 0) chi += (x - expected) ** 2 / expected
          })
        expect(distance.cramersV(a, b)).toBeCloseTo(Math.sqrt(chi / all), 10)
        // how far one has to be carried to become the other
        const points = a.map((_, i) => i * i)
        const carried = sum(
          points.slice(1).map((x, i) => Math.abs(upTo(p, i) - upTo(q, i)) * (x - (points[i] as number))),
        )
        expect(distance.pointWasserstein(points, a, b)).toBeCloseTo(carried, 10)
      }),
    )
  })

  it('without smoothing an empty bin is infinitely far, or nothing', () => {
    expect(distance.psi([1, 1], [2, 0], 0)).toBe(Infinity)
    expect(distance.psi([1, 1, 0], [1, 3, 0], 0)).toBeCloseTo(
      (0.5 - 0.25) * Math.log(2) + (0.5 - 0.75) * Math.log(2 / 3),
      12,
    )
    expect(distance.klDivergence([1, 1], [2, 0], 0)).toBeCloseTo(Math.log(2), 12)
    // a half is added to each count unless it is said
    expect(distance.psi([3, 1], [1, 3])).toBe(distance.psi([3, 1], [1, 3], 0.5))
    expect(distance.klDivergence([3, 1], [1, 3])).toBe(distance.klDivergence([3, 1], [1, 3], 0.5))
    expect(distance.correctedPsi([3, 1], [1, 3])).toBe(distance.correctedPsi([3, 1], [1, 3], 0.5))
  })

  it('Wasserstein of bins is the area between the distribution functions, which are straight within a bin', () => {
    fc.assert(
      fc.property(counts, ([a, b]) => {
        const edges = [0, ...a.map((_, i) => i + 1 + i * 0.5)]
        const at = (list: readonly number[], x: number) =>
          sum(
            list.map((n, i) => {
              const [from, to] = [edges[i] as number, edges[i + 1] as number]
              return n * Math.min(1, Math.max(0, (x - from) / (to - from)))
            }),
          ) / sum(list)
        let area = 0
        const steps = 4000
        const end = edges.at(-1) as number
        for (let i = 0; i < steps; i++) {
          const x = ((i + 0.5) / steps) * end
          area += (Math.abs(at(a, x) - at(b, x)) * end) / steps
        }
        expect(distance.binnedWasserstein(edges, a, b)).toBeCloseTo(area, 3)
      }),
      { numRuns: 25 },
    )
  })
})

describe('bins and quantiles', () => {
  it('a quantile lies between its neighbours by its share', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 30 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (list, level) => {
          const sorted = list.toSorted((a, b) => a - b)
          const position = (sorted.length - 1) * level
          const [low, high] = [sorted[Math.floor(position)] as number, sorted[Math.ceil(position)] as number]
          expect(sortedQuantile(sorted, level)).toBeCloseTo(low + (high - low) * (position - Math.floor(position)), 9)
        },
      ),
    )
  })

  it('ten coarse bins of six fine ones, unless it is said', () => {
    const values = Float32Array.from({ length: 6001 }, (_, i) => i)
    const { edges, coarse } = quantileBins(values)
    expect(edges).toHaveLength(61)
    expect(edges.slice(0, 3)).toEqual([0, 100, 200])
    expect(coarse).toEqual(Array.from({ length: 60 }, (_, i) => Math.floor(i / 6)))
    const few = quantileBins(values, 3, 2)
    expect(few.edges).toEqual([0, 1000, 2000, 3000, 4000, 5000, 6000])
    expect(few.coarse).toEqual([0, 0, 1, 1, 2, 2])
    // a value that is most of all: its edges are one
    const lumped = quantileBins(Float32Array.from([1, 5, 5, 5, 5, 5, 5, 5, 9]), 2, 2)
    expect(lumped).toEqual({ edges: [1, 5, 9], coarse: [0, 1] })
  })

  it('a value is in the first bin whose upper edge is not below it, beyond the last in the last', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: -9, max: 9 }), { minLength: 1 }),
        fc.integer({ min: -11, max: 11 }),
        (list, x) => {
          const edges = list.toSorted((a, b) => a - b)
          const first = edges.findIndex(edge => x <= edge)
          expect(binIndex(edges, x)).toBe(first < 0 ? edges.length - 1 : first)
        },
      ),
    )
  })

  it('adjusted p-values by the definition: the least n p / rank of those that are not smaller', () => {
    const p = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constant(Number.NaN), fc.constantFrom(0.01, 0.04))
    fc.assert(
      fc.property(fc.array(p, { maxLength: 12 }), list => {
        const tests = list.filter(x => !Number.isNaN(x)).toSorted((a, b) => a - b)
        benjaminiHochberg(list).forEach((found, i) => {
          const own = list[i] as number
          if (Number.isNaN(own)) {
            expect(found).toBeNaN()
            return
          }
          const all = tests.flatMap((x, rank) => (x >= own ? [(x * tests.length) / (rank + 1)] : []))
          expect(found).toBeCloseTo(Math.min(1, ...all), 12)
        })
      }),
    )
  })

  it('normal scores have mean 0 and variance 1 over the histogram and do not hang together', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(30), { minLength: 2, maxLength: 9 }), list => {
        const n = sum(list)
        const { level, spread } = normalScores(list)
        const filled = list.filter(x => x > 0).length
        expect([level === undefined, spread === undefined]).toEqual([filled < 2, filled < 3])
        const mean = (x: (i: number) => number) => sum(list.map((count, i) => count * x(i))) / n
        for (const scores of [level, spread]) {
          if (!scores) continue
          expect(mean(i => scores[i] as number)).toBeCloseTo(0, 8)
          expect(mean(i => (scores[i] as number) ** 2)).toBeCloseTo(1, 8)
        }
        if (level && spread) expect(mean(i => (level[i] as number) * (spread[i] as number))).toBeCloseTo(0, 7)
        level?.forEach((x, i) => {
          if (i > 0) expect(x).toBeGreaterThanOrEqual((level[i - 1] as number) - 1e-12)
        })
      }),
    )
  })
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { lanes, missingBin } from './arena.ts'
import { slots } from './slots.ts'
import { bestSplit } from './best-split.ts'
import { binFinder, chooseBorders, fillWords } from './bins.ts'
import { codeBase, share } from './kernels.ts'
import { gradientOf, hessianOf, type SplitRules } from './split.ts'
import { randomFrom, sampleFeatures, sampleRows } from './sampling.ts'

const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0)

describe('bins', () => {
  const value = fc.oneof(
    fc.float({ noNaN: true, noDefaultInfinity: true }),
    fc.integer({ min: -9, max: 9 }).map(Math.fround),
    fc.constantFrom(0, -0, 1, 1 + 2 ** -23, 3e38, -3e38, 1e-45, Number.NaN),
  )
  test('of few values each has its own; of many, none is empty and they are about equal', () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 300 }), fc.integer({ min: 2, max: 40 }), (list, maxBins) => {
        const column = Float32Array.from(list)
        const [borders = new Float32Array()] = chooseBorders([column], maxBins)
        const find = binFinder(borders)
        const present = [...column].filter(x => !Number.isNaN(x)).map(x => x + 0)
        const different = [...new Set(present)].sort((a, b) => a - b)
        borders.forEach((border, at) => {
          if (at > 0) expect(border).toBeGreaterThan(borders[at - 1] as number)
        })
        expect(borders.length).toBe(different.length <= maxBins ? Math.max(0, different.length - 1) : borders.length)
        expect(borders.length).toBeLessThan(Math.max(maxBins, 1))
        // the bin of a value is the first whose border is not below it
        for (const x of [...present, 1e-30, -1e30, 5.5]) {
          const naive = [...borders].findIndex(border => Math.fround(x) <= border)
          expect(find(Math.fround(x))).toBe(naive < 0 ? borders.length : naive)
        }
        expect(find(Number.NaN)).toBe(missingBin)
        if (different.length <= maxBins) expect(new Set(present.map(find)).size).toBe(different.length)
        else {
          const counts = Array.from({ length: borders.length + 1 }, () => 0)
          for (const x of present) counts[find(x)] = (counts[find(x)] ?? 0) + 1
          expect(Math.min(...counts)).toBeGreaterThan(0)
          // no bin holds much more than its share, unless of one value
          const often = Math.max(...different.map(x => present.filter(y => y === x).length))
          expect(Math.max(...counts)).toBeLessThanOrEqual((1.5 * present.length) / maxBins + 1.5 * often + 1)
          expect(borders.length + 1).toBeGreaterThanOrEqual(
            Math.min(maxBins, different.length) / (often > 1 ? 8 : 1.34),
          )
        }
      }),
      { numRuns: 300 },
    )
  })

  test('a border is midway between its neighbours, where float32 can tell', () => {
    expect([...(chooseBorders([Float32Array.from([1, 3, 4])], 255)[0] ?? [])]).toEqual([2, 3.5])
    const next = 1 + 2 ** -23
    expect([...(chooseBorders([Float32Array.from([1, next])], 255)[0] ?? [])]).toEqual([1])
    expect([...(chooseBorders([Float32Array.from([-3e38, 3e38])], 255)[0] ?? [])]).toEqual([0])
  })

  test('infinite values are named by feature and row', () => {
    expect(() => chooseBorders([new Float32Array(2), Float32Array.from([0, -Infinity])], 255)).toThrow('feature 1')
    const words = [new Int32Array(3)]
    const columns = [Float32Array.from([1, 2, 3]), Float32Array.from([1, Infinity, 3])]
    expect(() => fillWords({ words, wide: [] }, columns, [Float32Array.of(1.5), Float32Array.of(2)])).toThrow(
      'row 1 of feature 1',
    )
    expect(() => fillWords({ words, wide: [] }, [Float32Array.from([-Infinity])], [Float32Array.of()])).toThrow(
      'row 0 of feature 0',
    )
  })

  test('four features share a word', () => {
    const columns = Array.from({ length: 6 }, (_, f) =>
      Float32Array.from({ length: 20 }, (_, row) => (row === 3 ? Number.NaN : (row * (f + 3)) % 7)),
    )
    const borders = chooseBorders(columns, 255)
    const words = [new Int32Array(20), new Int32Array(20)]
    fillWords({ words, wide: [] }, columns, borders)
    columns.forEach((column, f) =>
      column.forEach((x, row) => {
        const bin = ((words[Math.floor(f / lanes)]?.[row] ?? 0) >>> (8 * (f % lanes))) & 255
        expect(bin).toBe(Number.isNaN(x) ? missingBin : [...(borders[f] ?? [])].filter(border => border < x).length)
      }),
    )
  })
})

test('the best split of a histogram is the best of all, within its rules', () => {
  const cell = fc.record({ g: fc.integer({ min: -50, max: 50 }), n: fc.nat(4) })
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.array(cell, { minLength: 1, maxLength: 6 }), cell), { minLength: 1, maxLength: 3 }),
      fc.constantFrom(0, 1, 7.5),
      fc.integer({ min: 1, max: 6 }),
      fc.constantFrom(0, 3),
      fc.constantFrom([0], [0, 1, 2], [1, 2]),
      (features, l2, minLeaf, leastHessian, asked) => {
        // every feature must add up to the same: the last bin of values takes the rest
        const totals = { g: 20, n: 24 }
        const histogram = new Float64Array(3 * slots)
        const bins = features.map(([cells, missing], f) => {
          const own = cells.map(one => ({ g: one.n === 0 ? 0 : one.g, n: one.n }))
          const lost = missing.n === 0 ? { g: 0, n: 0 } : missing
          const rest = { g: totals.g - sum(own.map(c => c.g)) - lost.g, n: totals.n - sum(own.map(c => c.n)) - lost.n }
          own.push(rest.n > 0 ? rest : { g: 0, n: 0 })
          if (rest.n <= 0) return undefined
          own.forEach((one, bin) => {
            histogram[f * slots + bin] = one.n * codeBase + one.g
          })
          histogram[f * slots + missingBin] = lost.n * codeBase + lost.g
          return { own, lost }
        })
        if (bins.some(one => one === undefined)) return
        const rules: SplitRules = {
          bins: Array.from({ length: 3 }, (_, f) => bins[f]?.own.length ?? 1),
          features: asked.filter(f => f < features.length),
          l2,
          leastHessian,
          minLeaf,
        }
        const total = totals.n * codeBase + totals.g
        const found = bestSplit(histogram, total, totals.n, rules)
        const score = (g: number, n: number) => (n + l2 > 0 ? (g * g) / (n + l2) : 0)
        let best = 0
        for (const f of rules.features) {
          const { own, lost } = bins[f] as NonNullable<(typeof bins)[number]>
          for (let bin = 0; bin < own.length; bin++)
            for (const missingLeft of [true, false]) {
              const part = own.slice(0, bin + 1)
              const g = sum(part.map(c => c.g)) + (missingLeft ? lost.g : 0)
              const n = sum(part.map(c => c.n)) + (missingLeft ? lost.n : 0)
              if (Math.min(n, totals.n - n) < Math.max(minLeaf, leastHessian) || n === 0 || n === totals.n) continue
              best = Math.max(best, score(g, n) + score(totals.g - g, totals.n - n) - score(totals.g, totals.n))
            }
        }
        expect(found?.gain ?? 0).toBeCloseTo(best, 6)
        if (found === undefined) return
        const { own, lost } = bins[found.feature] as NonNullable<(typeof bins)[number]>
        const part = own.slice(0, found.bin + 1)
        const withMissing = lost.n > 0 && found.missingLeft
        const [g, n] = [
          sum(part.map(c => c.g)) + (withMissing ? lost.g : 0),
          sum(part.map(c => c.n)) + (withMissing ? lost.n : 0),
        ]
        expect([gradientOf(found.left), hessianOf(found.left)]).toEqual([g, n])
        expect(rules.features).toContain(found.feature)
        // what was not missing here goes the way of most rows
        if (lost.n === 0) expect(found.missingLeft).toBe(2 * n >= totals.n)
      },
    ),
    { numRuns: 400 },
  )
})

test('of splits that are equally good the first feature and the lowest bin are taken', () => {
  // gradients 1, -2, 1 in each of two features: the cuts after the first and after the second bin gain the same
  const histogram = new Float64Array(2 * slots)
  for (const f of [0, 1]) [1, -2, 1].forEach((g, bin) => void (histogram[f * slots + bin] = 4 * codeBase + g))
  const rules = { bins: [3, 3], features: [0, 1], l2: 0, leastHessian: 0, minLeaf: 1 }
  expect(bestSplit(histogram, 12 * codeBase, 12, rules)).toMatchObject({ feature: 0, bin: 0 })
  expect(bestSplit(histogram, 12 * codeBase, 12, { ...rules, features: [1] })).toMatchObject({ feature: 1, bin: 0 })
})

describe('draws', () => {
  test('rows: just the share, in order, each as likely as another', () => {
    const counts = new Float64Array(40)
    const order = new Int32Array(40)
    const random = randomFrom(5, 1)
    for (let round = 0; round < 600; round++) {
      const taken = sampleRows(order, 40, 0.3, random)
      expect(taken).toBe(12)
      const [first, second] = [[...order.subarray(0, taken)], [...order.subarray(taken)]]
      expect(first).toEqual(first.toSorted((a, b) => a - b))
      expect(second).toEqual(second.toSorted((a, b) => a - b))
      expect(new Set(order).size).toBe(40)
      for (const row of first) counts[row] = (counts[row] ?? 0) + 1
    }
    // 180 of 600 with a standard error of 11.2
    for (const count of counts) expect(Math.abs(count - 180)).toBeLessThan(56)
    expect(sampleRows(order, 40, 0.001, random)).toBe(1)
    expect(sampleRows(order, 40, 1, random)).toBe(40)
  })

  test('features: at least one, in order, each as likely as another', () => {
    const counts = [0, 0, 0, 0, 0]
    const random = randomFrom(9, 0)
    for (let round = 0; round < 500; round++) {
      const chosen = sampleFeatures(5, 0.4, random)
      expect(chosen).toHaveLength(2)
      expect(chosen[0]).toBeLessThan(chosen[1] as number)
      for (const f of chosen) counts[f] = (counts[f] ?? 0) + 1
    }
    for (const count of counts) expect(Math.abs(count - 200)).toBeLessThan(55)
    expect(sampleFeatures(3, 0.01, random)).toHaveLength(1)
    // of all, nothing is drawn
    let drawn = 0
    expect(sampleFeatures(3, 1, () => (drawn++, 0.99))).toEqual([0, 1, 2])
    expect(drawn).toBe(0)
  })

  test('numbers are uniform, and other ones by seed and stream', () => {
    const take = (seed: number, stream: number) => {
      const random = randomFrom(seed, stream)
      return Array.from({ length: 4000 }, random)
    }
    const list = take(1, 2)
    expect(take(1, 2)).toEqual(list)
    expect(take(2, 2)).not.toEqual(list)
    expect(take(1, 3)).not.toEqual(list)
    expect(list.every(x => x >= 0 && x < 1)).toBe(true)
    const tenths = Array.from({ length: 10 }, (_, i) => list.filter(x => Math.floor(x * 10) === i).length)
    for (const count of tenths) expect(Math.abs(count - 400)).toBeLessThan(95)
    // neighbours do not hang together
    const r = sum(list.slice(1).map((x, i) => (x - 0.5) * ((list[i] as number) - 0.5))) / (list.length / 12)
    expect(Math.abs(r)).toBeLessThan(0.08)
  })

  test('shares of threads cover everything once, in whole grains', () => {
    fc.assert(
      fc.property(
        fc.nat(5000),
        fc.integer({ min: 1, max: 9 }),
        fc.constantFrom(1, 64, 1024),
        (total, threads, grain) => {
          let at = 0
          for (let thread = 0; thread < threads; thread++) {
            const [begin, end] = share(total, thread, threads, grain)
            expect(begin).toBe(at)
            expect(end).toBeGreaterThanOrEqual(begin)
            if (end < total) expect(end % grain).toBe(0)
            at = end
          }
          expect(at).toBe(total)
          const sizes = Array.from({ length: threads }, (_, t) => share(total, t, threads, grain)).map(
            ([a, b]) => b - a,
          )
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(2 * grain)
        },
      ),
    )
  })
})

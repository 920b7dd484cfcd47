import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  fitScaler,
  float32Scale,
  InfiniteValueError,
  inverseTransform,
  mergeScalers,
  mergeSummaries,
  quantileOf,
  scaleFloat32,
  scaleRowsFloat32,
  SpreadError,
  summarise,
  transform,
} from './index.ts'
import { isConstantByVariance, isIdentity, isZeroScale, kindOf, leaveUnscaled } from './parameters.ts'
import { interpolated, maxPoints } from './quantile-summary.ts'
import { quantilesInPlace } from './select.ts'

const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0)
const value = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -40, max: 40 }).map(x => x / 4) },
  { weight: 1, arbitrary: fc.constant(Number.NaN) },
)
/** Linear between order statistics, as NumPy. */
function quantile(list: readonly number[], level: number): number {
  const sorted = list.toSorted((a, b) => a - b)
  const position = (sorted.length - 1) * level
  const [low, high] = [sorted[Math.floor(position)] as number, sorted[Math.ceil(position)] as number]
  return low + (high - low) * (position - Math.floor(position))
}

describe('what is learned of a column is what its values say', () => {
  it('without weights', () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 60 }), fc.boolean(), (list, mergeable) => {
        const there = list.filter(x => !Number.isNaN(x))
        const found = fitScaler('none', [Float64Array.from(list)], { mergeable }).features[0]
        expect(found).toMatchObject({ count: there.length, nullCount: list.length - there.length, offset: 0, scale: 1 })
        if (there.length === 0) {
          expect(found).toMatchObject({ min: 0, max: 0, mean: 0, var: 0, median: 0, iqr: 0 })
          return
        }
        const mean = sum(there) / there.length
        expect([found?.min, found?.max]).toEqual([Math.min(...there), Math.max(...there)])
        expect(found?.mean).toBeCloseTo(mean, 10)
        expect(found?.var).toBeCloseTo(sum(there.map(x => (x - mean) ** 2)) / there.length, 9)
        expect(found?.median).toBeCloseTo(quantile(there, 0.5), 10)
        expect(found?.iqr).toBeCloseTo(quantile(there, 0.75) - quantile(there, 0.25), 10)
        expect(found?.p01).toBeCloseTo(quantile(there, 0.01), 10)
        expect(found?.p99).toBeCloseTo(quantile(there, 0.99), 10)
        expect(found?.constant).toBe(new Set(there).size === 1)
        expect(found?.summary === undefined).toBe(!mergeable)
        if (mergeable) expect(found?.summary?.points).toEqual(there.toSorted((a, b) => a - b))
      }),
    )
  })

  it('with weights: moments by weight, quantiles the least value up to which the share lies', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(value, fc.constantFrom(0, 0.5, 1, 2.5)), { minLength: 1, maxLength: 40 }),
        fc.boolean(),
        (list, mergeable) => {
          const there = list.filter(([x, w]) => !Number.isNaN(x) && w > 0).toSorted((a, b) => a[0] - b[0])
          const weights = Float64Array.from(list, ([, w]) => w)
          const found = fitScaler('robust', [Float64Array.from(list, ([x]) => x)], { weights, mergeable }).features[0]
          const total = sum(there.map(([, w]) => w))
          expect([found?.count, found?.nullCount]).toEqual([total, list.filter(([x]) => Number.isNaN(x)).length])
          if (there.length === 0) {
            expect(found).toMatchObject({ offset: 0, scale: 1 })
            return
          }
          const mean = sum(there.map(([x, w]) => x * w)) / total
          expect(found?.mean).toBeCloseTo(mean, 10)
          expect(found?.var).toBeCloseTo(sum(there.map(([x, w]) => w * (x - mean) ** 2)) / total, 9)
          expect([found?.min, found?.max]).toEqual([there[0]?.[0], there.at(-1)?.[0]])
          const at = (level: number) =>
            there.find((_, i) => sum(there.slice(0, i + 1).map(([, w]) => w)) / total >= level)?.[0] ??
            there.at(-1)?.[0]
          expect([found?.p01, found?.median, found?.p99]).toEqual([at(0.01), at(0.5), at(0.99)])
          expect(found?.iqr).toBe((at(0.75) ?? 0) - (at(0.25) ?? 0))
          expect(found?.offset).toBe(at(0.5))
          expect(found?.summary === undefined).toBe(!mergeable)
        },
      ),
    )
  })

  it('each kind subtracts and divides by its own; a scale of nothing is 1', () => {
    const column = Float64Array.from([1, 2, 4, 9])
    const of = (kind: 'standard' | 'minmax' | 'robust' | 'none', values = column) => {
      const { offset, scale } = fitScaler(kind, [values]).features[0] ?? { offset: 0, scale: 0 }
      return [offset, scale]
    }
    expect(of('standard')).toEqual([4, Math.sqrt(9.5)])
    expect(of('minmax')).toEqual([1, 8])
    expect(of('robust')).toEqual([3, 5.25 - 1.75])
    expect(of('none')).toEqual([0, 1])
    const same = Float64Array.from([3, 3, 3])
    expect([of('standard', same), of('minmax', same), of('robust', same)]).toEqual([
      [3, 1],
      [3, 1],
      [3, 1],
    ])
    // most are the same: the range is something, the quartiles are not
    expect(of('robust', Float64Array.from([3, 3, 3, 3, 3, 3, 3, 9]))).toEqual([3, 1])
  })

  it('what has no scale is named', () => {
    const infinite = () => fitScaler('none', [new Float64Array(3), Float64Array.from([1, 2, Infinity])])
    expect(infinite).toThrow(InfiniteValueError)
    expect(infinite).toThrow(expect.objectContaining({ name: 'InfiniteValueError', feature: 1, row: 2 }))
    const wide = () => fitScaler('standard', [new Float64Array(3), Float64Array.from([-1e200, 1e200, 0])])
    expect(wide).toThrow(SpreadError)
    expect(wide).toThrow(expect.objectContaining({ name: 'SpreadError', feature: 1 }))
    expect(wide).toThrow('the variance of feature 1 is beyond float64')
    const weights = Float64Array.from([1, 1, 1])
    expect(() => fitScaler('none', [Float64Array.from([1, -Infinity, 2])], { weights })).toThrow(
      expect.objectContaining({ feature: 0, row: 1 }),
    )
    expect(() => fitScaler('none', [new Float64Array(2)], { weights })).toThrow('there are 3 weights for 2 rows')
    expect(() => fitScaler('none', [new Float64Array(2)], { weights: Float64Array.from([1, -1]) })).toThrow(
      'the weight of row 1 is -1',
    )
  })

  it('what counts as constant: a variance within the rounding of computing it, a width below ten steps', () => {
    expect(isConstantByVariance(0, 5, 10)).toBe(true)
    expect(isConstantByVariance(1e-28, 1, 100)).toBe(true)
    expect(isConstantByVariance(1e-20, 1, 100)).toBe(false)
    expect(isConstantByVariance(1e-20, 1e8, 100)).toBe(true)
    expect([isZeroScale(0), isZeroScale(2.2e-15), isZeroScale(2.3e-15), isZeroScale(1)]).toEqual([
      true,
      true,
      false,
      false,
    ])
  })
})

describe('scaling', () => {
  const scaler = fitScaler(
    ['standard', 'minmax', 'none'],
    [
      [1, 3],
      [2, 6],
      [5, 7],
    ].map(list => Float64Array.from(list)),
  )
  it('subtracts and divides, and back', () => {
    const columns = [
      [1, 3, Number.NaN],
      [2, 6, 8],
      [5, 7, 1],
    ].map(list => Float64Array.from(list))
    const made = transform(scaler, columns)
    expect(made.map(column => [...column])).toEqual([
      [-1, 1, Number.NaN],
      [0, 1, 1.5],
      [5, 7, 1],
    ])
    expect(inverseTransform(scaler, made)).toEqual(columns)
    expect(() => transform(scaler, [...columns, new Float64Array(3)])).toThrow(
      'the scaler knows 3 features, not number 3',
    )
    expect(() => inverseTransform(scaler, [...columns, new Float64Array(3)])).toThrow('not number 3')
    expect(() => scaleFloat32(scaler, [...columns.map(c => Float32Array.from(c)), new Float32Array(3)])).toThrow(
      'not number 3',
    )
  })

  it('in float32: the difference is rounded, then the product', () => {
    const column = Float32Array.from([0.1, 0.7, 12_345.678, 1e-3])
    const fitted = fitScaler('standard', [column])
    const { offset, factor } = float32Scale(fitted)
    const wanted = column.map(x => Math.fround(Math.fround(x - (offset[0] ?? 0)) * (factor[0] ?? 0)))
    expect(scaleFloat32(fitted, [column])[0]).toEqual(wanted)
    expect(offset[0]).toBe(Math.fround(fitted.features[0]?.offset ?? 0))
    expect(offset[0]).toBeCloseTo((0.1 + 0.7 + 12_345.678 + 1e-3) / 4, 3)
    expect(factor[0]).toBe(Math.fround(1 / (fitted.features[0]?.scale ?? 0)))
    const out = new Float32Array(4)
    scaleRowsFloat32({ offset, factor }, column, 3, out)
    expect([...out]).toEqual([...wanted.slice(0, 3), 0])
  })

  it('knows its kinds, and leaves alone what it is told to', () => {
    expect([0, 1, 2].map(at => kindOf(scaler, at))).toEqual(['standard', 'minmax', 'none'])
    expect(kindOf(scaler, 9)).toBe(scaler.kind)
    expect([isIdentity(scaler), isIdentity(leaveUnscaled(scaler, [0, 1]))]).toEqual([false, true])
    expect(isIdentity({ ...scaler, features: [{ ...scaler.features[0], offset: 0, scale: 2 } as never] })).toBe(false)
    const left = leaveUnscaled(scaler, [1])
    expect(left.features[0]).toEqual(scaler.features[0])
    expect(left.features[1]).toMatchObject({ kind: 'none', offset: 0, scale: 1, mean: 4 })
  })

  it('the commonest kind is the whole one; of equally many the first; of none, none', () => {
    const column = new Float64Array(1)
    expect(fitScaler(['robust', 'minmax', 'minmax'], [column, column, column]).kind).toBe('minmax')
    expect(fitScaler(['robust', 'minmax'], [column, column]).kind).toBe('robust')
    expect(fitScaler([], [])).toEqual({ kind: 'none', features: [], approximateQuantiles: false })
    // a column without a kind is left as it is
    expect(fitScaler(['minmax'], [column, column]).features[1]).toMatchObject({ kind: 'none', offset: 0, scale: 1 })
  })
})

describe('merging', () => {
  it('what was kept whole merges to the quantiles of all', () => {
    fc.assert(
      fc.property(fc.array(fc.array(value, { maxLength: 20 }), { minLength: 2, maxLength: 4 }), parts => {
        const all = parts.flat().filter(x => !Number.isNaN(x))
        const merged = mergeScalers(
          parts.map(part => fitScaler('robust', [Float64Array.from(part)], { mergeable: true })),
        )
        const found = merged.features[0]
        expect(merged.approximateQuantiles).toBe(true)
        if (all.length === 0) return
        expect(found?.offset).toBeCloseTo(quantile(all, 0.5), 10)
        expect(found?.iqr).toBeCloseTo(quantile(all, 0.75) - quantile(all, 0.25), 10)
        expect(found?.p01).toBeCloseTo(quantile(all, 0.01), 10)
        expect(found?.p99).toBeCloseTo(quantile(all, 0.99), 10)
      }),
    )
  })

  it('without summaries quantiles are means by count; extremes and counts are exact; one part is itself', () => {
    const fit = (...list: number[]) => fitScaler('standard', [Float64Array.from(list)])
    const merged = mergeScalers([fit(1, 2, 3), fit(10, Number.NaN), fit()]).features[0]
    expect(merged).toMatchObject({ count: 4, nullCount: 1, min: 1, max: 10, mean: 4, offset: 4 })
    expect(merged?.var).toBeCloseTo(12.5, 10)
    expect(merged?.median).toBeCloseTo((2 * 3 + 10) / 4, 10)
    expect(merged?.iqr).toBeCloseTo(3 / 4, 10)
    expect(merged).not.toHaveProperty('p01')
    const only = fit(1, 2)
    expect(mergeScalers([only])).toBe(only)
    const kinds = mergeScalers(
      [0, 1].map(x =>
        fitScaler(
          ['minmax', 'none', 'minmax'],
          [1, 2, 3].map(y => Float64Array.from([x, y])),
        ),
      ),
    )
    expect([kinds.kind, ...kinds.features.map(one => one.kind)]).toEqual(['minmax', undefined, 'none', undefined])
    // parts of nothing merge to nothing, of whatever kind, with what is missing of each
    const missing = Float64Array.of(Number.NaN)
    for (const parts of [
      [Float64Array.of(), missing],
      [missing, Float64Array.of()],
    ])
      expect(mergeScalers(parts.map(part => fitScaler('robust', [part]))).features[0]).toMatchObject({
        count: 0,
        nullCount: 1,
        scale: 1,
      })
    expect(mergeScalers([fit(Number.NaN), fit(4, Number.NaN)]).features[0]).toMatchObject({ nullCount: 2, mean: 4 })
  })
})

describe('quantiles', () => {
  it('without sorting are those of sorting', () => {
    const list = fc.oneof(
      fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 80 }),
      fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 80 }),
    )
    fc.assert(
      fc.property(list, fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 }), (values, some) => {
        const levels = [0, ...some, 0.5, 1].toSorted((a, b) => a - b)
        const sorted = values.toSorted((a, b) => a - b)
        const taken = Float64Array.from(values)
        // the two zeros are one number: which of them stands first among equals says nothing
        const oneZero = (list: readonly number[]) => list.map(x => x + 0)
        expect(oneZero(quantilesInPlace(taken, levels))).toEqual(
          oneZero(levels.map(level => interpolated(sorted, level))),
        )
        expect(taken.toSorted()).toEqual(Float64Array.from(values).toSorted())
      }),
      {
        numRuns: 300,
        examples: [
          [[-0, 0, 0], []],
          [[0, 0, -0], [0.25]],
        ],
      },
    )
    // orders that are bad for a pivot of three
    for (const shape of [
      (i: number) => i,
      (i: number) => -i,
      (i: number) => i % 2,
      () => 1,
      (i: number) => Math.abs(500 - i),
    ]) {
      const values = Float64Array.from({ length: 1000 }, (_, i) => shape(i))
      const sorted = values.toSorted()
      expect(quantilesInPlace(values, [0.1, 0.5, 0.9])).toEqual(
        [0.1, 0.5, 0.9].map(level => interpolated(sorted, level)),
      )
    }
  })

  it('a summary keeps 2,048 points: all rows up to that, and says how far off it is beyond', () => {
    const of = (n: number) => summarise(Float64Array.from({ length: n }, (_, i) => i))
    expect(maxPoints).toBe(2048)
    expect(of(2048)).toMatchObject({ rankError: 0, weights: Array.from({ length: 2048 }, () => 1) })
    const more = of(2049)
    expect([more.points.length, more.rankError]).toEqual([2048, 1 / 4096])
    expect(sum([...more.weights])).toBeCloseTo(2049, 8)
    // the values in the middle of equal shares
    const twice = of(4096)
    expect(twice.weights[0]).toBe(2)
    twice.points.forEach((x, i) => expect(x).toBe(2 * i))
    const joined = mergeSummaries([twice, of(10)])
    expect(joined.rankError).toBeCloseTo((4096 * (1 / 4096)) / 4106 + 1 / 4096, 12)
    expect(mergeSummaries([of(3), of(2)])).toEqual({ points: [0, 0, 1, 1, 2], weights: [1, 1, 1, 1, 1], rankError: 0 })
    expect(mergeSummaries([])).toEqual({ points: [], weights: [], rankError: 0 })
    expect(quantileOf({ points: [], weights: [], rankError: 0 }, 0.5)).toBeNaN()
    // off by something: the point that holds the rank, no line between
    const rough = { points: [1, 5, 9], weights: [2, 2, 4], rankError: 0.01 }
    expect([0, 0.25, 0.26, 0.5, 0.51, 1, 1.1].map(level => quantileOf(rough, level))).toEqual([1, 1, 5, 5, 9, 9, 9])
  })

  it('between two, as NumPy: both ends are met exactly, the median is their mean', () => {
    expect(interpolated([1, 2], 0.5)).toBe(1.5)
    expect(interpolated([0.1, 0.3], 1)).toBe(0.3)
    expect(interpolated([0.1, 0.3], 0)).toBe(0.1)
    expect(interpolated([7], 0.3)).toBe(7)
    expect(interpolated([1, 2, 4], 0.75)).toBe(3)
    expect(interpolated([1, 2, 4], 0.5)).toBe(2)
    // numpy.quantile([1e16, 1e16 + 4], 0.75)
    expect(interpolated([1e16, 1e16 + 4], 0.75)).toBe(1e16 + 4)
  })
})

import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { holdToReference, type ScalerReference } from '../../../test/support/scaler-shapes.ts'
import {
  fitScaler,
  inverseTransform,
  mergeScalers,
  scaleFloat32,
  scaleRowsFloat32,
  float32Scale,
  mergeSummaries,
  quantileOf,
  SpreadError,
  summarise,
  transform,
} from './index.ts'

const reference = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/scaler/reference.json', import.meta.url), 'utf8'),
) as ScalerReference

test.each(reference.columns)('equal to scikit-learn within 1e-12: $name', holdToReference)

const value = fc.oneof(
  { weight: 9, arbitrary: fc.double({ min: -1e6, max: 1e6, noNaN: true }) },
  { weight: 1, arbitrary: fc.constant(NaN) },
)

/** The values of one part: now and then all of them are missing. */
const part = fc.oneof(
  { weight: 4, arbitrary: fc.array(value, { maxLength: 30 }) },
  { weight: 1, arbitrary: fc.array(fc.constant(NaN), { minLength: 1, maxLength: 3 }) },
)

test('merging parts gives what fitting all at once gives', () => {
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), parts => {
      const whole = fitScaler('standard', [Float64Array.from(parts.flat())]).features[0]
      const merged = mergeScalers(parts.map(part => fitScaler('standard', [Float64Array.from(part)]))).features[0]
      expect(merged?.count).toBe(whole?.count)
      expect(merged?.nullCount).toBe(whole?.nullCount)
      expect(merged?.min).toBe(whole?.min)
      expect(merged?.max).toBe(whole?.max)
      expect(Math.abs((merged?.mean ?? 0) - (whole?.mean ?? 0))).toBeLessThan(1e-6)
      expect(Math.abs((merged?.var ?? 0) - (whole?.var ?? 0))).toBeLessThanOrEqual(1e-9 * (whole?.var ?? 0) + 1e-6)
    }),
  )
})

test('the inverse undoes the transform', () => {
  fc.assert(
    fc.property(
      fc.array(value, { minLength: 2 }),
      fc.constantFrom('standard', 'minmax', 'robust', 'none' as const),
      (list, kind) => {
        const column = Float64Array.from(list)
        const scaler = fitScaler(kind, [column])
        const [back] = inverseTransform(scaler, transform(scaler, [column]))
        const size = column.reduce((top, x) => Math.max(top, Number.isNaN(x) ? 0 : Math.abs(x)), 1)
        back?.forEach((x, row) => {
          const original = column[row] ?? NaN
          if (Number.isNaN(original)) expect(x).toBeNaN()
          else expect(Math.abs(x - original)).toBeLessThanOrEqual(1e-9 * size)
        })
      },
    ),
  )
})

test('scaling columns and scaling rows in float32 is the same arithmetic', () => {
  const columns = [Float32Array.from([1, 2.5, NaN, 1e7]), Float32Array.from([0.1, 0.2, 0.3, 5])]
  const scaler = fitScaler('standard', columns)
  const byColumn = scaleFloat32(scaler, columns)
  const rows = Float32Array.from([0, 1, 2, 3].flatMap(row => columns.map(column => column[row] ?? NaN)))
  scaleRowsFloat32(float32Scale(scaler), rows, 4, rows)
  rows.forEach((x, at) => expect(x).toEqual(byColumn[at % 2]?.[at >> 1]))
})

test('refuses infinite values by place, and unequal scalers', () => {
  expect(() => fitScaler('standard', [new Float64Array(2), Float64Array.from([1, -Infinity])])).toThrow(
    'row 1 of feature 1 is infinite',
  )
  const one = fitScaler('standard', [new Float64Array(2)])
  expect(() => mergeScalers([one, fitScaler('minmax', [new Float64Array(2)])])).toThrow(/cannot be merged/)
  expect(() => mergeScalers([one, fitScaler('standard', [])])).toThrow(/1 and 0 features/)
  expect(() => mergeScalers([])).toThrow(/no scaler/)
})

test('a column without values scales nothing', () => {
  const { features } = fitScaler('robust', [Float64Array.from([NaN, NaN])])
  expect(features[0]).toMatchObject({ count: 0, nullCount: 2, offset: 0, scale: 1, constant: false })
})

test("a kind a column, and the commonest kind is the whole scaler's", () => {
  const column = Float64Array.from([1, 2, 4])
  const { kind, features } = fitScaler(['minmax', 'standard', 'minmax', 'none'], [column, column, column, column])
  expect([kind, ...features.map(feature => feature.kind)]).toEqual(['minmax', undefined, 'standard', undefined, 'none'])
  expect(features.map(feature => [feature.offset, feature.scale])).toEqual([
    [1, 3],
    [7 / 3, Math.sqrt(14 / 9)],
    [1, 3],
    [0, 1],
  ])
})

test('whole weights are repeated rows; other weights must be finite and at least 0', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(value, fc.nat(3)), { minLength: 1 }), list => {
      const weights = Float64Array.from(list, ([, weight]) => weight)
      const weighted = fitScaler('standard', [Float64Array.from(list, ([x]) => x)], { weights }).features[0]
      const repeated = fitScaler('standard', [
        Float64Array.from(list.flatMap(([x, weight]) => Array.from({ length: weight }, () => x))),
      ]).features[0]
      expect(weighted?.count).toBe(repeated?.count)
      expect([weighted?.min, weighted?.max]).toEqual([repeated?.min, repeated?.max])
      expect(Math.abs((weighted?.mean ?? 0) - (repeated?.mean ?? 0))).toBeLessThan(1e-7)
      expect(Math.abs((weighted?.var ?? 0) - (repeated?.var ?? 0))).toBeLessThanOrEqual(
        1e-9 * (repeated?.var ?? 0) + 1e-6,
      )
    }),
  )
  for (const bad of [[-1], [NaN], [Infinity], []])
    expect(() => fitScaler('standard', [new Float64Array(1)], { weights: Float64Array.from(bad) })).toThrow(RangeError)
})

test('quantiles of joined summaries are as near as stated', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 9 }), fc.constantFrom(40, 3000, 9000), (seed, parts, rows) => {
      let state = seed
      const next = (): number => (state = (Math.imul(state, 1664525) + 1013904223) | 0)
      const whole = Float64Array.from({ length: rows }, () => Math.trunc(next() / 2 ** 12) * (next() % 3))
      const cuts = Array.from({ length: parts - 1 }, () => Math.abs(next()) % rows).sort((a, b) => a - b)
      const pieces = [0, ...cuts].map((from, at) => whole.slice(from, cuts[at] ?? rows).sort())
      const { rankError, ...summary } = mergeSummaries(pieces.map(summarise))
      const sorted = whole.toSorted()
      for (const level of [0.01, 0.25, 0.5, 0.75, 0.99]) {
        const found = quantileOf({ ...summary, rankError }, level)
        const slack = rankError + 1 / rows + 1e-12
        const below = sorted.findIndex(x => x >= found)
        const upTo = sorted.findLastIndex(x => x <= found) + 1
        expect((below < 0 ? rows : below) / rows).toBeLessThanOrEqual(level + slack)
        expect(upTo / rows).toBeGreaterThanOrEqual(level - slack)
      }
      expect(rankError).toBeLessThanOrEqual(1 / 2048)
    }),
    { numRuns: 60 },
  )
})

test('a robust scale merges through its summaries, and is refused without them', () => {
  const parts = [Float64Array.from([5, 1, 3]), Float64Array.from([2, NaN, 4])]
  expect(() => mergeScalers(parts.map(part => fitScaler('robust', [part])))).toThrow(/quantiles, which do not merge/)
  const merged = mergeScalers(parts.map(part => fitScaler('robust', [part], { mergeable: true })))
  expect(merged.features[0]).toMatchObject({ count: 5, nullCount: 1, offset: 3, scale: 2, median: 3, iqr: 2 })
})

test('a variance beyond float64 is refused, not turned into NaN', () => {
  const column = Float64Array.from([1e300, -1e300, 5e299])
  expect(() => fitScaler('standard', [column])).toThrow(SpreadError)
  expect(fitScaler('minmax', [column]).features[0]).toMatchObject({ offset: -1e300, scale: 2e300, constant: false })
})

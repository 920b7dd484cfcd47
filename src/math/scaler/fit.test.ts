import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  fitScaler,
  inverseTransform,
  mergeScalers,
  scaleFloat32,
  scaleRowsFloat32,
  float32Scale,
  transform,
} from './index.ts'

interface Reference {
  readonly columns: readonly {
    readonly name: string
    readonly values: readonly (number | null)[]
    readonly standard: { readonly offset: number; readonly var: number; readonly scale: number }
    readonly minmax: { readonly offset: number; readonly max: number; readonly scale: number }
    readonly robust: { readonly offset: number; readonly scale: number }
  }[]
}
const reference = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/scaler/reference.json', import.meta.url), 'utf8'),
) as Reference

const near = (actual: number | undefined, wanted: number, tolerance = 1e-12): void => {
  expect(Math.abs((actual ?? NaN) - wanted)).toBeLessThanOrEqual(tolerance * Math.abs(wanted))
}

describe.each(reference.columns)('against scikit-learn: $name', column => {
  const values = Float64Array.from(column.values, value => value ?? NaN)
  test.each(['standard', 'minmax', 'robust'] as const)('%s', kind => {
    const feature = fitScaler(kind, [values]).features[0]
    // The variance of values at 1e9 with a spread of 1 keeps fewer digits in both.
    const tolerance = column.name === 'far from zero' ? 1e-10 : 1e-12
    if (column.name === 'constant with rounding') expect(feature?.constant).toBe(true)
    else if (kind === 'standard') near(feature?.var, column.standard.var, tolerance)
    near(feature?.offset, column[kind].offset)
    near(feature?.scale, column[kind].scale, tolerance)
    expect(feature?.nullCount).toBe(column.values.filter(value => value === null).length)
    if (kind === 'minmax') expect(feature?.max).toBe(column.minmax.max)
  })
})

const value = fc.oneof(
  { weight: 9, arbitrary: fc.double({ min: -1e6, max: 1e6, noNaN: true }) },
  { weight: 1, arbitrary: fc.constant(NaN) },
)

test('merging parts gives what fitting all at once gives', () => {
  fc.assert(
    fc.property(fc.array(fc.array(value, { maxLength: 30 }), { minLength: 1, maxLength: 6 }), parts => {
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

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { fitLogistic, fitRidge, type LinearData, type LinearModel, predictLinear } from './index.ts'

interface Answer {
  readonly coefficients: readonly number[]
  readonly intercept: number
}
const reference = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/linear/reference.json', import.meta.url), 'utf8'),
) as {
  readonly features: readonly (readonly number[])[]
  readonly value: readonly number[]
  readonly flag: readonly number[]
  readonly ridge: Readonly<Record<string, Answer>>
  readonly logistic: Readonly<Record<string, Answer>>
}

const width = 4
const rows = reference.features.length
const raw = Array.from({ length: width }, (_, at) => reference.features.map(row => row[at] ?? NaN))
const means = raw.map(column => column.reduce((a, b) => a + b) / rows)
const deviations = raw.map((column, at) =>
  Math.sqrt(column.reduce((sum, x) => sum + (x - (means[at] ?? 0)) ** 2, 0) / rows),
)
const dataOf = (labels: readonly number[]): LinearData => ({
  rows,
  columns: raw.map(column => Float32Array.from(column)),
  labels: Float32Array.from(labels),
})

/** scikit-learn saw standardised float64 features, we float32 ones. */
function expectEqual(model: LinearModel, answer: Answer): void {
  model.coefficients.forEach((coefficient, at) => {
    expect(coefficient * (deviations[at] ?? 1)).toBeCloseTo(answer.coefficients[at] ?? NaN, 5)
  })
  const shift = model.coefficients.reduce((sum, coefficient, at) => sum + coefficient * (means[at] ?? 0), 0)
  expect(model.intercept + shift).toBeCloseTo(answer.intercept, 5)
}

describe('against scikit-learn', () => {
  test.each(Object.entries(reference.ridge))('ridge, penalty %s', (l2, answer) => {
    expectEqual(fitRidge(dataOf(reference.value), { l2: Number(l2) }), answer)
  })
  test.each(Object.entries(reference.logistic))('logistic, penalty %s', (l2, answer) => {
    expectEqual(fitLogistic(dataOf(reference.flag), { l2: Number(l2) }), answer)
  })
})

test('a repeated column, a constant one and separable classes do no harm', () => {
  const x = Float32Array.from({ length: 50 }, (_, row) => row)
  const columns = [x, x, new Float32Array(50).fill(3)]
  const model = fitRidge({ rows: 50, columns, labels: x.map(value => 2 * value + 1) })
  expect(model.coefficients[0]).toBeCloseTo(2, 6)
  expect(model.coefficients[1]).toBe(0)
  const labels = x.map(value => (value > 25 ? 1 : 0))
  const split = fitLogistic({ rows: 50, columns, labels }, { l2: 0 })
  expect(split.coefficients.every(Number.isFinite)).toBe(true)
})

test('missing values take the mean, in training and in prediction', () => {
  const columns = [Float32Array.from([1, 2, 3, NaN, 4, 0])]
  const labels = Float32Array.from([1, 2, 3, 2, 4, 0])
  const model = fitRidge({ rows: 6, columns, labels })
  expect(model.replacements).toEqual([2])
  const out = new Float32Array(2)
  predictLinear(model, Float32Array.from([NaN, 2]), 2, out)
  expect(out[0]).toBe(out[1])
})

test('weights count as repeated rows', () => {
  const columns = [Float32Array.from([0, 1, 2, 5])]
  const labels = Float32Array.from([0, 1, 1, 0])
  const weighted = fitLogistic({ rows: 4, columns, labels, weights: Float32Array.from([1, 2, 1, 1]) }, { l2: 0 })
  const repeated = fitLogistic(
    { rows: 5, columns: [Float32Array.from([0, 1, 1, 2, 5])], labels: Float32Array.from([0, 1, 1, 1, 0]) },
    { l2: 0 },
  )
  // Standardisation does not see the weights, which without a penalty makes no difference.
  expect(weighted.coefficients[0]).toBeCloseTo(repeated.coefficients[0] ?? NaN, 6)
})

test('refuses labels and values it cannot use', () => {
  const columns = [Float32Array.from([1, 2])]
  expect(() => fitLogistic({ rows: 2, columns, labels: Float32Array.from([0, 2]) })).toThrow(/label of row 1/)
  expect(() => fitRidge({ rows: 2, columns, labels: Float32Array.from([0, NaN]) })).toThrow(/label of row 1/)
  expect(() => fitRidge({ rows: 2, columns: [Float32Array.from([1, Infinity])], labels: new Float32Array(2) })).toThrow(
    /infinite/,
  )
  expect(() => fitRidge({ rows: 2, columns, labels: new Float32Array(2) }, { l2: -1 })).toThrow(/l2/)
})

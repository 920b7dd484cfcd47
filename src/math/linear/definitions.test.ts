import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { solveSymmetric } from './cholesky.ts'
import { fitLogistic, fitRidge, type LinearData, type LinearModel, predictLinear } from './index.ts'

const small = fc.integer({ min: -6, max: 6 }).map(x => x / 2)

describe('a symmetric system', () => {
  it('is solved, whatever its size', () => {
    fc.assert(
      fc.property(
        fc
          .integer({ min: 1, max: 6 })
          .chain(n =>
            fc.tuple(
              fc.constant(n),
              fc.array(small, { minLength: n * n, maxLength: n * n }),
              fc.array(small, { minLength: n, maxLength: n }),
            ),
          ),
        ([n, list, x]) => {
          // B Bᵀ + I, and what it gives for x
          const b = (i: number, k: number) => list[i * n + k] as number
          const matrix = Float64Array.from({ length: n * n }, (_, at) => {
            const [i, j] = [Math.floor(at / n), at % n]
            return Array.from({ length: n }, (_, k) => b(i, k) * b(j, k)).reduce((a, c) => a + c, i === j ? 1 : 0)
          })
          const right = Float64Array.from({ length: n }, (_, i) =>
            x.reduce((sum, value, j) => sum + (matrix[i * n + j] as number) * value, 0),
          )
          // the upper triangle is not read
          for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) matrix[i * n + j] = Number.NaN
          solveSymmetric(matrix, right).forEach((value, i) => expect(value).toBeCloseTo(x[i] as number, 6))
        },
      ),
    )
  })

  it('a column that others determine gets 0, the first of them all', () => {
    for (const [matrix, right, wanted] of [
      [
        [4, 4, 4, 4],
        [8, 8],
        [2, 0],
      ],
      [
        [0, 0, 0, 3],
        [0, 6],
        [0, 2],
      ],
      [
        [2, 0, 0, 2, 2, 0, 0, 0, 5],
        [4, 4, 10],
        [2, 0, 2],
      ],
    ] as const)
      solveSymmetric(Float64Array.from(matrix), Float64Array.from(right)).forEach((x, i) =>
        expect(x).toBeCloseTo(wanted[i] as number, 12),
      )
  })
})

const data = fc
  .record({
    rows: fc.array(fc.tuple(small, small, small, fc.boolean(), fc.integer({ min: 1, max: 3 })), {
      minLength: 6,
      maxLength: 25,
    }),
    l2: fc.constantFrom(0.1, 1, 8),
    weighted: fc.boolean(),
  })
  .filter(({ rows }) => new Set(rows.map(([a]) => a)).size > 2 && new Set(rows.map(([, b]) => b)).size > 2)

/** The penalty counts on features of variance 1. */
function pull(model: LinearModel, columns: readonly Float32Array[], l2: number): number[] {
  return columns.map((column, at) => {
    const mean = column.reduce((a, b) => a + b, 0) / column.length
    const variance = column.reduce((a, b) => a + (b - mean) ** 2, 0) / column.length
    return l2 * (model.coefficients[at] as number) * variance
  })
}

describe('a fitted model is where the penalised loss is flat', () => {
  const of = (
    rows: readonly (readonly [number, number, number, boolean, number])[],
    weighted: boolean,
    labels: number[],
  ): LinearData => ({
    rows: rows.length,
    columns: [Float32Array.from(rows, ([a]) => a), Float32Array.from(rows, ([, b]) => b)],
    labels: Float32Array.from(labels),
    ...(weighted ? { weights: Float32Array.from(rows, ([, , , , w]) => w) } : {}),
  })
  const slopes = (
    { columns, labels, weights, rows }: LinearData,
    model: LinearModel,
    answer: (margin: number) => number,
  ) => {
    const rest = Array.from({ length: rows }, (_, row) => {
      const margin = columns.reduce(
        (sum, column, at) => sum + (model.coefficients[at] as number) * (column[row] as number),
        model.intercept,
      )
      return (weights?.[row] ?? 1) * (answer(margin) - (labels[row] as number))
    })
    const own = columns.map(column => rest.reduce((sum, r, row) => sum + r * (column[row] as number), 0))
    return { intercept: rest.reduce((a, b) => a + b, 0), own }
  }

  it('ridge', () => {
    fc.assert(
      fc.property(data, ({ rows, l2, weighted }) => {
        const given = of(
          rows,
          weighted,
          rows.map(([a, b, c]) => a - 2 * b + c),
        )
        const model = fitRidge(given, { l2 })
        const { intercept, own } = slopes(given, model, margin => margin)
        expect(intercept).toBeCloseTo(0, 4)
        // the intercept of a weighted fit carries the mean of the features: the penalty is on centred ones
        const force = pull(model, given.columns, l2)
        const means = given.columns.map(column => column.reduce((a, b) => a + b, 0) / column.length)
        own.forEach((slope, at) =>
          expect(slope - intercept * (means[at] as number) + (force[at] as number)).toBeCloseTo(0, 3),
        )
        expect(model.task).toBe('regression')
      }),
    )
  })

  it('logistic', () => {
    fc.assert(
      fc.property(data, ({ rows, l2, weighted }) => {
        const given = of(
          rows,
          weighted,
          rows.map(([, , , label]) => (label ? 1 : 0)),
        )
        if (new Set(given.labels).size < 2) return
        const model = fitLogistic(given, { l2 })
        const { intercept, own } = slopes(given, model, margin => 1 / (1 + Math.exp(-margin)))
        expect(intercept).toBeCloseTo(0, 5)
        const force = pull(model, given.columns, l2)
        own.forEach((slope, at) => expect(slope + (force[at] as number)).toBeCloseTo(0, 4))
        expect(model.task).toBe('binary')
      }),
    )
  })

  it('the penalty is 0 for ridge and 1 for logistic unless it is said', () => {
    const rows = [0, 1, 2, 3, 4, 5, 6, 7]
    const given = { rows: 8, columns: [Float32Array.from(rows)], labels: Float32Array.from([0, 1, 0, 1, 0, 1, 1, 1]) }
    expect(fitRidge(given)).toEqual(fitRidge(given, { l2: 0 }))
    expect(fitLogistic(given)).toEqual(fitLogistic(given, { l2: 1 }))
    expect(fitRidge(given)).not.toEqual(fitRidge(given, { l2: 1 }))
    expect(fitLogistic(given)).not.toEqual(fitLogistic(given, { l2: 0.5 }))
  })
})

describe('what goes in and what comes out', () => {
  const columns = [Float32Array.from([1, 2, 3, 4])]
  const good: LinearData = { rows: 4, columns, labels: Float32Array.from([1, 0, 1, 0]) }
  it.each<[string, Partial<LinearData>, RegExp]>([
    [
      'no rows',
      { rows: 0, columns: [new Float32Array()], labels: new Float32Array() },
      /at least one row and one feature/,
    ],
    ['no features', { columns: [] }, /at least one row and one feature/],
    ['too few labels', { labels: new Float32Array(3) }, /same number of rows/],
    ['too few weights', { weights: new Float32Array(3) }, /same number of rows/],
    ['too short a feature', { columns: [...columns, new Float32Array(3)] }, /same number of rows/],
    [
      'an infinite value',
      { columns: [...columns, Float32Array.from([0, 1, -Infinity, 2])] },
      /row 2 of feature 1 is infinite/,
    ],
  ])('%s is refused', (_, over, words) => {
    for (const fit of [fitRidge, fitLogistic]) {
      expect(() => fit({ ...good, ...over })).toThrow(words)
      expect(() => fit({ ...good, ...over })).toThrow(RangeError)
    }
  })

  it('a penalty is a number of 0 or more; labels are what the task says', () => {
    for (const l2 of [-1, Number.NaN, Infinity]) {
      expect(() => fitRidge(good, { l2 })).toThrow(/l2 must be 0 or more/)
      expect(() => fitLogistic(good, { l2 })).toThrow(/l2 must be 0 or more/)
    }
    expect(() => fitLogistic({ ...good, labels: Float32Array.from([0, 1, 1, 0.5]) })).toThrow(
      'label of row 3 is 0.5, not 0 or 1',
    )
    expect(() => fitRidge({ ...good, labels: Float32Array.from([0, Infinity, 1, 1]) })).toThrow(
      'label of row 1 is Infinity',
    )
  })

  it('answers are sums in float64, of probabilities between 0 and 1; what is missing is replaced', () => {
    const model: LinearModel = { task: 'regression', coefficients: [2, -1], intercept: 5, replacements: [10, 100] }
    const rows = Float32Array.from([1, 2, Number.NaN, 2, 1, Number.NaN])
    const out = new Float32Array(3)
    predictLinear(model, rows, 3, out)
    expect([...out]).toEqual([5, 23, -93])
    predictLinear({ ...model, task: 'binary' }, rows, 3, out)
    for (const [i, margin] of [5, 23, -93].entries()) expect(out[i]).toBeCloseTo(1 / (1 + Math.exp(-margin)), 6)
    expect(() => predictLinear(model, rows, 4, new Float32Array(4))).toThrow('4 rows of 2 features need 8 values')
  })

  it('a feature of nothing but missing values is left at 0, a constant one divides by 1', () => {
    const given = { ...good, columns: [...columns, new Float32Array(4).fill(Number.NaN), new Float32Array(4).fill(7)] }
    const model = fitRidge(given, { l2: 1 })
    expect(model.replacements).toEqual([2.5, 0, 7])
    expect(model.coefficients.slice(1)).toEqual([0, 0])
    expect(model.coefficients[0]).not.toBe(0)
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { solveSymmetric } from './cholesky.ts'
import {
  fitLinear,
  fitWithImportance,
  type LinearData,
  type LinearModel,
  type LinearTask,
  predictLinear,
} from './index.ts'

interface Draft {
  readonly coefficients: number[][]
  readonly intercepts: number[]
  readonly effects: { readonly values: number[][] }[]
}

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
    rows: fc.array(fc.tuple(small, small, small, fc.nat(2), fc.integer({ min: 1, max: 3 })), {
      minLength: 6,
      maxLength: 25,
    }),
    l1: fc.constantFrom(0, 0.3, 2),
    l2: fc.constantFrom(0.1, 1, 8),
    weighted: fc.boolean(),
    task: fc.constantFrom<LinearTask>('regression', 'binary', 'multiclass', 'count'),
  })
  .filter(({ rows }) => new Set(rows.map(([a]) => a)).size > 2 && new Set(rows.map(([, b]) => b)).size > 2)

function add(list: number[] | undefined, at: number, step: number): void {
  if (list) list[at] = (list[at] ?? NaN) + step
}

/** The penalised loss by plain counting: what `fitLinear` says it minimises. */
function naiveLoss(
  { columns, codes = [], labels, weights }: LinearData,
  model: LinearModel,
  l1: number,
  l2: number,
): number {
  const w = (row: number): number => weights?.[row] ?? 1
  const rows = [...labels.keys()]
  const total = rows.reduce((sum, row) => sum + w(row), 0)
  const spread = (values: ArrayLike<number>): number => {
    const mean = rows.reduce((sum, row) => sum + w(row) * (values[row] as number), 0) / total
    return Math.sqrt(rows.reduce((sum, row) => sum + w(row) * ((values[row] as number) - mean) ** 2, 0) / total)
  }
  const unit = model.task === 'regression' ? spread(labels) || 1 : 1
  let loss = 0
  for (const row of rows) {
    const margins = model.intercepts.map((intercept, k) =>
      columns.reduce((sum, column, at) => {
        const value = column[row] as number
        const effect = model.effects.find(one => one.feature === at)
        return sum + (effect ? (effect.values[value]?.[k] ?? NaN) : (model.coefficients[k]?.[at] ?? NaN) * value)
      }, intercept),
    )
    const [margin] = margins as [number]
    const label = labels[row] as number
    loss +=
      w(row) *
      (model.task === 'regression'
        ? 0.5 * ((margin - label) / unit) ** 2
        : model.task === 'count'
          ? Math.exp(margin) - label * margin
          : model.task === 'binary'
            ? Math.log(1 + Math.exp(label === 1 ? -margin : margin))
            : Math.log(margins.reduce((sum, m) => sum + Math.exp(m), 0)) - (margins[label] as number))
  }
  const sizes = model.coefficients.flatMap((own, k) =>
    columns.flatMap((column, at) => {
      const effect = model.effects.find(one => one.feature === at)
      if (effect) return effect.values.map(value => (value[k] as number) / unit)
      return codes[at] ? [] : [((own[at] as number) * spread(column)) / unit]
    }),
  )
  return loss + sizes.reduce((sum, size) => sum + l1 * Math.abs(size) + (l2 / 2) * size ** 2, 0)
}

describe('a fitted model is where the penalised loss is least', () => {
  it('whatever coefficient is moved, of any task, penalty and weights', () => {
    fc.assert(
      fc.property(data, ({ rows, l1, l2, weighted, task }) => {
        const of = (row: (typeof rows)[number]): number =>
          task === 'regression' ? row[0] - 2 * row[1] + row[2] : task === 'binary' ? Number(row[2] > 0) : row[3]
        const given: LinearData = {
          rows: rows.length,
          columns: [
            Float32Array.from(rows, ([a]) => a),
            Float32Array.from(rows, ([, b]) => b),
            Float32Array.from(rows, ([a, , c]) => (a + c > 1 ? 1 : c > 2 ? 2 : 0)),
          ],
          codes: [0, 0, 4],
          labels: Float32Array.from(rows, of),
          ...(weighted ? { weights: Float32Array.from(rows, ([, , , , w]) => w) } : {}),
        }
        const model = fitLinear(given, { task, classes: 3, l1, l2 })
        const least = naiveLoss(given, model, l1, l2)
        const moved = (change: (model: Draft) => void): void => {
          const draft = structuredClone(model) as unknown as Draft
          change(draft)
          const loss = naiveLoss(given, draft as unknown as LinearModel, l1, l2)
          expect(loss).toBeGreaterThanOrEqual(least - 1e-9 * Math.max(1, Math.abs(least)))
        }
        for (const step of [-1e-3, 1e-3]) {
          model.intercepts.forEach((_, k) => {
            moved(draft => add(draft.intercepts, k, step))
            for (const at of [0, 1]) moved(draft => add(draft.coefficients[k], at, step))
            for (const code of [0, 1, 2, 3]) moved(draft => add(draft.effects[0]?.values[code], k, step))
          })
        }
        // no row has the last code
        expect(model.effects[0]?.values[3]?.every(value => value === 0)).toBe(true)
      }),
      { numRuns: 60 },
    )
  })

  it('the penalties are 1 and 0 unless it is said', () => {
    const rows = [0, 1, 2, 3, 4, 5, 6, 7]
    const given = { rows: 8, columns: [Float32Array.from(rows)], labels: Float32Array.from([0, 1, 0, 1, 0, 1, 1, 1]) }
    for (const task of ['regression', 'binary', 'count'] as const) {
      expect(fitLinear(given, { task })).toEqual(fitLinear(given, { task, l1: 0, l2: 1 }))
      expect(fitLinear(given, { task })).not.toEqual(fitLinear(given, { task, l2: 0.5 }))
      expect(fitLinear(given, { task })).not.toEqual(fitLinear(given, { task, l1: 0.5 }))
    }
  })

  it('shares are of what each feature moves: none of a constant, a repeated one as much as its twin', () => {
    const x = Float32Array.from([0, 1, 2, 3, 4, 5])
    const { importance } = fitWithImportance(
      {
        rows: 6,
        columns: [x, new Float32Array(6).fill(3), x, Float32Array.from([0, 1, 0, 1, 0, 1])],
        codes: [0, 0, 0, 2],
        labels: x,
      },
      { task: 'regression' },
    )
    expect(importance[1]).toBe(0)
    expect(importance[0]).toBeCloseTo(importance[2] as number, 9)
    expect(importance[3]).toBeLessThan(0.2)
    expect(importance.reduce((sum, one) => sum + one, 0)).toBeCloseTo(1, 12)
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
    [
      'a code that there is not',
      { columns: [...columns, Float32Array.from([0, 1, 2, 0])], codes: [0, 2] },
      /row 2 of feature 1 has the code 2 of 2/,
    ],
    [
      'a missing code',
      { columns: [Float32Array.from([0, NaN, 1, 0])], codes: [2] },
      /row 1 of feature 0 has the code NaN/,
    ],
    ['a weight below 0', { weights: Float32Array.from([1, 1, -1, 1]) }, /the weight of row 2 is -1/],
    ['no weight at all', { weights: new Float32Array(4) }, /all weights are zero/],
  ])('%s is refused', (_, over, words) => {
    for (const task of ['regression', 'binary', 'count'] as const) {
      expect(() => fitLinear({ ...good, ...over }, { task })).toThrow(words)
      expect(() => fitLinear({ ...good, ...over }, { task })).toThrow(RangeError)
    }
  })

  it('a penalty is a number of 0 or more; labels are what the task says', () => {
    for (const penalty of [-1, Number.NaN, Infinity]) {
      expect(() => fitLinear(good, { task: 'regression', l2: penalty })).toThrow(/l2 must be 0 or more/)
      expect(() => fitLinear(good, { task: 'binary', l1: penalty })).toThrow(/l1 must be 0 or more/)
    }
    const labelled = (...labels: number[]): LinearData => ({ ...good, labels: Float32Array.from(labels) })
    expect(() => fitLinear(labelled(0, 1, 1, 0.5), { task: 'binary' })).toThrow('label of row 3 is 0.5, not 0 or 1')
    expect(() => fitLinear(labelled(0, Infinity, 1, 1), { task: 'regression' })).toThrow('label of row 1 is Infinity')
    expect(() => fitLinear(labelled(0, 1, -1, 1), { task: 'count' })).toThrow('label of row 2 is -1, not 0 or more')
    expect(() => fitLinear(labelled(0, 1, 3, 1), { task: 'multiclass', classes: 3 })).toThrow(
      'label of row 2 is 3 of 3',
    )
    for (const classes of [1, 1.5, 1001])
      expect(() => fitLinear(good, { task: 'multiclass', classes })).toThrow(/classes must be a whole number/)
    expect(() => fitLinear(good, { task: 'multiclass' })).toThrow(/classes must be a whole number/)
  })

  it('answers are sums in float64, through the link of the task; what is missing is replaced, a strange code adds nothing', () => {
    const model: LinearModel = {
      task: 'regression',
      coefficients: [[2, -1, 0]],
      intercepts: [5],
      replacements: [10, 100, 0],
      effects: [{ feature: 2, values: [[0], [7]] }],
    }
    const rows = Float32Array.from([1, 2, 0, Number.NaN, 2, 1, 1, Number.NaN, 9])
    const out = new Float32Array(3)
    predictLinear(model, rows, 3, out)
    expect([...out]).toEqual([5, 30, -93])
    predictLinear({ ...model, task: 'binary' }, rows, 3, out)
    for (const [i, margin] of [5, 30, -93].entries()) expect(out[i]).toBeCloseTo(1 / (1 + Math.exp(-margin)), 6)
    predictLinear({ ...model, task: 'count', intercepts: [-10] }, rows, 1, out)
    expect(out[0]).toBeCloseTo(Math.exp(-10), 9)
    const two: LinearModel = {
      task: 'multiclass',
      coefficients: [[1], [2]],
      intercepts: [0, 1],
      replacements: [0],
      effects: [],
    }
    const both = new Float32Array(4)
    predictLinear(two, Float32Array.from([3, 500]), 2, both)
    expect(both[0]).toBeCloseTo(1 / (1 + Math.exp(4)), 6)
    expect([both[2], both[3]]).toEqual([0, 1])
    expect(() => predictLinear(model, rows, 4, new Float32Array(4))).toThrow('4 rows of 3 features need 12 values')
  })

  it('a feature of nothing but missing values is left at 0, a constant one too', () => {
    const given = { ...good, columns: [...columns, new Float32Array(4).fill(Number.NaN), new Float32Array(4).fill(7)] }
    const model = fitLinear(given, { task: 'regression' })
    expect(model.replacements).toEqual([2.5, 0, 7])
    expect(model.coefficients[0]?.slice(1)).toEqual([0, 0])
    expect(model.coefficients[0]?.[0]).not.toBe(0)
  })

  it('one row, one class and equal labels give the best constant', () => {
    const one = { rows: 1, columns: [Float32Array.from([3])] }
    for (const task of ['regression', 'count'] as const) {
      const out = new Float32Array(1)
      predictLinear(fitLinear({ ...one, labels: Float32Array.from([2]) }, { task }), Float32Array.from([8]), 1, out)
      expect(out[0]).toBeCloseTo(2, 6)
    }
    const same = fitLinear({ ...good, labels: new Float32Array(4).fill(1) }, { task: 'binary' })
    const out = new Float32Array(1)
    predictLinear(same, Float32Array.from([2]), 1, out)
    expect(out[0]).toBeGreaterThan(0.99)
  })
})

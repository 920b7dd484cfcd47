import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { seeded } from '../random/seeded.ts'
import { fitLinear, type LinearData, type LinearTask, predictLinear } from './index.ts'

interface Answer {
  readonly task: LinearTask
  readonly l1: number
  readonly l2: number
  readonly weighted: boolean
  /** Predictions of the trained rows, and of rows with what training did not see. */
  readonly trained: readonly (readonly number[])[]
  readonly asked: readonly (readonly number[])[]
}
interface Rows {
  readonly numbers: readonly (readonly (number | null)[])[]
  readonly texts: readonly (readonly string[])[]
}
const reference = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/linear/reference.json', import.meta.url), 'utf8'),
) as {
  readonly train: Rows
  readonly ask: Rows
  readonly labels: Readonly<Record<string, readonly number[]>>
  readonly weights: readonly number[]
  readonly answers: Readonly<Record<string, Answer>>
}

const seen = [0, 1].map(at =>
  [...new Set(reference.train.texts.map(row => row[at] as string))].filter(text => text !== ''),
)
const codes = [0, 0, 0, ...seen.map(list => list.length + 2)]

function columnsOf({ numbers, texts }: Rows): Float32Array[] {
  const code = (at: number, text: string): number => {
    const list = seen[at] as string[]
    return text === '' ? list.length + 1 : list.includes(text) ? list.indexOf(text) : list.length
  }
  return [
    ...[0, 1, 2].map(at => Float32Array.from(numbers, row => row[at] ?? NaN)),
    ...[0, 1].map(at => Float32Array.from(texts, row => code(at, row[at] as string))),
  ]
}

function answersOf(answer: Answer, label: string, rows: Rows): number[][] {
  const columns = columnsOf(reference.train)
  const model = fitLinear(
    {
      rows: columns[0]?.length ?? 0,
      columns,
      codes,
      labels: Float32Array.from(reference.labels[label] ?? []),
      ...(answer.weighted ? { weights: Float32Array.from(reference.weights) } : {}),
    },
    { task: answer.task, classes: 3, l1: answer.l1, l2: answer.l2 },
  )
  const asked = columnsOf(rows)
  const count = rows.texts.length
  const outputs = model.intercepts.length
  const flat = Float32Array.from({ length: count * 5 }, (_, i) => asked[i % 5]?.[Math.floor(i / 5)] as number)
  const out = new Float32Array(count * outputs)
  predictLinear(model, flat, count, out)
  return Array.from({ length: count }, (_, row) => [...out.subarray(row * outputs, (row + 1) * outputs)])
}

describe('predictions are those of scikit-learn, texts one-hot and missing numbers at their mean', () => {
  test.each(Object.entries(reference.answers))('%s', (name, answer) => {
    const label = name.split(' ')[0] as string
    for (const [rows, wanted] of [
      [reference.train, answer.trained],
      [reference.ask, answer.asked],
    ] as const) {
      const got = answersOf(answer, label, rows)
      expect(got.length).toBe(wanted.length)
      const size = Math.max(...wanted.flat().map(Math.abs))
      let worst = 0
      wanted.forEach((row, r) =>
        row.forEach((value, k) => {
          worst = Math.max(worst, Math.abs((got[r]?.[k] ?? NaN) - value) / size)
        }),
      )
      expect(worst).toBeLessThan(1e-6)
    }
  })
})

test('the unit of the label does not matter, from a millionth to a billion', () => {
  const columns = columnsOf(reference.train)
  const rows = columns[0]?.length ?? 0
  const value = reference.labels.value ?? []
  const predict = (scale: number, l1: number): number[] => {
    const labels = Float32Array.from(value, label => label * scale)
    const model = fitLinear({ rows, columns, codes, labels }, { task: 'regression', l1 })
    const flat = Float32Array.from({ length: rows * 5 }, (_, i) => columns[i % 5]?.[Math.floor(i / 5)] as number)
    const out = new Float32Array(rows)
    predictLinear(model, flat, rows, out)
    return [...out].map(one => one / scale)
  }
  for (const l1 of [0, 3]) {
    const one = predict(1, l1)
    for (const scale of [1e-6, 1e3, 1e9])
      predict(scale, l1).forEach((got, row) => expect(Math.abs(got - (one[row] as number))).toBeLessThan(2e-6))
  }
})

test('a repeated column, a constant one and separable classes do no harm', () => {
  const x = Float32Array.from({ length: 50 }, (_, row) => row)
  const columns = [x, x, new Float32Array(50).fill(3)]
  const model = fitLinear({ rows: 50, columns, labels: x.map(value => 2 * value + 1) }, { task: 'regression', l2: 0 })
  expect(model.coefficients[0]?.[0]).toBeCloseTo(2, 6)
  expect(model.coefficients[0]?.slice(1)).toEqual([0, 0])
  const labels = x.map(value => (value > 25 ? 1 : 0))
  const split = fitLinear({ rows: 50, columns, labels }, { task: 'binary', l2: 0 })
  expect(split.coefficients.flat().every(Number.isFinite)).toBe(true)
})

const pair: LinearData = {
  rows: 6,
  columns: [Float32Array.from([1, 2, 3, NaN, 4, 0])],
  labels: Float32Array.from([1, 2, 3, 2, 4, 0]),
}

test('missing values take the mean, in training and in prediction', () => {
  const model = fitLinear(pair, { task: 'regression' })
  expect(model.replacements).toEqual([2])
  const out = new Float32Array(2)
  predictLinear(model, Float32Array.from([NaN, 2]), 2, out)
  expect(out[0]).toBe(out[1])
})

describe.each<[LinearTask, number]>([
  ['regression', 0],
  ['regression', 0.4],
  ['binary', 0],
  ['binary', 0.4],
  ['count', 0],
  ['multiclass', 0],
  ['multiclass', 0.2],
])('%s with l1 %s', (task, l1) => {
  const columns = [Float32Array.from([0, 1, 2, 5, 3, 8]), Float32Array.from([0, 1, 1, 2, 2, 0])]
  const labels = Float32Array.from(task === 'multiclass' ? [0, 1, 2, 0, 1, 2] : [0, 1, 1, 0, 1, 0])
  const options = { task, l1, classes: 3 }

  test('weights count as repeated rows, and a weight of 0 as none', () => {
    const weighted = fitLinear(
      { rows: 6, columns, codes: [0, 3], labels, weights: Float32Array.from([1, 2, 1, 3, 1, 0]) },
      options,
    )
    const again = [0, 1, 1, 2, 3, 3, 3, 4]
    const pick = (list: Float32Array): Float32Array => Float32Array.from(again, at => list[at] as number)
    const repeated = fitLinear({ rows: 8, columns: columns.map(pick), codes: [0, 3], labels: pick(labels) }, options)
    const flat = (m: typeof weighted): number[] => [
      ...m.coefficients.flat(),
      ...m.intercepts,
      ...m.effects.flatMap(effect => effect.values.flat()),
    ]
    flat(weighted).forEach((one, at) => expect(one).toBeCloseTo(flat(repeated)[at] as number, 6))
  })
})

test('a strong l1 leaves only the intercept, the best constant', () => {
  const rows = 40
  const columns = [Float32Array.from({ length: rows }, (_, row) => Math.sin(row))]
  const labels = Float32Array.from({ length: rows }, (_, row) => (row % 4 === 0 ? 1 : 0))
  const model = fitLinear({ rows, columns, labels }, { task: 'binary', l1: 1000 })
  expect(model.coefficients).toEqual([[0]])
  expect(model.intercepts[0]).toBeCloseTo(Math.log(1 / 3), 9)
})

test('without a penalty, a code that no row has counts as the average one', () => {
  const columns = [Float32Array.from([0, 0, 1, 1, 1])]
  const labels = Float32Array.from([1, 3, 5, 6, 7])
  const model = fitLinear({ rows: 5, columns, codes: [4], labels }, { task: 'regression', l2: 0 })
  const out = new Float32Array(4)
  predictLinear(model, Float32Array.from([0, 1, 2, 3]), 4, out)
  expect([...out].map(value => Math.round(value * 1e5) / 1e5)).toEqual([2, 6, 4.4, 4.4])
})

test('many inputs are solved without writing their products out: the same answer', () => {
  const rows = 60
  const make = (width: number): LinearData => ({
    rows,
    columns: Array.from({ length: width }, (_, at) =>
      Float32Array.from({ length: rows }, (__, row) => Math.sin((row + 1) * (at + 1) * 1.7)),
    ),
    labels: Float32Array.from({ length: rows }, (_, row) => (Math.sin((row + 1) * 1.7) > 0 ? 1 : 0)),
  })
  for (const task of ['regression', 'binary', 'count', 'multiclass'] as const) {
    // 1,200 columns are over the limit of the exact solver; all but 30 of them are copies
    const wide = make(30)
    const many = { ...wide, columns: Array.from({ length: 1200 }, (_, at) => wide.columns[at % 30] as Float32Array) }
    // Forty copies share a coefficient: their squares add up to a fortieth of the one
    const [a, b] = [fitLinear(many, { task, classes: 2, l2: 40 }), fitLinear(wide, { task, classes: 2, l2: 1 })]
    for (let at = 0; at < 30; at++)
      expect((a.coefficients[0]?.[at] as number) * 40).toBeCloseTo(b.coefficients[0]?.[at] as number, 6)
  }
})

test('of forty classes, each is as probable over the rows as it is often there', () => {
  const [classes, rows] = [40, 1_200]
  const random = seeded(4)
  const labels = Float32Array.from({ length: rows }, (_, row) => (row < 900 ? row % classes : row % 7))
  const columns = [0, 1, 2].map(at =>
    Float32Array.from(labels, label => Math.sin(label * (at + 1)) + 0.3 * random.normal()),
  )
  const data = { rows, columns, labels }
  const model = fitLinear(data, { task: 'multiclass', classes, l2: 0.5 })
  const features = Float32Array.from({ length: 3 * rows }, (_, at) => columns[at % 3]?.[Math.floor(at / 3)] ?? 0)
  const chances = new Float32Array(rows * classes)
  predictLinear(model, features, rows, chances)
  for (let k = 0; k < classes; k++) {
    let sum = 0
    for (let row = 0; row < rows; row++) sum += chances[row * classes + k] as number
    expect(sum).toBeCloseTo(labels.filter(label => label === k).length, 2)
  }
})

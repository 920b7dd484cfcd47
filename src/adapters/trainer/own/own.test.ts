import { describe, expect, test } from 'vitest'
import type { Trainer } from '../../../define/trainer.ts'
import { isMillraceError } from '../../../errors/index.ts'
import { calibrationError } from '../../../math/metrics/calibration.ts'
import { seeded } from '../../../math/random/seeded.ts'
import type { Task } from '../../../math/task.ts'
import { solo } from '../../../math/trees/index.ts'
import { graphOrder, inspectModel, parity, verifyModel } from '../../../onnx/index.ts'
import type { InferenceRuntime } from '../../../ports/inference-runtime.ts'
import type { FrameRows, InputColumn, TrainingResult, TrainingRequest } from '../../../ports/trainer.ts'
import { openNative } from '../../inference/onnx-native/open.ts'
import { openTrees } from '../../inference/trees/open.ts'
import { openOwnTrainer } from './open.ts'
import { times } from '../../../../test/fuzz/edges.ts'

const inputs = [
  { name: 'distance', type: 'float' },
  { name: 'city', type: 'text' },
  { name: 'weekend', type: 'bool' },
  { name: 'last', type: 'float' },
] as const
const cities = ['oslo', 'rome', 'bern', 'cork', 'riga', 'lima', 'kiel']

/** Rows with missing values of every kind, and texts that are rare or new in the test part. */
function rowsOf(task: Task, count: number, seed: number, unit = 1): FrameRows {
  const random = seeded(seed)
  const columns: InputColumn[] = [
    Float32Array.from({ length: count }, () => (random.next() < 0.06 ? NaN : random.next() * 3000)),
    Array.from({ length: count }, () => {
      const dice = random.next()
      if (dice < 0.05) return ''
      return dice < 0.06 ? `rare ${random.below(50)}` : (cities[random.below(cities.length)] as string)
    }),
    Float32Array.from({ length: count }, () => (random.next() < 0.03 ? NaN : random.below(2))),
    Float32Array.from({ length: count }, () => (random.next() < 0.1 ? NaN : random.next() * 10 * unit)),
  ]
  const labels = Float32Array.from({ length: count }, (_, row) => {
    const [distance, city, weekend, last] = columns.map(column => column[row]) as [number, string, number, number]
    const y =
      ((distance || 1500) - 1500) / 1500 +
      (['rome', 'cork', 'kiel'].includes(city) ? 1 : -0.5) +
      (weekend || 0) * 0.5 +
      (last || 0) / (10 * unit) +
      random.normal() * 0.7
    if (task === 'binary') return y > 0.4 ? 1 : 0
    if (task === 'multiclass') return y > 1 ? 2 : y > -0.3 ? 1 : 0
    return task === 'count' ? Math.max(0, Math.floor(y * 2 + 1)) : y * unit
  })
  return { rows: count, inputs: columns, labels, slices: new Map() }
}

function requestOf(task: Task, trainer: Trainer, train: FrameRows, test: FrameRows): TrainingRequest {
  return {
    task,
    classes: task === 'multiclass' ? ['low', 'middle', 'high'] : [],
    ...(task === 'quantile' ? { quantile: 0.8 } : {}),
    inputs,
    scale: 'standard',
    trainer,
    threshold: 0.5,
    seed: 0,
    model: 'm',
    folder: async () => '/nowhere',
    frame: {
      path: '',
      rows: async part => (part === 'train' ? train : test),
      write: async () => [],
      read: async () => new Map(),
    },
    signal: new AbortController().signal,
    progress: () => {},
    metric: () => {},
  }
}

const trainOn = (
  task: Task,
  trainer: Trainer,
  unit = 1,
  over: Partial<TrainingRequest> = {},
): Promise<TrainingResult> =>
  openOwnTrainer(async () => solo).train({
    ...requestOf(task, trainer, rowsOf(task, 1500, 1, unit), rowsOf(task, 600, 2, unit)),
    ...over,
  })

async function held(trained: TrainingResult, open: () => Promise<InferenceRuntime>): Promise<string> {
  const { card, onnx, reference } = trained
  if (!reference) return 'no scores'
  const order = graphOrder(card.inputs)
  const numbers = order.filter(at => card.inputs[at]?.kind === 'number')
  const texts = order.filter(at => card.inputs[at]?.kind === 'text')
  const { rows } = reference
  const at = <T>(places: readonly number[], of: (column: InputColumn, row: number) => T): T[] =>
    Array.from({ length: rows }, (_, row) =>
      places.map(place => of(reference.inputs[place] as InputColumn, row)),
    ).flat()
  const model = await (await open()).load(onnx)
  const check = await parity(card.task, reference.scores, model, {
    rows,
    features: Float32Array.from(at(numbers, (column, row) => column[row] as number)),
    categories: at(texts, (column, row) => column[row] as string),
  })
  await model.close()
  return `${check.status}${check.status === 'pass' ? '' : ` ${check.message}`}`
}

const gbt = { kind: 'gbt', trees: 15, leaves: 8 } as const
const cases: readonly [Task, Trainer][] = [
  ...(['binary', 'multiclass', 'regression', 'count'] as const).flatMap((task): [Task, Trainer][] => [
    [task, gbt],
    [task, { kind: 'linear' }],
    [task, { kind: 'linear', l1: 5, l2: 0.1 }],
    [task, { kind: 'baseline' }],
  ]),
  ['quantile', gbt],
  ['quantile', { kind: 'baseline' }],
  ['regression', { kind: 'baseline', input: 'last' }],
  ['regression', { ...gbt, monotone: { distance: 'increasing' } }],
  ['binary', { ...gbt, calibrate: 'platt' }],
  ['binary', { ...gbt, calibrate: 'isotonic' }],
  ['binary', { ...gbt, earlyStopping: 3, calibrate: 'isotonic' }],
  ['binary', { kind: 'linear', calibrate: 'platt' }],
  ['binary', { kind: 'linear', calibrate: 'isotonic' }],
  ['multiclass', { ...gbt, calibrate: 'platt' }],
  ['multiclass', { kind: 'linear', calibrate: 'platt' }],
]

describe.each(cases)('%s by %j', (task, trainer) => {
  test('is a valid graph that answers in both evaluators as the trainer does, whatever the unit of the label', async () => {
    for (const unit of task === 'regression' || task === 'quantile' ? [1e-6, 1, 1e9] : [1]) {
      const trained = await trainOn(task, trainer, unit)
      expect(verifyModel(trained.onnx).filter(check => check.status !== 'pass')).toEqual([])
      expect(await held(trained, openTrees)).toBe('pass')
      expect(await held(trained, openNative)).toBe('pass')
      expect(trained.reference?.scores.every(Number.isFinite)).toBe(true)
    }
  })
  test('is the same file for the same rows', async () => {
    expect((await trainOn(task, trainer)).onnx).toEqual((await trainOn(task, trainer)).onnx)
  })
})

test('the card names the texts that are told apart, how many were too rare, and how many rows had none', async () => {
  const { card } = await trainOn('binary', { kind: 'linear' })
  const city = card.inputs[1]
  if (city?.kind !== 'text') throw new Error('no text')
  expect([...(city.categories ?? [])].sort()).toEqual([...cities].sort())
  const column = rowsOf('binary', 1500, 1).inputs[1] as readonly string[]
  const rare = column.filter(text => text.startsWith('rare'))
  expect(city.rare).toEqual({ texts: new Set(rare).size, rows: rare.length })
  expect(city.missing).toBe(column.filter(text => text === '').length)
  const two = await trainOn('binary', { kind: 'linear', maxCategories: 2 })
  expect(two.card.inputs[1]).toMatchObject({ categories: { length: 2 } })
  const all = await trainOn('binary', { kind: 'linear', minCategoryRows: 1 })
  expect(all.card.inputs[1]).toMatchObject({ rare: { texts: 0, rows: 0 } })
})

test('baselines are what their name says', async () => {
  const train = rowsOf('regression', 1500, 1)
  const mean = (list: ArrayLike<number>): number => Array.from(list).reduce((a, b) => a + b, 0) / list.length
  const scores = async (task: Task, trainer: Trainer): Promise<Float32Array> =>
    (await trainOn(task, trainer)).reference?.scores ?? new Float32Array()
  const constant = await scores('regression', { kind: 'baseline' })
  expect(new Set(constant).size).toBe(1)
  expect(constant[0]).toBeCloseTo(mean(train.labels), 5)
  const upper = await scores('quantile', { kind: 'baseline' })
  const { labels } = rowsOf('quantile', 1500, 1)
  expect(mean(labels.map(label => Number(label <= (upper[0] as number))))).toBeCloseTo(0.8, 2)
  expect((await scores('count', { kind: 'baseline' }))[0]).toBeCloseTo(mean(rowsOf('count', 1500, 1).labels), 4)
  expect((await scores('binary', { kind: 'baseline' }))[0]).toBeCloseTo(mean(rowsOf('binary', 1500, 1).labels), 5)
  const shares = [0, 1, 2].map(k => mean(rowsOf('multiclass', 1500, 1).labels.map(label => Number(label === k))))
  const classes = await scores('multiclass', { kind: 'baseline' })
  shares.forEach((share, k) => expect(classes[k]).toBeCloseTo(share, 4))
  const last = await scores('regression', { kind: 'baseline', input: 'last' })
  const asked = rowsOf('regression', 600, 2).inputs[3] as Float32Array
  asked.forEach((value, row) => {
    if (!Number.isNaN(value)) expect(last[row]).toBeCloseTo(value, 4)
  })
})

describe('calibration', () => {
  // Trees that are far too sure of themselves
  const sure: Trainer = { kind: 'gbt', trees: 150, leaves: 31, minLeaf: 2, learningRate: 0.3 }
  test.each(['platt', 'isotonic'] as const)(
    '%s makes overconfident probabilities hold on rows nobody saw',
    async calibrate => {
      const error = async (trainer: Trainer): Promise<number> => {
        const { reference } = await trainOn('binary', trainer)
        const { labels } = rowsOf('binary', 600, 2)
        return calibrationError(labels, reference?.scores.subarray(0, 600) ?? [], 10)
      }
      const [before, after] = [await error(sure), await error({ ...sure, calibrate })]
      expect(before).toBeGreaterThan(0.1)
      expect(after).toBeLessThan(0.6 * before)
    },
  )
})

describe('rows that nothing can be learned from', () => {
  const trainers: readonly Trainer[] = [
    gbt,
    { kind: 'linear' },
    { kind: 'baseline' },
    { ...gbt, calibrate: 'isotonic' },
  ]
  const outcome = async (task: Task, trainer: Trainer, train: FrameRows): Promise<string> => {
    try {
      const trained = await openOwnTrainer(async () => solo).train({
        ...requestOf(task, trainer, train, train),
        inputs: train.inputs.map((column, at) => ({
          name: `x${at}`,
          type: column instanceof Float32Array ? 'float' : 'text',
        })),
        ...(task === 'multiclass'
          ? { classes: Array.from({ length: Math.max(2, ...train.labels) + 1 }, (_, k) => `c${k}`) }
          : {}),
      })
      expect(trained.reference?.scores.every(Number.isFinite)).toBe(true)
      expect(await held(trained, openTrees)).toBe('pass')
      return inspectModel(trained.onnx).producer === undefined ? 'no model' : 'a model'
    } catch (error) {
      if (!isMillraceError(error)) throw error
      return `${error.code} ${error.message}`
    }
  }
  const frame = (columns: InputColumn[], labels: ArrayLike<number>): FrameRows => ({
    rows: labels.length,
    inputs: columns,
    labels: Float32Array.from(labels),
    slices: new Map(),
  })
  const n = 60
  const some = Float32Array.from({ length: n }, (_, row) => Math.sin(row * 7))
  const good: readonly [string, (task: Task) => FrameRows][] = [
    [
      'constant inputs',
      () =>
        frame(
          [new Float32Array(n).fill(7), new Float32Array(n).fill(-1e30)],
          Array.from(some, x => Number(x > 0)),
        ),
    ],
    ['one class, or equal labels', () => frame([some], new Float32Array(n).fill(1))],
    ['one row', () => frame([Float32Array.of(3)], [1])],
    ['two rows', () => frame([Float32Array.of(3, 4)], [1, 0])],
    [
      'nothing but missing values',
      () =>
        frame(
          [new Float32Array(n).fill(NaN), Array.from({ length: n }, () => '')],
          Array.from(some, x => Number(x > 0)),
        ),
    ],
    [
      'the same column many times',
      () =>
        frame(
          Array.from({ length: 20 }, () => some),
          Array.from(some, x => Number(x > 0)),
        ),
    ],
    [
      'the largest numbers there are',
      () =>
        frame(
          [some.map(x => x * 3e38), some.map(x => x * 1e-40)],
          Array.from(some, x => Number(x > 0)),
        ),
    ],
    [
      'a text that is always another',
      () =>
        frame(
          [Array.from({ length: n }, (_, row) => `id ${row}`)],
          Array.from(some, x => Number(x > 0)),
        ),
    ],
  ]
  test.each(good)('%s give a model that answers, or words', async (_, make) => {
    for (const task of ['binary', 'regression', 'multiclass', 'count'] as const)
      for (const trainer of trainers) {
        if (trainer.kind === 'gbt' && trainer.calibrate && task !== 'binary') continue
        expect(await outcome(task, trainer, make(task))).toMatch(
          /^a model$|^MR4009|^MR4040 .*'x1' differs by so little/,
        )
      }
  })

  test('an infinite value, a label that is none and no row at all are named', async () => {
    for (const trainer of trainers) {
      const infinite = some.slice()
      infinite[5] = Infinity
      expect(
        await outcome(
          'binary',
          trainer,
          frame(
            [infinite],
            Array.from(some, x => Number(x > 0)),
          ),
        ),
      ).toMatch(/^MR4008 .*'x0' is Infinity in training row 5/)
      const labels = Array.from(some, x => Number(x > 0))
      labels[9] = NaN
      expect(await outcome('binary', trainer, frame([some], labels))).toMatch(/^MR4040 .*label of row 9 is NaN/)
      labels[9] = 3
      expect(await outcome('binary', trainer, frame([some], labels))).toMatch(/^MR4040 .*label of row 9 is 3/)
      expect(await outcome('count', trainer.kind === 'gbt' ? gbt : trainer, frame([some], some))).toMatch(
        /^MR4040 .*label of row/,
      )
      expect(await outcome('binary', trainer, frame([new Float32Array()], []))).toMatch(/^MR4040/)
    }
  })

  // In the long lane a thousand
  const most = Math.min(1000, 100 + 225 * (times - 1))
  test(`${most} classes end soon, more than a thousand are refused`, async () => {
    const rows = 3 * most
    const column = Float32Array.from({ length: rows }, (_, row) => row % most)
    const labels = Float32Array.from({ length: rows }, (_, row) => row % most)
    expect(await outcome('multiclass', { kind: 'gbt', trees: 1, leaves: 4 }, frame([column], labels))).toBe('a model')
    expect(await outcome('multiclass', { kind: 'linear' }, frame([column], labels))).toBe('a model')
    labels[0] = 1000
    for (const trainer of [gbt, { kind: 'linear' }] as const)
      expect(await outcome('multiclass', trainer, frame([column], labels))).toMatch(
        /^MR4040 .*classes must be a whole number from 2 to 1000/,
      )
  }, 60_000)

  // In the long lane ten thousand
  const widest = Math.min(10_000, 1000 + 3000 * (times - 1))
  test(`${widest} inputs end soon`, async () => {
    const random = seeded(4)
    const rows = 200
    const columns = Array.from({ length: widest }, () => Float32Array.from({ length: rows }, () => random.next()))
    const labels = Array.from(columns[17] as Float32Array, x => Number(x > 0.5))
    expect(await outcome('binary', { kind: 'gbt', trees: 2 }, frame(columns, labels))).toBe('a model')
    expect(await outcome('binary', { kind: 'linear' }, frame(columns, labels))).toBe('a model')
  }, 60_000)
})

import { describe, expect, it } from 'vitest'
import { csv, dataset, gbt, linear, model, onnx, python, search, t, type SearchOptions } from '../index.ts'
import type { Model } from './model.ts'

// What a search may be declared as, and what it says where nothing is said.

const rides = dataset('rides', {
  source: csv('rides.csv'),
  columns: { at: t.timestamp('UTC'), shop: t.text(), km: t.float(), late: t.bool() },
  eventTime: 'at',
})
const untimed = dataset('untimed', { source: csv('a.csv'), columns: { shop: t.text(), km: t.float(), late: t.bool() } })
const ofModel = {
  task: 'binary',
  label: (c: never) => (c as { late: never }).late,
  inputs: (c: never) => ({ km: (c as { km: never }).km }),
}
const shop = (c: never) => (c as { shop: never }).shop
const trees: SearchOptions = { method: 'tpe', trials: 4, trainer: gbt({ trees: 3 }), space: { depth: [2, 3] } }

const build = (over: object): Model =>
  model('late', { ...ofModel, from: rides, split: { by: 'random', test: 0.2 }, train: search(trees), ...over } as never)
const searched = (over: object): Model => build({ train: search({ ...trees, ...over } as never) })

describe('folds', () => {
  it('are five of the kind of the split, where none are declared', () => {
    const foldsOf = (split: object) => build({ split }).folds
    expect(foldsOf({ by: 'time', train: '9d', test: '3d', gap: '1d' })).toEqual({
      by: 'time',
      count: 5,
      gap: 86_400_000_000,
    })
    expect(foldsOf({ by: 'time', train: '9d', test: '3d' })).toEqual({ by: 'time', count: 5 })
    expect(foldsOf({ by: 'random', test: 0.2, seed: 3 })).toEqual({ by: 'random', count: 5, seed: 3, stratify: true })
    expect(foldsOf({ by: 'group', test: 0.2, of: shop, seed: 2 })).toMatchObject({
      by: 'group',
      count: 5,
      seed: 2,
      of: [{ name: 'shop' }],
    })
    expect(foldsOf({ by: 'hash', test: 0.2, of: shop })).toMatchObject({
      by: 'group',
      count: 5,
      seed: 0,
      of: [{ name: 'shop' }],
    })
    expect(foldsOf({ by: 'column', test: (c: { late: never }) => c.late })).toEqual({
      by: 'random',
      count: 5,
      seed: 0,
      stratify: true,
    })
  })
  it('are as they are declared', () => {
    const foldsOf = (folds: object) => build({ split: { by: 'random', test: 0.2, folds } }).folds
    expect(foldsOf({ by: 'time', count: 3, gap: '2h' })).toEqual({ by: 'time', count: 3, gap: 7_200_000_000 })
    expect(foldsOf({ by: 'group', count: 4, of: shop, seed: 1 })).toMatchObject({ by: 'group', count: 4, seed: 1 })
    expect(foldsOf({ by: 'random', count: 2, seed: 8, stratify: false })).toEqual({
      by: 'random',
      count: 2,
      seed: 8,
      stratify: false,
    })
  })
  it('begin with seed 0, keep the classes where there are some, and leave no gap, where nothing is said', () => {
    const foldsOf = (folds: object, over = {}) => build({ split: { by: 'random', test: 0.2, folds }, ...over }).folds
    expect(foldsOf({ by: 'random', count: 3 })).toEqual({ by: 'random', count: 3, seed: 0, stratify: true })
    const regression = {
      task: 'regression',
      label: (c: { km: never }) => c.km,
      inputs: (c: { late: never }) => ({ late: c.late }),
    }
    expect(foldsOf({ by: 'random', count: 3 }, regression)).toMatchObject({ stratify: false })
    expect(foldsOf({ by: 'group', count: 3, of: shop })).toMatchObject({ seed: 0 })
    expect(foldsOf({ by: 'time', count: 3 })).toEqual({ by: 'time', count: 3 })
  })
  it.each([
    [
      { split: { by: 'random', test: 0.2, folds: { by: 'random', count: 3 } }, train: linear() },
      'split.folds has no effect',
    ],
    [{ split: { by: 'random', test: 0.2, folds: { by: 'random', count: 1 } } }, 'a whole number from 2 to 100'],
    [{ split: { by: 'random', test: 0.2, folds: { by: 'fold', count: 3 } } }, "by: 'random', 'group', 'time'"],
    [{ from: untimed, split: { by: 'random', test: 0.2, folds: { by: 'time', count: 3 } } }, 'no eventTime'],
    [{ split: { by: 'random', test: 0.2, folds: { by: 'group', count: 3, of: () => 1 } } }, 'is no expression'],
    [
      {
        task: 'regression',
        label: (c: { km: never }) => c.km,
        inputs: (c: { late: never }) => ({ late: c.late }),
        split: { by: 'random', test: 0.2, folds: { by: 'random', count: 3, stratify: true } },
      },
      'split.folds.stratify has no effect',
    ],
  ])('%# are refused where they say nothing', (over, words) => {
    expect(() => build(over)).toThrow(words)
  })
})

describe('a space', () => {
  it('takes whole numbers where an option takes no others, and all of them else', () => {
    const { search: found } = searched({
      space: {
        depth: { from: 2, to: 8 },
        l2: { from: 0, to: 10 },
        learningRate: { from: 0.01, to: 1, scale: 'log' },
        minLeaf: [5, 50],
      },
    })
    expect(found?.space).toEqual({
      depth: { kind: 'whole', from: 2, to: 8 },
      l2: { kind: 'number', from: 0, to: 10 },
      learningRate: { kind: 'number', from: 0.01, to: 1, scale: 'log' },
      minLeaf: { kind: 'choice', values: [5, 50] },
    })
    expect(searched({ space: { l2: { from: 0, to: 10, whole: true } } }).search?.space.l2).toMatchObject({
      kind: 'whole',
    })
    const program = python('train.py', { lock: 'requirements.lock' })
    const ofProgram = searched({
      trainer: program,
      space: { depth: { from: 2, to: 8 }, rate: { from: 0.1, to: 1 }, C: { from: 1, to: 9, whole: false } },
    })
    const { depth, rate, C } = ofProgram.search?.space ?? {}
    expect([depth?.kind, rate?.kind, C?.kind]).toEqual(['whole', 'number', 'number'])
  })
  it.each([
    [{ space: {} }, 'space must be'],
    [{ space: { depht: [2] } }, "space.depht: gbt has no option 'depht', did you mean 'depth'"],
    [{ space: { depth: [] } }, 'space must be'],
    [{ space: { depth: [2, 2] } }, "'depth' has a value twice"],
    [{ space: { depth: { from: 8, to: 2 } } }, "'depth' must range"],
    [{ space: { depth: { from: 0, to: 2 } } }, 'depth must be a whole number from 1 to 64'],
    [{ space: { depth: { from: 2.5, to: 4 } } }, 'depth must be a whole number'],
    [{ space: { depth: { from: 2, to: 4, whole: false } } }, 'depth must be a whole number'],
    [{ space: { learningRate: { from: 0, to: 1, scale: 'log' } } }, "'learningRate' must be above 0"],
    [{ space: { depth: { from: 2, to: 4, step: 1 } } }, 'space must be'],
    [{ space: { calibrate: ['platt', 'best'] } }, 'calibrate must be'],
    [{ trainer: onnx('a.onnx'), space: { output: ['a'] } }, 'trainer must be a trainer that has options to search'],
    [{ trainer: python('a.py', { lock: 'l' }), space: { 'a b': [1] } }, "'a b' is no name of a parameter"],
    [{ method: 'best' }, "method: 'grid', 'random', 'halving', 'tpe'"],
    [{ trials: 0 }, 'trials must be'],
    [{ method: 'grid' }, "has no option 'trials'"],
    [{ best: 'rmse' }, 'searches the best rmse, which a binary task has not'],
    [{ space: { monotone: [1] } }, 'monotone must be'],
  ])('%# is refused where nothing can be drawn from it', (over, words) => {
    expect(() => searched(over)).toThrow(words)
  })
  it('is refused where the trainer cannot learn the task with one of its values', () => {
    expect(() =>
      build({
        task: 'regression',
        label: (c: { km: never }) => c.km,
        inputs: (c: { late: never }) => ({ late: c.late }),
        train: search({ ...trees, space: { calibrate: ['platt'] } }),
      }),
    ).toThrow('calibrate is for probabilities')
  })
  it('of a grid has no more combinations than can be tried', () => {
    const grid = (values: number) =>
      build({
        train: search({
          method: 'grid',
          trainer: gbt({ trees: 3 }),
          points: values,
          space: { l2: { from: 0, to: 1 }, learningRate: { from: 0.1, to: 1 } },
        }),
      })
    expect(grid(44).search?.points).toBe(44)
    expect(() => grid(45)).toThrow('has 2,025 combinations, more than 2,000')
  })
})

it.each([
  ['binary', 'logLoss'],
  ['multiclass', 'logLoss'],
  ['regression', 'rmse'],
  ['quantile', 'pinball'],
  ['count', 'poissonDeviance'],
])('of %s the best %s decides where nothing is said', (task, metric) => {
  const label = (c: { late: never; shop: never; km: never }) =>
    task === 'binary' ? c.late : task === 'multiclass' ? c.shop : c.km
  const made = build({
    task,
    label,
    inputs: (c: { at: { hour(): never } }) => ({ hour: c.at.hour() }),
    ...(task === 'quantile' ? { quantile: 0.9 } : {}),
  })
  expect(made.search).toEqual({
    method: 'tpe',
    trials: 4,
    seed: 0,
    best: metric,
    space: { depth: { kind: 'choice', values: [2, 3] } },
  })
  expect(made.trainer).toEqual(gbt({ trees: 3 }))
})

it('a scale is refused where a program scales by itself, and kept where a trainer of ours is searched', () => {
  const program = python('train.py', { lock: 'requirements.lock' })
  expect(() => build({ scale: 'robust', train: program })).toThrow(
    'scale has no effect: a python trainer scales by itself',
  )
  expect(() => build({ scale: 'robust', train: search({ ...trees, trainer: program }) })).toThrow('scale has no effect')
  expect(() => build({ scale: 'none', train: onnx('a.onnx') })).toThrow('scale has no effect: a onnx trainer')
  expect(build({ scale: 'robust' }).scale).toBe('robust')
})

it('a learning curve is refused where nothing is learned, and drawn for whatever learns', () => {
  expect(() => build({ train: onnx('a.onnx'), learningCurve: {} })).toThrow(
    'learningCurve has no effect: an onnx trainer takes a file and learns nothing',
  )
  for (const train of [linear(), python('train.py', { lock: 'requirements.lock' })])
    expect(build({ train, learningCurve: {} }).learningCurve).toBeDefined()
})

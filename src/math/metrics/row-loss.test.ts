import { expect, it } from 'vitest'
import type { Task } from '../task.ts'
import { headline, headlines, likeliestOf, rowLoss, rowLosses, scoreOf } from './row-loss.ts'

it('takes a row out of many, as a number or as the probabilities of its classes', () => {
  const scores = Float32Array.of(0.5, 0.25, 0.25, 0.125, 0.125, 0.75)
  expect(scoreOf(scores, 1, 4)).toBe(0.125)
  expect(scoreOf(scores, 3, 1)).toEqual([0.125, 0.125, 0.75])
  expect([...headlines(scores, 3)]).toEqual([0.5, 0.75])
  expect(headlines(scores, 1)).toBe(scores)
  expect([headline(0.25), headline([0.25, 0.75])]).toEqual([0.25, 0.75])
  expect([likeliestOf([0.2, 0.5, 0.3]), likeliestOf([0.4, 0.4, 0.2])]).toEqual([1, 0])
})

it('costs what the task says', () => {
  expect(rowLoss('binary', 1, 0.25)).toBeCloseTo(Math.log(4), 12)
  expect(rowLoss('multiclass', 2, [0.25, 0.25, 0.5])).toBeCloseTo(Math.log(2), 12)
  expect(rowLoss('regression', 3, 5)).toBe(4)
  // 0.9 a unit for what lies above the quantile, 0.1 for what lies below
  expect(rowLoss('quantile', 12, 10, 0.9)).toBeCloseTo(1.8, 12)
  expect(rowLoss('quantile', 8, 10, 0.9)).toBeCloseTo(0.2, 12)
  // sklearn.metrics.mean_poisson_deviance([3], [2])
  expect(rowLoss('count', 3, 2)).toBeCloseTo(0.4327906486489863, 12)
})

it.each<[Task, readonly number[], readonly number[], number]>([
  ['binary', [1, 0], [0.9, 0.2], 1],
  ['multiclass', [0, 1], [0.7, 0.3, 0, 1], 2],
  ['regression', [1, 2], [1.5, 0], 1],
  ['quantile', [1, 2], [1.5, 0], 1],
  ['count', [0, 2], [0, 1], 1],
])('of %s each of many rows costs what it costs alone', (task, labels, scores, outputs) => {
  const judged = {
    task,
    labels: Float32Array.from(labels),
    scores: Float32Array.from(scores),
    outputs,
    threshold: 0.5,
    level: 0.8,
  }
  const each = labels.map((label, row) => rowLoss(task, label, scoreOf(judged.scores, outputs, row), 0.8))
  expect([...rowLosses(judged)]).toEqual(each)
  expect(each.every(Number.isFinite)).toBe(true)
})

it('a class that was given no chance costs much and not everything, and one that there is not nothing that counts', () => {
  // As far from 0 as float32 tells, as in log loss itself
  expect(rowLoss('multiclass', 0, [0, 1])).toBeCloseTo(23 * Math.log(2), 6)
  expect(rowLoss('binary', 1, 0)).toBeCloseTo(23 * Math.log(2), 6)
  expect(rowLoss('multiclass', 2, [0.5, 0.5])).toBeNaN()
})

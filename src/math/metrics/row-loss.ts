import { isClassification, type Task } from '../task.ts'
import type { LabelledScores } from './catalogue.ts'
import { rowLogLoss } from './classification.ts'
import { likeliest, rowMulticlassLogLoss } from './multiclass.ts'
import { rowPinball, rowPoissonDeviance } from './loss.ts'

/** What a model says of one row: a number, or the probability of each class. */
export type Score = number | readonly number[]

/** The scores of one row out of rows × outputs. */
export function scoreOf(scores: Float32Array, outputs: number, row: number): Score {
  return outputs === 1 ? (scores[row] as number) : [...scores.subarray(row * outputs, (row + 1) * outputs)]
}

/** The class of the greatest probability, the first of equal ones. */
export function likeliestOf(score: readonly number[]): number {
  return likeliest(score, score.length, 0)
}

/** One number that stands for a score: itself, or the probability of the likeliest class. */
export const headline = (score: Score): number => (typeof score === 'number' ? score : Math.max(...score))

/** The same of each of many rows. */
export function headlines(scores: Float32Array, outputs: number): Float32Array {
  if (outputs === 1) return scores
  return Float32Array.from({ length: scores.length / outputs }, (_, row) => headline(scoreOf(scores, outputs, row)))
}

/** The least rate that a count is judged by: a rate of 0 would cost infinitely much. */
const leastRate = 1e-9

/**
 * What a row costs: log loss where there are classes (`label` is the number of the class), pinball loss of a quantile at
 * `level`, Poisson deviance of a count, else the squared error. Proper, so that the truth costs least. Probabilities are kept
 * as far from 0 and 1 as float32 can tell (2⁻²³), as in every metric: no row decides alone.
 */
export function rowLoss(task: Task, label: number, score: Score, level = 0.5): number {
  if (typeof score !== 'number')
    return score[label] === undefined ? Number.NaN : rowMulticlassLogLoss(label, score, score.length, 0)
  if (isClassification(task)) return rowLogLoss(label, score)
  if (task === 'quantile') return rowPinball(label, score, level)
  if (task === 'count') return rowPoissonDeviance(label, Math.max(score, leastRate))
  return (label - score) ** 2
}

/** The same of each of many rows. */
export function rowLosses({ task, labels, scores, outputs, level }: LabelledScores): Float64Array {
  return Float64Array.from(labels, (label, row) =>
    task === 'multiclass'
      ? rowMulticlassLogLoss(label, scores, outputs, row)
      : rowLoss(task, label, scores[row * outputs] as number, level),
  )
}

/** The name of that loss. */
export const lossName: Readonly<Record<Task, string>> = {
  binary: 'log loss',
  multiclass: 'log loss',
  regression: 'squared error',
  quantile: 'pinball loss',
  count: 'Poisson deviance',
}

export function mean(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i] as number
  return sum / values.length
}

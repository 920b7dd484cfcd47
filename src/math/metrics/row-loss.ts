import { isClassification, type Task } from '../task.ts'
import { rowLogLoss } from './classification.ts'
import { likeliest } from './multiclass.ts'
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

/** No probability is so small that one row decides alone. */
const least = 1e-15

/**
 * What a row costs: log loss where there are classes (`label` is the number of the class), pinball loss of a quantile at
 * `level`, Poisson deviance of a count, else the squared error.
 */
export function rowLoss(task: Task, label: number, score: Score, level = 0.5): number {
  if (typeof score !== 'number') return -Math.log(Math.min(1, Math.max(least, score[label] ?? Number.NaN)))
  if (isClassification(task)) return rowLogLoss(label, score)
  if (task === 'quantile') return rowPinball(label, score, level)
  if (task === 'count') return rowPoissonDeviance(label, score)
  return (label - score) ** 2
}

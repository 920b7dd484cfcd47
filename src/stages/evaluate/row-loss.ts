import type { Judged } from '../../math/metrics/catalogue.ts'
import { rowLogLoss } from '../../math/metrics/classification.ts'
import { rowPinball, rowPoissonDeviance } from '../../math/metrics/loss.ts'
import { rowMulticlassLogLoss } from '../../math/metrics/multiclass.ts'

/** The least rate that a count is judged by: a rate of 0 would cost infinitely much. */
const leastRate = 1e-9

/** What each row costs: log loss of classes, squared error, pinball loss, Poisson deviance; proper, so that the truth costs least. */
export function rowLosses({ task, labels, scores, outputs, level }: Judged): Float64Array {
  return Float64Array.from(labels, (label, row) => {
    const score = scores[row * outputs] as number
    switch (task) {
      case 'binary':
        return rowLogLoss(label, score)
      case 'multiclass':
        return rowMulticlassLogLoss(label, scores, outputs, row)
      case 'quantile':
        return rowPinball(label, score, level)
      case 'count':
        return rowPoissonDeviance(label, Math.max(score, leastRate))
      default:
        return (label - score) ** 2
    }
  })
}

/** The name of that loss. */
export const lossName: Readonly<Record<Judged['task'], string>> = {
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

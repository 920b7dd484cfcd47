/** Probabilities are kept this far from 0 and 1 before logarithms: float32's machine epsilon. */
const clip = 2 ** -23

/** Log loss of one row, in nats. */
export function rowLogLoss(label: number, score: number): number {
  const p = score < clip ? clip : score > 1 - clip ? 1 - clip : score
  return label > 0.5 ? -Math.log(p) : -Math.log1p(-p)
}

/** Mean log loss of binary labels and probabilities of the positive class, clipped by float32's epsilon. */
export function logLoss(labels: ArrayLike<number>, scores: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < scores.length; i++) sum += rowLogLoss(labels[i] as number, scores[i] as number)
  return sum / scores.length
}

/** Mean squared difference of label and probability. */
export function brier(labels: ArrayLike<number>, scores: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < scores.length; i++) {
    const difference = (scores[i] as number) - ((labels[i] as number) > 0.5 ? 1 : 0)
    sum += difference * difference
  }
  return sum / scores.length
}

export interface Confusion {
  readonly truePositives: number
  readonly falsePositives: number
  readonly trueNegatives: number
  readonly falseNegatives: number
  readonly accuracy: number
  /** 0 when nothing was predicted positive. */
  readonly precision: number
  /** 0 when nothing is positive. */
  readonly recall: number
  readonly f1: number
}

/** Counts and rates when scores at or above `threshold` (1/2) are called positive. Rates are NaN when a score is NaN. */
export function confusion(labels: ArrayLike<number>, scores: ArrayLike<number>, threshold = 0.5): Confusion {
  let truePositives = 0
  let falsePositives = 0
  let trueNegatives = 0
  let falseNegatives = 0
  let unjudged = 0
  for (let i = 0; i < scores.length; i++) {
    const positive = (labels[i] as number) > 0.5
    if (Number.isNaN(scores[i] as number)) unjudged++
    else if ((scores[i] as number) >= threshold) {
      if (positive) truePositives++
      else falsePositives++
    } else if (positive) falseNegatives++
    else trueNegatives++
  }
  const called = truePositives + falsePositives
  const actual = truePositives + falseNegatives
  const counts = { truePositives, falsePositives, trueNegatives, falseNegatives }
  if (unjudged > 0) return { ...counts, accuracy: NaN, precision: NaN, recall: NaN, f1: NaN }
  return {
    ...counts,
    accuracy: (truePositives + trueNegatives) / scores.length,
    precision: called === 0 ? 0 : truePositives / called,
    recall: actual === 0 ? 0 : truePositives / actual,
    f1: called + actual === 0 ? 0 : (2 * truePositives) / (called + actual),
  }
}

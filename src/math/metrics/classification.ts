/** Probabilities are kept this far from 0 and 1 before logarithms: float32's machine epsilon. */
const clip = 2 ** -23

/** Log loss of one row, in nats. */
export function rowLogLoss(label: number, score: number): number {
  const p = score < clip ? clip : score > 1 - clip ? 1 - clip : score
  return label > 0.5 ? -Math.log(p) : -Math.log1p(-p)
}

/** Mean log loss of binary labels and probabilities of the positive class, clipped by float32's epsilon. */
export function logLoss(labels: ArrayLike<number>, scores: ArrayLike<number>, weights?: ArrayLike<number>): number {
  let [sum, total] = [0, 0]
  for (let i = 0; i < scores.length; i++) {
    const weight = weights ? (weights[i] as number) : 1
    sum += weight * rowLogLoss(labels[i] as number, scores[i] as number)
    total += weight
  }
  return sum / total
}

/** Mean squared difference of label and probability. */
export function brier(labels: ArrayLike<number>, scores: ArrayLike<number>, weights?: ArrayLike<number>): number {
  let [sum, total] = [0, 0]
  for (let i = 0; i < scores.length; i++) {
    const weight = weights ? (weights[i] as number) : 1
    const difference = (scores[i] as number) - ((labels[i] as number) > 0.5 ? 1 : 0)
    sum += weight * difference * difference
    total += weight
  }
  return sum / total
}

export interface Confusion {
  /** Rows, or what they weigh. */
  readonly truePositives: number
  readonly falsePositives: number
  readonly trueNegatives: number
  readonly falseNegatives: number
  readonly accuracy: number
  /** Mean recall of the classes that are there. */
  readonly balancedAccuracy: number
  /** 0 when nothing was predicted positive. */
  readonly precision: number
  /** 0 when nothing is positive. */
  readonly recall: number
  readonly f1: number
}

/** Counts and rates when scores at or above `threshold` (1/2) are called positive. Rates are NaN when a score is NaN. */
export function confusion(
  labels: ArrayLike<number>,
  scores: ArrayLike<number>,
  threshold = 0.5,
  weights?: ArrayLike<number>,
): Confusion {
  let truePositives = 0
  let falsePositives = 0
  let trueNegatives = 0
  let falseNegatives = 0
  let unjudged = 0
  for (let i = 0; i < scores.length; i++) {
    const positive = (labels[i] as number) > 0.5
    const weight = weights ? (weights[i] as number) : 1
    if (Number.isNaN(scores[i] as number)) unjudged++
    else if ((scores[i] as number) >= threshold) {
      if (positive) truePositives += weight
      else falsePositives += weight
    } else if (positive) falseNegatives += weight
    else trueNegatives += weight
  }
  const called = truePositives + falsePositives
  const actual = truePositives + falseNegatives
  const others = trueNegatives + falsePositives
  const counts = { truePositives, falsePositives, trueNegatives, falseNegatives }
  if (unjudged > 0) return { ...counts, accuracy: NaN, balancedAccuracy: NaN, precision: NaN, recall: NaN, f1: NaN }
  const recalls = [...(actual > 0 ? [truePositives / actual] : []), ...(others > 0 ? [trueNegatives / others] : [])]
  return {
    ...counts,
    accuracy: (truePositives + trueNegatives) / (actual + others),
    balancedAccuracy: recalls.reduce((sum, one) => sum + one, 0) / recalls.length,
    precision: called === 0 ? 0 : truePositives / called,
    recall: actual === 0 ? 0 : truePositives / actual,
    f1: called + actual === 0 ? 0 : (2 * truePositives) / (called + actual),
  }
}

/** Matthews' correlation of truth and call; 0 where everything is called the same or is the same. */
export function matthews({
  truePositives: tp,
  falsePositives: fp,
  trueNegatives: tn,
  falseNegatives: fn,
  accuracy,
}: Confusion): number {
  if (Number.isNaN(accuracy)) return Number.NaN
  const spread = Math.sqrt(tp + fp) * Math.sqrt(tp + fn) * Math.sqrt(tn + fp) * Math.sqrt(tn + fn)
  return spread === 0 ? 0 : (tp * tn - fp * fn) / spread
}

/** Average precision: precision at each distinct score, weighted by what recall rises by. 0 without positives (as scikit-learn). */
export function averagePrecision(
  labels: ArrayLike<number>,
  scores: ArrayLike<number>,
  weights?: ArrayLike<number>,
): number {
  const n = scores.length
  for (let i = 0; i < n; i++) if (Number.isNaN(scores[i] as number)) return Number.NaN
  const order = Uint32Array.from({ length: n }, (_, i) => i)
  order.sort((i, j) => (scores[j] as number) - (scores[i] as number))
  let positives = 0
  for (let i = 0; i < n; i++) if ((labels[i] as number) > 0.5) positives += weights ? (weights[i] as number) : 1
  if (positives === 0) return 0
  let [hits, called, before, sum] = [0, 0, 0, 0]
  for (let start = 0; start < n; ) {
    const value = scores[order[start] as number] as number
    let end = start
    while (end < n && (scores[order[end] as number] as number) === value) {
      const row = order[end] as number
      const weight = weights ? (weights[row] as number) : 1
      called += weight
      if ((labels[row] as number) > 0.5) hits += weight
      end++
    }
    if (called > 0) sum += ((hits - before) / positives) * (hits / called)
    before = hits
    start = end
  }
  return sum
}

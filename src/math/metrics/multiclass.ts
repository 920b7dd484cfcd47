import { auc } from './ranking.ts'

const clip = 2 ** -23

interface ClassScores {
  /** The number of the class of each row. */
  readonly labels: ArrayLike<number>
  /** Rows × outputs. */
  readonly scores: ArrayLike<number>
  readonly outputs: number
  readonly weights?: ArrayLike<number>
}

/** The most probable class of a row; the first of equals. */
export function likeliest(scores: ArrayLike<number>, outputs: number, row: number): number {
  let best = 0
  for (let k = 1; k < outputs; k++)
    if ((scores[row * outputs + k] as number) > (scores[row * outputs + best] as number)) best = k
  return best
}

/** Log loss of one row, in nats; what the row's probabilities sum up to is 1, as scikit-learn makes it. */
export function rowMulticlassLogLoss(label: number, scores: ArrayLike<number>, outputs: number, row: number): number {
  let sum = 0
  let own = clip
  for (let k = 0; k < outputs; k++) {
    const p = Math.min(1 - clip, Math.max(clip, scores[row * outputs + k] as number))
    sum += p
    if (k === label) own = p
  }
  return -Math.log(own / sum)
}

/** Mean log loss of classes and their probabilities. */
export function multiclassLogLoss(
  labels: ArrayLike<number>,
  scores: ArrayLike<number>,
  outputs: number,
  weights?: ArrayLike<number>,
): number {
  let [sum, total] = [0, 0]
  for (let i = 0; i < labels.length; i++) {
    const weight = weights ? (weights[i] as number) : 1
    sum += weight * rowMulticlassLogLoss(labels[i] as number, scores, outputs, i)
    total += weight
  }
  return sum / total
}

/** Weighted rows by class and by what they were called: `counts[truth * outputs + called]`. */
export function confusionMatrix({ labels, scores, outputs, weights }: ClassScores): Float64Array {
  const counts = new Float64Array(outputs * outputs)
  for (let i = 0; i < labels.length; i++) {
    const at = (labels[i] as number) * outputs + likeliest(scores, outputs, i)
    counts[at] = (counts[at] as number) + (weights ? (weights[i] as number) : 1)
  }
  return counts
}

export interface ClassRates {
  readonly accuracy: number
  /** Mean recall of the classes that are there. */
  readonly balancedAccuracy: number
  /** Mean F1 of the classes that are there or were called. */
  readonly macroF1: number
  /** Matthews' correlation for several classes (Gorodkin); 0 where everything is called one class. */
  readonly mcc: number
}

/** Rates of the most probable classes. */
export function classRates(of: ClassScores): ClassRates {
  const { outputs } = of
  const counts = confusionMatrix(of)
  let [total, right, recalls, present, f1s, met, product, squaresCalled, squaresTrue] = [0, 0, 0, 0, 0, 0, 0, 0, 0]
  for (const count of counts) total += count
  for (let k = 0; k < outputs; k++) {
    let [truth, called] = [0, 0]
    for (let j = 0; j < outputs; j++) {
      truth += counts[k * outputs + j] as number
      called += counts[j * outputs + k] as number
    }
    const hit = counts[k * outputs + k] as number
    right += hit
    if (truth > 0) {
      recalls += hit / truth
      present++
    }
    if (truth + called > 0) {
      f1s += (2 * hit) / (truth + called)
      met++
    }
    product += truth * called
    squaresCalled += called * called
    squaresTrue += truth * truth
  }
  const spread = Math.sqrt(total * total - squaresCalled) * Math.sqrt(total * total - squaresTrue)
  return {
    accuracy: right / total,
    balancedAccuracy: recalls / present,
    macroF1: f1s / met,
    mcc: spread === 0 ? 0 : (right * total - product) / spread,
  }
}

/** The score of one class by row, and 1 where it is the truth. */
export function ofClass(
  { labels, scores, outputs }: Pick<ClassScores, 'labels' | 'scores' | 'outputs'>,
  k: number,
): { readonly labels: Float32Array; readonly scores: Float32Array } {
  const n = labels.length
  return {
    labels: Float32Array.from({ length: n }, (_, i) => ((labels[i] as number) === k ? 1 : 0)),
    scores: Float32Array.from({ length: n }, (_, i) => scores[i * outputs + k] as number),
  }
}

/** Mean area under the ROC curve of each class against the rest; NaN where a class is missing or alone. */
export function oneVersusRest(of: ClassScores): number {
  let sum = 0
  for (let k = 0; k < of.outputs; k++) {
    const { labels, scores } = ofClass(of, k)
    sum += auc(labels, scores, of.weights)
  }
  return sum / of.outputs
}

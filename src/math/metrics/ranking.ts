import { normalQuantile } from '../special/normal.ts'

/** Positions of ascending scores; numbers, not NaN. Float32 ones, which served scores are, take three passes. */
function ascending(scores: ArrayLike<number>): Uint32Array {
  if (scores instanceof Float32Array) return ascendingFloat32(scores)
  const order = Uint32Array.from({ length: scores.length }, (_, i) => i)
  return order.sort((i, j) => {
    const [a, b] = [scores[i] as number, scores[j] as number]
    return a < b ? -1 : a > b ? 1 : i - j
  })
}

/** A stable radix sort of the float32 bits, made to order like the numbers. */
function ascendingFloat32(scores: Float32Array): Uint32Array {
  const n = scores.length
  const values = scores.slice()
  // + 0 makes -0 equal to 0
  for (let i = 0; i < n; i++) values[i] = (values[i] as number) + 0
  const keys = new Uint32Array(values.buffer)
  for (let i = 0; i < n; i++) {
    const bits = keys[i] as number
    keys[i] = bits >>> 31 === 1 ? ~bits : bits | 0x80000000
  }
  let order = Uint32Array.from({ length: n }, (_, i) => i)
  let other = new Uint32Array(n)
  const offsets = new Uint32Array(2049)
  for (let shift = 0; shift < 33; shift += 11) {
    offsets.fill(0)
    for (let i = 0; i < n; i++) {
      const digit = (((keys[i] as number) >>> shift) & 2047) + 1
      offsets[digit] = (offsets[digit] as number) + 1
    }
    for (let i = 1; i < 2049; i++) offsets[i] = (offsets[i] as number) + (offsets[i - 1] as number)
    for (let i = 0; i < n; i++) {
      const row = order[i] as number
      const digit = ((keys[row] as number) >>> shift) & 2047
      const place = offsets[digit] as number
      other[place] = row
      offsets[digit] = place + 1
    }
    const swap = order
    order = other
    other = swap
  }
  return order
}

export interface AreaUnderCurve {
  readonly auc: number
  /** DeLong's variance of it. */
  readonly variance: number
  readonly positives: number
  readonly negatives: number
}

/**
 * Exact area under the ROC curve, ties counting half, with DeLong's variance from midranks (Sun and Xu 2014).
 * `labels` above 1/2 are positive. NaN when one class is missing, or a score is NaN: nobody can say where it ranks.
 */
export function areaUnderCurve(labels: ArrayLike<number>, scores: ArrayLike<number>): AreaUnderCurve {
  const n = scores.length
  let positives = 0
  let unranked = 0
  for (let i = 0; i < n; i++) {
    if ((labels[i] as number) > 0.5) positives++
    if (Number.isNaN(scores[i] as number)) unranked++
  }
  const negatives = n - positives
  if (positives === 0 || negatives === 0 || unranked > 0)
    return { auc: Number.NaN, variance: Number.NaN, positives, negatives }
  const order = ascending(scores)
  let positivesBelow = 0
  let sum = 0
  let squaresOfPositives = 0
  let squaresOfNegatives = 0
  for (let start = 0; start < n; ) {
    const value = scores[order[start] as number] as number
    let end = start
    let tied = 0
    while (end < n && (scores[order[end] as number] as number) === value) {
      if ((labels[order[end] as number] as number) > 0.5) tied++
      end++
    }
    const tiedNegatives = end - start - tied
    const negativesBelow = start - positivesBelow
    // share of the other class that each member of this tie beats
    const placement = (negativesBelow + tiedNegatives / 2) / negatives
    const counter = 1 - (positivesBelow + tied / 2) / positives
    sum += tied * placement
    squaresOfPositives += tied * placement * placement
    squaresOfNegatives += tiedNegatives * counter * counter
    positivesBelow += tied
    start = end
  }
  const auc = sum / positives
  const v10 = positives > 1 ? (squaresOfPositives - positives * auc * auc) / (positives - 1) : Number.NaN
  const v01 = negatives > 1 ? (squaresOfNegatives - negatives * auc * auc) / (negatives - 1) : Number.NaN
  return { auc, variance: Math.max(0, v10 / positives + v01 / negatives), positives, negatives }
}

/** Area under the ROC curve; see `areaUnderCurve`. Weighted rows count as so many. */
export function auc(labels: ArrayLike<number>, scores: ArrayLike<number>, weights?: ArrayLike<number>): number {
  return weights ? weightedAuc(labels, scores, weights) : areaUnderCurve(labels, scores).auc
}

function weightedAuc(labels: ArrayLike<number>, scores: ArrayLike<number>, weights: ArrayLike<number>): number {
  const n = scores.length
  for (let i = 0; i < n; i++) if (Number.isNaN(scores[i] as number)) return Number.NaN
  const order = ascending(scores)
  let [below, positives, sum] = [0, 0, 0]
  for (let start = 0; start < n; ) {
    const value = scores[order[start] as number] as number
    let [end, tiedPositives, tiedNegatives] = [start, 0, 0]
    while (end < n && (scores[order[end] as number] as number) === value) {
      const row = order[end] as number
      if ((labels[row] as number) > 0.5) tiedPositives += weights[row] as number
      else tiedNegatives += weights[row] as number
      end++
    }
    sum += tiedPositives * (below + tiedNegatives / 2)
    positives += tiedPositives
    below += tiedNegatives
    start = end
  }
  return sum / (positives * below)
}

/** DeLong interval on the logit scale, which stays inside 0…1. */
export function aucInterval(
  area: AreaUnderCurve,
  confidence = 0.95,
): { readonly lower: number; readonly upper: number } {
  const { auc: value, variance } = area
  if (!(value > 0 && value < 1) || Number.isNaN(variance)) return { lower: 0, upper: 1 }
  const z = -normalQuantile((1 - confidence) / 2)
  const logit = Math.log(value / (1 - value))
  const half = (z * Math.sqrt(variance)) / (value * (1 - value))
  return { lower: 1 / (1 + Math.exp(-(logit - half))), upper: 1 / (1 + Math.exp(-(logit + half))) }
}

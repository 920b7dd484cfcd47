import { likeliest } from './multiclass.ts'

/**
 * Expected calibration error: over `bins` (15) equal-mass bins of the sorted scores, the mean distance between average score
 * and share of positives, weighted by rows. Ties keep their order.
 */
export function calibrationError(
  labels: ArrayLike<number>,
  scores: ArrayLike<number>,
  bins = 15,
  weights?: ArrayLike<number>,
): number {
  const n = scores.length
  const order = Uint32Array.from({ length: n }, (_, i) => i)
  order.sort((i, j) => (scores[i] as number) - (scores[j] as number) || i - j)
  let [sum, total] = [0, 0]
  for (let bin = 0; bin < bins; bin++) {
    const start = Math.floor((bin * n) / bins)
    const end = Math.floor(((bin + 1) * n) / bins)
    let difference = 0
    for (let i = start; i < end; i++) {
      const row = order[i] as number
      const weight = weights ? (weights[row] as number) : 1
      difference += weight * ((scores[row] as number) - ((labels[row] as number) > 0.5 ? 1 : 0))
      total += weight
    }
    sum += Math.abs(difference)
  }
  return sum / total
}

/** Of several classes: how probable the likeliest was said to be, and 1 where it is the truth. */
export function topClass({
  labels,
  scores,
  outputs,
}: {
  readonly labels: ArrayLike<number>
  readonly scores: ArrayLike<number>
  readonly outputs: number
}): { readonly labels: Float32Array; readonly scores: Float32Array } {
  const top = Int32Array.from({ length: labels.length }, (_, i) => likeliest(scores, outputs, i))
  return {
    labels: Float32Array.from(top, (k, i) => ((labels[i] as number) === k ? 1 : 0)),
    scores: Float32Array.from(top, (k, i) => scores[i * outputs + k] as number),
  }
}

export interface CalibrationLine {
  /** 1 when calibrated; below 1 when the scores are too extreme. */
  readonly slope: number
  readonly intercept: number
  /** Standard error of the slope. */
  readonly slopeError: number
}

/** Logistic regression of the label on the score's logit (Cox 1958), by Newton's method. NaN when it does not converge. */
export function calibrationLine(labels: ArrayLike<number>, scores: ArrayLike<number>): CalibrationLine {
  const n = scores.length
  const logits = new Float64Array(n)
  for (let i = 0; i < n; i++) {
    const p = Math.min(1 - 2 ** -23, Math.max(2 ** -23, scores[i] as number))
    logits[i] = Math.log(p) - Math.log1p(-p)
  }
  let slope = 1
  let intercept = 0
  for (let step = 0; step < 50; step++) {
    let g0 = 0
    let g1 = 0
    let h00 = 0
    let h01 = 0
    let h11 = 0
    for (let i = 0; i < n; i++) {
      const x = logits[i] as number
      const p = 1 / (1 + Math.exp(-(intercept + slope * x)))
      const residual = ((labels[i] as number) > 0.5 ? 1 : 0) - p
      const weight = p * (1 - p)
      g0 += residual
      g1 += residual * x
      h00 += weight
      h01 += weight * x
      h11 += weight * x * x
    }
    const determinant = h00 * h11 - h01 * h01
    if (!(determinant > 1e-300)) break
    const stepIntercept = (h11 * g0 - h01 * g1) / determinant
    const stepSlope = (h00 * g1 - h01 * g0) / determinant
    intercept += stepIntercept
    slope += stepSlope
    if (Math.abs(stepIntercept) + Math.abs(stepSlope) < 1e-12 * (1 + Math.abs(slope) + Math.abs(intercept)))
      return { slope, intercept, slopeError: Math.sqrt(h00 / determinant) }
  }
  return { slope: Number.NaN, intercept: Number.NaN, slopeError: Number.NaN }
}

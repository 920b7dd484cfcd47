import { judgedRows, type LabelledScores } from '../../../math/metrics/catalogue.ts'

// The least that could be done better with a score in a part of the rows: shift it and stretch it there. What is left after
// that is how hard the part is; what goes by it is the model's fault.

/** Scores of other rows, as they would be after the shift and stretch that was fitted. */
type Apply = (judged: LabelledScores) => Float32Array

const clip = 2 ** -20
const logit = (p: number): number => {
  const held = Math.min(1 - clip, Math.max(clip, p))
  return Math.log(held / (1 - held))
}
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
const leastRate = 1e-9

/** Fits by the task: logistic, log-linear or linear in the score; a shift alone for a quantile. */
export function fitRecalibration(judged: LabelledScores): Apply {
  switch (judged.task) {
    case 'binary':
      return newton(judged, logit, sigmoid, p => p * (1 - p))
    case 'count':
      return newton(
        judged,
        rate => Math.log(Math.max(rate, leastRate)),
        Math.exp,
        rate => rate,
      )
    case 'multiclass':
      return classwise(judged)
    case 'quantile': {
      const off = Float64Array.from(judged.labels, (label, i) => label - (judged.scores[i] as number)).sort()
      const shift = off[Math.min(off.length - 1, Math.floor(judged.level * off.length))] ?? 0
      return ({ scores }) => scores.map(score => score + shift)
    }
    default:
      return linear(judged)
  }
}

function linear({ labels, scores }: LabelledScores): Apply {
  const n = labels.length
  const [x, y] = [average(scores), average(labels)]
  let [xy, xx] = [0, 0]
  for (let i = 0; i < n; i++) {
    const off = (scores[i] as number) - x
    xy += off * ((labels[i] as number) - y)
    xx += off * off
  }
  const slope = xx > 0 ? xy / xx : 0
  return other => other.scores.map(score => y + slope * (score - x))
}

function average(values: Float32Array): number {
  let sum = 0
  for (const value of values) sum += value
  return sum / Math.max(1, values.length)
}

/** Prior weight of "leave it as it is", in rows: keeps what few rows say finite. */
const prior = 2

/** Newton's method for intercept and slope of a generalised linear model in the transformed score. */
function newton(
  { labels, scores }: LabelledScores,
  link: (score: number) => number,
  inverse: (x: number) => number,
  variance: (mean: number) => number,
): Apply {
  const xs = Float64Array.from(scores, link)
  let [a, b] = [0, 1]
  for (let step = 0; step < 25; step++) {
    let [g0, g1, h00, h01, h11] = [-prior * a, -prior * (b - 1), prior, 0, prior]
    for (let i = 0; i < xs.length; i++) {
      const x = xs[i] as number
      const mean = inverse(Math.min(30, a + b * x))
      const off = (labels[i] as number) - mean
      const w = variance(mean)
      g0 += off
      g1 += off * x
      h00 += w
      h01 += w * x
      h11 += w * x * x
    }
    const determinant = h00 * h11 - h01 * h01
    if (!(determinant > 0)) break
    const [da, db] = [(h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant]
    // Half a unit a step: the curve is far from its parabola where scores are extreme
    const size = Math.max(1, Math.abs(da) / 2, Math.abs(db))
    a += da / size
    b += db / size
    if (Math.abs(da) + Math.abs(db) < 1e-8) break
  }
  return other => other.scores.map(score => inverse(Math.min(30, a + b * link(score))))
}

/** A weight for each class and one temperature, by descent on the log loss, which is convex in them. */
function classwise({ labels, scores, outputs }: LabelledScores): Apply {
  const n = labels.length
  const logs = Float64Array.from(scores, p => Math.log(Math.max(clip, p)))
  const weights = new Float64Array(outputs)
  let slope = 1
  const probabilities = new Float64Array(outputs)
  const fill = (row: number, of: Float64Array): void => {
    let most = -Infinity
    for (let k = 0; k < outputs; k++) {
      const value = (weights[k] as number) + slope * (of[row * outputs + k] as number)
      probabilities[k] = value
      most = Math.max(most, value)
    }
    let sum = 0
    for (let k = 0; k < outputs; k++) sum += probabilities[k] = Math.exp((probabilities[k] as number) - most)
    for (let k = 0; k < outputs; k++) probabilities[k] = (probabilities[k] as number) / sum
  }
  const gradient = new Float64Array(outputs)
  for (let step = 0; step < 40; step++) {
    for (let k = 0; k < outputs; k++) gradient[k] = -prior * (weights[k] as number)
    let [gSlope, hSlope] = [-prior * (slope - 1), prior]
    for (let row = 0; row < n; row++) {
      fill(row, logs)
      let [meanLog, squareLog] = [0, 0]
      for (let k = 0; k < outputs; k++) {
        const p = probabilities[k] as number
        const log = logs[row * outputs + k] as number
        gradient[k] = (gradient[k] as number) + ((labels[row] as number) === k ? 1 : 0) - p
        meanLog += p * log
        squareLog += p * log * log
      }
      gSlope += (logs[row * outputs + (labels[row] as number)] as number) - meanLog
      hSlope += squareLog - meanLog * meanLog
    }
    // A quarter of the rows bounds the curvature of each weight from above, half that of all of them together
    for (let k = 0; k < outputs; k++) weights[k] = (weights[k] as number) + (gradient[k] as number) / (n / 2 + prior)
    slope += Math.max(-0.25, Math.min(0.25, gSlope / (2 * hSlope)))
  }
  return other => {
    const own = Float64Array.from(other.scores, p => Math.log(Math.max(clip, p)))
    const out = new Float32Array(other.scores.length)
    for (let row = 0; row < other.labels.length; row++) {
      fill(row, own)
      out.set(probabilities, row * outputs)
    }
    return out
  }
}

/** Scores that are recalibrated by rows other than themselves: in `folds` parts, each by the rest. */
export function crossFitted(judged: LabelledScores, folds = 5): Float32Array {
  const n = judged.labels.length
  const out = new Float32Array(judged.scores.length)
  for (let fold = 0; fold < folds; fold++) {
    const rows = Array.from({ length: n }, (_, i) => i)
    const own = rows.filter(i => i % folds === fold)
    const apply = fitRecalibration(
      judgedRows(
        judged,
        rows.filter(i => i % folds !== fold),
      ),
    )
    const made = apply(judgedRows(judged, own))
    own.forEach((row, i) => {
      out.set(made.subarray(i * judged.outputs, (i + 1) * judged.outputs), row * judged.outputs)
    })
  }
  return out
}

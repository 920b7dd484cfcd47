import { solveSymmetric } from './cholesky.ts'
import { accumulate, type Design, designOf, type LinearData, type LinearModel, unstandardise } from './design.ts'

export interface LinearOptions {
  /**
   * L2 penalty on the coefficients of the standardised features, the intercept excepted; 0 or more.
   * Ridge: scikit-learn's `alpha`, default 0. Logistic: 1 / scikit-learn's `C`, default 1.
   */
  readonly l2?: number
}

function penaltyOf(options: LinearOptions, fallback: number): number {
  const l2 = options.l2 ?? fallback
  if (!(l2 >= 0 && Number.isFinite(l2))) throw new RangeError(`l2 must be 0 or more, got ${l2}`)
  return l2
}

function addPenalty(matrix: Float64Array, width: number, l2: number): void {
  for (let at = 0; at < width; at++) matrix[at * (width + 1) + at] = (matrix[at * (width + 1) + at] as number) + l2
}

/** Least squares with an optional L2 penalty, by the normal equations of the standardised features. */
export function fitRidge(data: LinearData, options: LinearOptions = {}): LinearModel {
  const l2 = penaltyOf(options, 0)
  const design = designOf(data)
  const n = design.width + 1
  const matrix = new Float64Array(n * n)
  const right = new Float64Array(n)
  const x = new Float64Array(n)
  for (let row = 0; row < design.rows; row++) {
    const label = data.labels[row] as number
    if (!Number.isFinite(label)) throw new RangeError(`the label of row ${row} is ${label}`)
    design.readRow(row, x)
    accumulate(matrix, right, x, design.weight(row), design.weight(row) * label)
  }
  addPenalty(matrix, design.width, l2)
  return unstandardise(design, solveSymmetric(matrix, right), 'regression')
}

const greatestSteps = 100

/**
 * Logistic regression for labels 0 and 1 by iteratively reweighted least squares (Newton's method with step halving).
 * Needs a penalty above 0 where the classes are perfectly separable; with 0 it stops at the best of 100 steps.
 */
export function fitLogistic(data: LinearData, options: LinearOptions = {}): LinearModel {
  const l2 = penaltyOf(options, 1)
  const design = designOf(data)
  data.labels.forEach((label, row) => {
    if (label !== 0 && label !== 1) throw new RangeError(`the label of row ${row} is ${label}, not 0 or 1`)
  })
  let solution: Float64Array = new Float64Array(design.width + 1)
  let state = derive(data, design, solution, l2)
  for (let step = 0; step < greatestSteps; step++) {
    const move = solveSymmetric(state.curvature, state.slope)
    let length = 1
    let next = state
    let candidate = solution
    do {
      const scale = length
      candidate = solution.map((value, at) => value - scale * (move[at] as number))
      next = derive(data, design, candidate, l2)
      length /= 2
    } while (next.loss > state.loss && length > 1e-6)
    if (!(next.loss <= state.loss)) break
    const largest = candidate.reduce((top, value, at) => Math.max(top, Math.abs(value - (solution[at] as number))), 0)
    solution = candidate
    state = next
    if (largest < 1e-10) break
  }
  return unstandardise(design, solution, 'binary')
}

interface Derivatives {
  readonly loss: number
  readonly slope: Float64Array
  readonly curvature: Float64Array
}

function derive(data: LinearData, design: Design, solution: Float64Array, l2: number): Derivatives {
  const n = design.width + 1
  const slope = new Float64Array(n)
  const curvature = new Float64Array(n * n)
  const x = new Float64Array(n)
  let loss = 0
  for (let row = 0; row < design.rows; row++) {
    design.readRow(row, x)
    let margin = 0
    for (let at = 0; at < n; at++) margin += (x[at] as number) * (solution[at] as number)
    const label = data.labels[row] as number
    const weight = design.weight(row)
    const p = 1 / (1 + Math.exp(-margin))
    const signed = label === 1 ? margin : -margin
    loss += weight * (signed > 0 ? Math.log1p(Math.exp(-signed)) : Math.log1p(Math.exp(signed)) - signed)
    accumulate(curvature, slope, x, weight * p * (1 - p), weight * (p - label))
  }
  addPenalty(curvature, design.width, l2)
  for (let at = 0; at < design.width; at++) {
    const value = solution[at] as number
    slope[at] = (slope[at] as number) + l2 * value
    loss += 0.5 * l2 * value * value
  }
  return { loss, slope, curvature }
}

/** Values (regression) or probabilities of class 1 (binary) of row-major rows, in float64 inside. */
export function predictLinear(model: LinearModel, features: Float32Array, rows: number, out: Float32Array): void {
  const width = model.coefficients.length
  if (features.length < rows * width)
    throw new RangeError(`${rows} rows of ${width} features need ${rows * width} values`)
  for (let row = 0; row < rows; row++) {
    let margin = model.intercept
    for (let at = 0; at < width; at++) {
      const value = features[row * width + at] as number
      margin += (model.coefficients[at] as number) * (value !== value ? (model.replacements[at] as number) : value)
    }
    out[row] = model.task === 'binary' ? 1 / (1 + Math.exp(-margin)) : margin
  }
}

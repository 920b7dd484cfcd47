import { maxRateMargin } from '../task.ts'

/** What a linear model can learn: the canonical link of each gives the margin. */
export type LinearTask = 'binary' | 'multiclass' | 'regression' | 'count'

/** What a linear model learns from; a missing number (NaN) is replaced by the mean of its feature. */
export interface LinearData {
  readonly rows: number
  /** Column-major, NaN for a missing number; infinite values are refused. */
  readonly columns: readonly Float32Array[]
  /** By feature: 0 for a number, else how many codes a categorical feature has; its values are whole numbers below that. */
  readonly codes?: readonly number[]
  /** Regression: the value. Count: 0 or more. Binary: 0 or 1. Multiclass: the index of the class. */
  readonly labels: Float32Array
  /** 0 or more, 1 when absent; a row of weight 2 is a row that is there twice. */
  readonly weights?: Float32Array
}

/** What a code of a categorical feature adds to each margin. */
export interface CategoryEffects {
  readonly feature: number
  /** `values[code][output]`. */
  readonly values: readonly (readonly number[])[]
}

/**
 * margin of output k = intercept k + Σ coefficient × number + Σ effect of the code, with a missing number taken as its
 * replacement. Binary: sigmoid of the margin. Multiclass: softmax. Count: e to the margin. Regression: the margin.
 */
export interface LinearModel {
  readonly task: LinearTask
  /** `coefficients[output][feature]`, 0 for a categorical feature. */
  readonly coefficients: readonly (readonly number[])[]
  /** By output. */
  readonly intercepts: readonly number[]
  /** By feature, exactly representable in float32; 0 for a categorical feature. */
  readonly replacements: readonly number[]
  /** Of the categorical features, ascending. */
  readonly effects: readonly CategoryEffects[]
}

/** Number of features. */
export const widthOfLinear = (model: LinearModel): number => model.replacements.length

/**
 * Values, rates or probabilities (binary: of class 1; multiclass: rows × classes) of row-major rows, in float64 inside. A
 * code that is no whole number of the feature's adds nothing.
 */
export function predictLinear(model: LinearModel, features: Float32Array, rows: number, out: Float32Array): void {
  linearMargins(model, features, rows, out)
  const outputs = model.intercepts.length
  if (model.task === 'multiclass') {
    for (let row = 0; row < rows; row++) softmax(out, row * outputs, outputs)
  } else if (model.task !== 'regression') {
    const answer =
      model.task === 'binary'
        ? (m: number) => 1 / (1 + Math.exp(-m))
        : (m: number) => Math.exp(Math.min(m, maxRateMargin))
    for (let row = 0; row < rows; row++) out[row] = answer(out[row] as number)
  }
}

/** The same before sigmoid, softmax and exponential. */
export function linearMargins(model: LinearModel, features: Float32Array, rows: number, out: Float32Array): void {
  const width = widthOfLinear(model)
  const { coefficients, intercepts, replacements, effects } = model
  const outputs = intercepts.length
  if (features.length < rows * width)
    throw new RangeError(`${rows} rows of ${width} features need ${rows * width} values`)
  const row = new Float64Array(width)
  for (let r = 0; r < rows; r++) {
    for (let at = 0; at < width; at++) {
      const value = features[r * width + at] as number
      row[at] = value !== value ? (replacements[at] as number) : value
    }
    for (let k = 0; k < outputs; k++) {
      const own = coefficients[k] as readonly number[]
      let margin = intercepts[k] as number
      for (let at = 0; at < width; at++) {
        const coefficient = own[at] as number
        if (coefficient !== 0) margin += coefficient * (row[at] as number)
      }
      for (const { feature, values } of effects) margin += values[row[feature] as number]?.[k] ?? 0
      out[r * outputs + k] = margin
    }
  }
}

function softmax(out: Float32Array, begin: number, outputs: number): void {
  let top = -Infinity
  for (let k = 0; k < outputs; k++) top = Math.max(top, out[begin + k] as number)
  let sum = 0
  for (let k = 0; k < outputs; k++) sum += Math.exp((out[begin + k] as number) - top)
  for (let k = 0; k < outputs; k++) out[begin + k] = Math.exp((out[begin + k] as number) - top) / sum
}

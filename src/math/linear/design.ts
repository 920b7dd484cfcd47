/** What a linear model learns from; missing values (NaN) are replaced by the mean of their feature. */
export interface LinearData {
  readonly rows: number
  /** Column-major, NaN for missing; infinite values are refused. */
  readonly columns: readonly Float32Array[]
  readonly labels: Float32Array
  readonly weights?: Float32Array
}

/** margin = intercept + Σ coefficient × feature, with a missing feature taken as its replacement. */
export interface LinearModel {
  readonly task: 'regression' | 'binary'
  readonly coefficients: readonly number[]
  readonly intercept: number
  /** By feature, exactly representable in float32. */
  readonly replacements: readonly number[]
}

/** The features standardised for the solver, and the way back. */
export interface Design {
  readonly width: number
  readonly rows: number
  readonly means: Float64Array
  readonly deviations: Float64Array
  readonly replacements: readonly number[]
  /** Writes the standardised features of a row, and 1 behind them for the intercept. */
  readRow(row: number, into: Float64Array): void
  weight(row: number): number
}

export function designOf(data: LinearData): Design {
  const { rows, columns, labels, weights } = data
  if (rows < 1 || columns.length === 0) throw new RangeError('a linear model needs at least one row and one feature')
  if (
    labels.length !== rows ||
    (weights && weights.length !== rows) ||
    columns.some(column => column.length !== rows)
  ) {
    throw new RangeError('features, labels and weights must have the same number of rows')
  }
  const width = columns.length
  const means = new Float64Array(width)
  const deviations = new Float64Array(width)
  const replacements = columns.map((column, at) => Math.fround(meanOf(column, at)))
  columns.forEach((column, at) => {
    const fill = replacements[at] as number
    let sum = 0
    for (let row = 0; row < rows; row++) sum += present(column[row] as number, fill)
    const mean = sum / rows
    let squares = 0
    for (let row = 0; row < rows; row++) squares += (present(column[row] as number, fill) - mean) ** 2
    means[at] = mean
    deviations[at] = Math.sqrt(squares / rows) || 1
  })
  return {
    width,
    rows,
    means,
    deviations,
    replacements,
    readRow(row, into) {
      for (let at = 0; at < width; at++) {
        const value = present((columns[at] as Float32Array)[row] as number, replacements[at] as number)
        into[at] = (value - (means[at] as number)) / (deviations[at] as number)
      }
      into[width] = 1
    },
    weight: weights ? row => weights[row] as number : () => 1,
  }
}

function present(value: number, fill: number): number {
  return value !== value ? fill : value
}

function meanOf(column: Float32Array, feature: number): number {
  let sum = 0
  let count = 0
  for (let row = 0; row < column.length; row++) {
    const value = column[row] as number
    if (value === Infinity || value === -Infinity) throw new RangeError(`row ${row} of feature ${feature} is infinite`)
    if (value === value) {
      sum += value
      count++
    }
  }
  return count > 0 ? sum / count : 0
}

/** From coefficients of standardised features (the intercept last) to those of the features as given. */
export function unstandardise(design: Design, solution: Float64Array, task: LinearModel['task']): LinearModel {
  const { width, means, deviations, replacements } = design
  const coefficients = Array.from({ length: width }, (_, at) => (solution[at] as number) / (deviations[at] as number))
  const shift = coefficients.reduce((sum, coefficient, at) => sum + coefficient * (means[at] as number), 0)
  return { task, coefficients, intercept: (solution[width] as number) - shift, replacements }
}

/** Adds weight × x xᵀ to the lower triangle of `matrix` and amount × x to `right`. */
export function accumulate(
  matrix: Float64Array,
  right: Float64Array,
  x: Float64Array,
  weight: number,
  amount: number,
): void {
  const n = right.length
  for (let i = 0; i < n; i++) {
    const value = x[i] as number
    right[i] = (right[i] as number) + amount * value
    const scaled = weight * value
    const begin = i * n
    for (let j = 0; j <= i; j++) matrix[begin + j] = (matrix[begin + j] as number) + scaled * (x[j] as number)
  }
}

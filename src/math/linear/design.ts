import type { LinearData } from './model.ts'

/** A matrix of `rows` × `width` as solvers use it; its last column is of ones, for the intercept, and has no penalty. */
export interface Columns {
  readonly rows: number
  /** Columns, the intercept included. */
  readonly width: number
  /** By row, all 1 when none were given. */
  readonly weights: Float64Array
  /** Sum over the rows of weight × square, by column: how steep the loss can be along it. */
  readonly mass: Float64Array
  /** Most entries of a row that are not 0. */
  readonly entries: number
  /** Margins of all rows: matrix × solution. */
  forward(solution: Float64Array, into: Float64Array): Float64Array
  /** Sums over the rows: matrix transposed × amounts. */
  backward(amounts: Float64Array, into: Float64Array): Float64Array
  /** The `entries` of a row, places ascending. */
  readRow(row: number, places: Int32Array, values: Float64Array): void
}

/**
 * The columns that a solver sees: every number standardised to mean 0 and variance 1 (a constant one is 0), every code of a
 * categorical feature as a column of zeros and ones, and a column of ones for the intercept, the last. Nothing of it is
 * stored: a row has one entry a feature, whatever the number of codes.
 */
export interface Design extends Columns {
  readonly features: number
  /** First column of each feature. */
  readonly first: Int32Array
  /** Codes of each feature, 0 for a number. */
  readonly codes: Int32Array
  readonly means: Float64Array
  readonly deviations: Float64Array
  readonly replacements: readonly number[]
  readonly columns: readonly Float32Array[]
}

/** Throws RangeError for data that no model can be fitted to; the message names the row. */
export function designOf(data: LinearData): Design {
  const { rows, columns, labels, weights: given } = data
  if (rows < 1 || columns.length === 0) throw new RangeError('a linear model needs at least one row and one feature')
  if (labels.length !== rows || (given && given.length !== rows) || columns.some(column => column.length !== rows)) {
    throw new RangeError('features, labels and weights must have the same number of rows')
  }
  const weights = weightsOf(rows, given)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const features = columns.length
  const codes = Int32Array.from(columns, (_, at) => data.codes?.[at] ?? 0)
  const first = new Int32Array(features)
  let width = 0
  codes.forEach((count, at) => {
    first[at] = width
    width += Math.max(1, count)
  })
  const mass = new Float64Array(width + 1).fill(total)
  const means = new Float64Array(features)
  const deviations = new Float64Array(features).fill(1)
  const replacements = columns.map((column, at) => {
    const count = codes[at] as number
    if (count > 0) {
      countCodes(
        column,
        at,
        count,
        weights,
        mass.fill(0, first[at], (first[at] as number) + count),
        first[at] as number,
      )
      return 0
    }
    const fill = Math.fround(meanOf(column, at, weights))
    const [mean, deviation] = momentsOf(column, fill, weights, total)
    means[at] = mean
    deviations[at] = deviation
    return fill
  })
  const parts = { rows, width: width + 1, features, first, codes, means, deviations, replacements, columns }
  return {
    ...parts,
    weights,
    mass,
    entries: features + 1,
    forward: (solution, into) => forward(parts, solution, into),
    backward: (amounts, into) => backward(parts, amounts, into),
    readRow: (row, places, values) => readRow(parts, row, places, values),
  }
}

function weightsOf(rows: number, given: Float32Array | undefined): Float64Array {
  const weights = given ? Float64Array.from(given) : new Float64Array(rows).fill(1)
  let any = false
  weights.forEach((weight, row) => {
    if (!(weight >= 0 && weight < Infinity)) throw new RangeError(`the weight of row ${row} is ${weight}`)
    any ||= weight > 0
  })
  if (!any) throw new RangeError('all weights are zero')
  return weights
}

function countCodes(
  column: Float32Array,
  feature: number,
  count: number,
  weights: Float64Array,
  mass: Float64Array,
  first: number,
): void {
  column.forEach((code, row) => {
    if (!(Number.isInteger(code) && code >= 0 && code < count))
      throw new RangeError(`row ${row} of feature ${feature} has the code ${code} of ${count}`)
    mass[first + code] = (mass[first + code] as number) + (weights[row] as number)
  })
}

function meanOf(column: Float32Array, feature: number, weights: Float64Array): number {
  let sum = 0
  let count = 0
  for (let row = 0; row < column.length; row++) {
    const value = column[row] as number
    if (value === Infinity || value === -Infinity) throw new RangeError(`row ${row} of feature ${feature} is infinite`)
    if (value !== value) continue
    sum += (weights[row] as number) * value
    count += weights[row] as number
  }
  return count > 0 ? sum / count : 0
}

function momentsOf(column: Float32Array, fill: number, weights: Float64Array, total: number): [number, number] {
  let sum = 0
  for (let row = 0; row < column.length; row++) {
    const value = column[row] as number
    sum += (weights[row] as number) * (value !== value ? fill : value)
  }
  const mean = sum / total
  let squares = 0
  let most = 0
  for (let row = 0; row < column.length; row++) {
    const value = column[row] as number
    const away = (value !== value ? fill : value) - mean
    squares += (weights[row] as number) * away * away
    most = Math.max(most, Math.abs(away))
  }
  // A spread that is only the rounding of the mean is no spread
  return [mean, most > 1e-14 * Math.abs(mean) ? Math.sqrt(squares / total) || 1 : 1]
}

type Parts = Omit<Design, 'weights' | 'mass' | 'entries' | 'forward' | 'backward' | 'readRow'>

function forward(design: Parts, solution: Float64Array, into: Float64Array): Float64Array {
  const { rows, features, first, codes, means, deviations, replacements, columns, width } = design
  into.fill(solution[width - 1] as number)
  for (let at = 0; at < features; at++) {
    const column = columns[at] as Float32Array
    const base = first[at] as number
    if ((codes[at] as number) > 0) {
      for (let row = 0; row < rows; row++)
        into[row] = (into[row] as number) + (solution[base + (column[row] as number)] as number)
      continue
    }
    const slope = (solution[base] as number) / (deviations[at] as number)
    if (slope === 0) continue
    const mean = means[at] as number
    const fill = replacements[at] as number
    for (let row = 0; row < rows; row++) {
      const value = column[row] as number
      into[row] = (into[row] as number) + slope * ((value !== value ? fill : value) - mean)
    }
  }
  return into
}

function backward(design: Parts, amounts: Float64Array, into: Float64Array): Float64Array {
  const { rows, features, first, codes, means, deviations, replacements, columns, width } = design
  into.fill(0)
  for (let at = 0; at < features; at++) {
    const column = columns[at] as Float32Array
    const base = first[at] as number
    if ((codes[at] as number) > 0) {
      for (let row = 0; row < rows; row++) {
        const place = base + (column[row] as number)
        into[place] = (into[place] as number) + (amounts[row] as number)
      }
      continue
    }
    const mean = means[at] as number
    const fill = replacements[at] as number
    let sum = 0
    for (let row = 0; row < rows; row++) {
      const value = column[row] as number
      sum += (amounts[row] as number) * ((value !== value ? fill : value) - mean)
    }
    into[base] = sum / (deviations[at] as number)
  }
  let all = 0
  for (let row = 0; row < rows; row++) all += amounts[row] as number
  into[width - 1] = all
  return into
}

/** One column and value a feature, and the intercept. */
function readRow(design: Parts, row: number, places: Int32Array, values: Float64Array): void {
  const { features, first, codes, means, deviations, replacements, columns, width } = design
  for (let at = 0; at < features; at++) {
    const value = (columns[at] as Float32Array)[row] as number
    if ((codes[at] as number) > 0) {
      places[at] = (first[at] as number) + value
      values[at] = 1
    } else {
      places[at] = first[at] as number
      values[at] =
        ((value !== value ? (replacements[at] as number) : value) - (means[at] as number)) / (deviations[at] as number)
    }
  }
  places[features] = width - 1
  values[features] = 1
}

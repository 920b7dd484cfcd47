import type { Task } from '../../../math/task.ts'
import type { Estimator } from '../../../onnx/index.ts'

/** What an estimator is fitted to: scaled numbers and codes of texts. */
export interface Examples {
  readonly task: Task
  readonly rows: number
  readonly columns: readonly Float32Array[]
  /** By column: how many codes a text has, 0 for a number. */
  readonly codes: readonly number[]
  /** By column. */
  readonly names: readonly string[]
  /** The numbers as they were: value = scaled / factor + offset, by column. */
  readonly scale: { readonly offset: ArrayLike<number>; readonly factor: ArrayLike<number> }
  readonly labels: Float32Array
  /** Of a multiclass task, whose labels are indexes. */
  readonly classes?: number
  readonly weights?: Float32Array
  /** Of a quantile task: the share of the truths that stays below. */
  readonly quantile?: number
}

export interface FittedModel {
  readonly estimator: Estimator
  /** Share of each column in the estimator's decisions. */
  readonly importance: readonly number[]
}

/** Rows from `from` to `to`. */
export function partOf(examples: Examples, from: number, to: number): Examples {
  return {
    ...examples,
    rows: to - from,
    columns: examples.columns.map(column => column.subarray(from, to)),
    labels: examples.labels.subarray(from, to),
    ...(examples.weights ? { weights: examples.weights.subarray(from, to) } : {}),
  }
}

/** The rows that a condition keeps. */
export function rowsOf(examples: Examples, keep: (row: number) => boolean): Examples {
  const rows = Int32Array.from({ length: examples.rows }, (_, row) => row).filter(keep)
  const take = (list: Float32Array): Float32Array => Float32Array.from(rows, row => list[row] as number)
  return {
    ...examples,
    rows: rows.length,
    columns: examples.columns.map(take),
    labels: take(examples.labels),
    ...(examples.weights ? { weights: take(examples.weights) } : {}),
  }
}

/** The columns of the rows, row by row. */
export function rowMajorOf({ rows, columns }: Pick<Examples, 'rows' | 'columns'>): Float32Array {
  const width = columns.length
  const out = new Float32Array(rows * width)
  columns.forEach((column, at) => {
    for (let row = 0; row < rows; row++) out[row * width + at] = column[row] as number
  })
  return out
}

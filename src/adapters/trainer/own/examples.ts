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

export interface Fitted {
  readonly estimator: Estimator
  /** Share of each column in the estimator's decisions. */
  readonly importance: readonly number[]
}

/** How much each input of a row moves each output away from what is expected of any row. */
export interface Contributions {
  /** Expected answer of each output. */
  readonly expected: readonly number[]
  /** `values[output][input]`; with what is expected they add up to the row's answer. */
  readonly values: readonly Float64Array[]
}

import type { Json } from '../../internal/canonical-json.ts'
import type { Node } from '../expression/node.ts'
import type { Metric } from './metric.ts'

/** Another relation that an expectation looks at. */
export type Reference =
  /** A dataset of the project, as its source stands now. */
  | { readonly dataset: string }
  /** The snapshot that was accepted before this one. */
  | { readonly previous: true }
  /** Training rows of the newest version of a model. */
  | { readonly train: string }
  /** One snapshot by digest. */
  | { readonly snapshot: string }

/** Which rows break a row-level expectation. */
export type RowRule =
  /** Rows for which `good` is false. */
  | { readonly by: 'expression'; readonly good: Node }
  /**
   * Rows that share their values in `over` (all columns but `except` when empty) with another. `spare: 'first'` keeps the
   * first row of each group. With `conflicting`, only groups in which that column has more than one value; with
   * `nullsBad`, rows with a null among the columns are bad as well.
   */
  | {
      readonly by: 'group'
      readonly over: readonly string[]
      readonly except?: readonly string[]
      readonly nulls: 'ignore' | 'equal' | 'distinct'
      readonly spare: 'none' | 'first'
      readonly conflicting?: string
      readonly nullsBad?: boolean
    }
  /** Rows whose value does not follow on from the row before, in the order of `orderBy`, within each partition. */
  | {
      readonly by: 'order'
      readonly of: string
      readonly orderBy: string
      readonly within: readonly string[]
      /** Least and greatest allowed step from the value before; exclusive where strict. */
      readonly step: { readonly min?: number; readonly max?: number; readonly strict?: boolean }
    }
  /** Rows whose values in `columns` are absent from (or present in) another relation. Rows with a null are not evaluated. */
  | {
      readonly by: 'lookup'
      readonly columns: readonly string[]
      readonly in: Reference
      readonly inColumns: readonly string[]
      readonly bad: 'absent' | 'present'
    }
  /** Rows that have no partner with the same keys in another relation, or differ from it. */
  | {
      readonly by: 'match'
      readonly with: Reference
      readonly on: readonly string[]
      readonly compare: readonly string[]
      readonly abs: number
      readonly rel: number
      /** Whether rows without a partner are bad, on either side, or left out. */
      readonly unmatched: 'bad' | 'ignore'
    }
  /** Rows whose value fails a test that SQL cannot express; it is put to each different value once. */
  | { readonly by: 'levels'; readonly of: string; readonly test: string; readonly option?: Json }
  /** Rows that a user's query over `rows` gives. Parts are SQL text or expressions. */
  | { readonly by: 'query'; readonly parts: readonly (string | Node)[]; readonly timeoutMicros: number }
  /** Rows for which a user's function, run in a process of its own, does not give true. */
  | {
      readonly by: 'batch'
      readonly columns: readonly string[]
      readonly timeoutMicros: number
      readonly memoryBytes: number
    }

/** What has to be known before a verdict. */
export interface Needs {
  readonly metrics?: Readonly<Record<string, Metric>>
  readonly rows?: RowRule
  /** Measures of another relation. */
  readonly reference?: { readonly from: Reference; readonly metrics: Readonly<Record<string, Metric>> }
}

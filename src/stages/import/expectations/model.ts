import type { Json } from '../../../internal/canonical-json.ts'
import type { Columns } from '../../../define/column.ts'
import type { ScalarType } from '../../../define/expression/node.ts'
import type { Source } from '../../../define/source.ts'

/** What became of a rule: the same meaning, a meaning whose difference is stated, or nothing and why. */
export type Outcome = 'carried' | 'changed' | 'left out'

/** A column that the generated dataset declares. */
export interface ImportedColumn {
  readonly name: string
  readonly type: ScalarType
  readonly nullable: boolean
  /** What its type was taken from. */
  readonly why: string
}

/** One rule of the other tool. */
export interface ImportedRule {
  /** As the other tool names it. */
  readonly source: string
  readonly columns: readonly string[]
  /** The rule as it stood in the file. */
  readonly given: Json
  readonly outcome: Outcome
  /** The expectations that carry it; none where it was left out. */
  readonly code: readonly string[]
  /** The difference, or why it was left out. */
  readonly why?: string
  /** Remarks that stood with it. */
  readonly notes: readonly string[]
}

/** A dataset of the project, whose columns and source stand for those that the file does not tell. */
export interface KnownDataset {
  readonly name: string
  readonly source: Source
  readonly columns: Columns
  readonly treatAsNull: readonly string[]
  readonly encryptWith: string | undefined
}

/** What one suite, contract, schema or model of another tool became. */
export interface ImportedDataset {
  /** A name that a dataset of Millrace can have. */
  readonly name: string
  /** The file it came from. */
  readonly from: string
  readonly columns: readonly ImportedColumn[]
  readonly rules: readonly ImportedRule[]
  /** What holds of the whole: keys that were not read, and what Millrace sees otherwise in all rules. */
  readonly remarks: readonly string[]
  readonly known?: KnownDataset
}

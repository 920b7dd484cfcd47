import type { CsvOptions } from '../../define/source.ts'
import type { Json } from '../../internal/canonical-json.ts'
import type { ColumnType, Value } from '../../ports/data-engine.ts'
import type { ColumnDistribution } from '../validate/distribution.ts'
import type { FormatName } from '../../define/expectation/kinds/format.ts'
import type { Form } from './forms.ts'
import type { Times } from './times.ts'

export interface ValueCount {
  readonly value: Value
  readonly rows: number
}

/** Mean, spread and quantiles of the finite values of a number. */
export interface NumberFacts {
  /** Finite values. */
  readonly count: number
  readonly mean: number
  /** Population standard deviation. */
  readonly std: number
  /** Exact, linear between order statistics. */
  readonly quantiles: readonly { readonly q: number; readonly at: number }[]
  readonly nan: number
  readonly infinite: number
  /** Values far outside of what nearly all rows have, by the nearest first; the greatest gap stands between. */
  readonly isolated: readonly ValueCount[]
  /** Least and greatest finite value without those. */
  readonly kept: { readonly min: number; readonly max: number }
}

export interface TextFacts {
  /** Lengths in code points. */
  readonly length: { readonly min: number; readonly max: number; readonly mean: number }
  /** How the texts are written, most frequent first. */
  readonly forms: readonly Form[]
  /** The known format that all but one in a hundred are of. */
  readonly format?: FormatName
  /** Rows that `forms` rest on; fewer than there are where only some rows were looked at. */
  readonly formsOf: number
}

/** What is in one column. Timestamps are microseconds since 1970 UTC. */
export interface ColumnProfile {
  readonly column: string
  readonly type: ColumnType
  /** The source's own name of the type. */
  readonly physical: string
  /** Whether it stands in the dataset's declaration; undefined outside a project. */
  readonly declared?: boolean
  readonly personal: boolean
  readonly nulls: number
  /** Cells of a text source that are not written as the type, with the most frequent of them. */
  readonly unreadable?: { readonly cells: number; readonly top: readonly ValueCount[] }
  readonly distinct: { readonly value: number; readonly exact: boolean }
  readonly min: Value
  readonly max: Value
  /** The most frequent values. Empty for personal data, and where they were not counted. */
  readonly top: readonly ValueCount[]
  readonly number?: NumberFacts
  readonly text?: TextFacts
  readonly times?: Times
  readonly distribution: ColumnDistribution
}

export interface Correlation {
  readonly a: string
  readonly b: string
  /** Pearson's r. */
  readonly r: number
}

/** A column that some files have: how many `of` those that were compared, and the first of them. */
export interface UnevenColumn {
  readonly column: string
  readonly files: number
  readonly of: number
  readonly first: string
}

export interface Profile {
  readonly source: string
  readonly files: number
  /** Undefined for tables of a database. */
  readonly bytes: number | undefined
  readonly rows: number
  /** How the text was read, where that was found out and not declared. */
  readonly csv?: CsvOptions
  readonly columns: readonly ColumnProfile[]
  /** Columns that were not looked at, and why. */
  readonly left: readonly { readonly column: string; readonly physical: string; readonly reason: string }[]
  /** Columns that not every file has; null where a file has none. */
  readonly uneven: readonly UnevenColumn[]
  /** Lines of text files that are no rows, and those of the ones told one by one that are not of the encoding. */
  readonly brokenLines: number
  readonly misencoded: number
  /** Rows that are a copy of an earlier one in all columns. */
  readonly duplicates: number
  /** Columns, or pairs of them, that no two rows share and that are never null. */
  readonly keys: readonly (readonly string[])[]
  /** Strongest first. */
  readonly correlations: readonly Correlation[]
  /** Rows that correlations rest on. */
  readonly correlationsOf: number
  readonly findings: readonly Finding[]
}

/** Something that would surprise whoever thinks the data are clean. */
export interface Finding {
  readonly kind: string
  readonly columns: readonly string[]
  /** One sentence with the figures in it. */
  readonly says: string
  readonly observed: Readonly<Record<string, Json>>
}

import type { ScalarType } from './expression/node.ts'
import type { ExpressionOf, ValueOf } from './expression/types.ts'
import { anyText, builder, listOf, members, optional, timeZone, wholeFrom, type Form, type Forms } from './forms.ts'
import { maxVectorLength } from './vector.ts'

/** The declared type of a column. Not null unless wrapped by `t.nullable`; validation checks that it is so. */
export interface ColumnSpec<T extends ScalarType = ScalarType, N extends boolean = boolean> {
  readonly type: T
  readonly nullable: N
  /** Zone of naive timestamps in the source; times are UTC from there on. */
  readonly zone?: string
  /** Numbers that a vector has. */
  readonly length?: number
  /** Personal data: masked in samples, encrypted in files. */
  readonly pii?: boolean
  /** Texts that stand for a missing value; by default those of the dataset. */
  readonly treatAsNull?: readonly string[]
}

export type Columns = Readonly<Record<string, ColumnSpec>>

/** The expressions of a set of columns: what `c` is in `label: c => c.delay.gt(15)`. */
export type ColumnExpressions<C extends Columns> = {
  readonly [K in keyof C & string]: ExpressionOf<C[K]['type'], C[K]['nullable'], K>
}

/** One row as JavaScript values. */
export type RowOf<C extends Columns> = { readonly [K in keyof C & string]: ValueOf<C[K]['type'], C[K]['nullable']> }

function spec<T extends ScalarType>(type: T): ColumnSpec<T, false> {
  return { type, nullable: false }
}

const types: readonly string[] = ['int', 'float', 'text', 'bool', 'timestamp', 'vector'] satisfies ScalarType[]

/** What `t` makes; a column in any other shape would be read with options that nobody declared. */
export const columnForm: Form = {
  words: 'a column type of `t`, such as t.int()',
  holds: value => {
    if (typeof value !== 'object' || value === null) return false
    const { type, nullable, length } = value as Partial<ColumnSpec>
    const known: readonly string[] = [
      'type',
      'nullable',
      'zone',
      'length',
      'pii',
      'treatAsNull',
    ] satisfies (keyof ColumnSpec)[]
    return (
      types.includes(type as string) &&
      typeof nullable === 'boolean' &&
      (type === 'vector') === (typeof length === 'number') &&
      Object.keys(value).every(key => known.includes(key))
    )
  },
}

/** Columns by name, at least one. */
export const columnsForm: Form = {
  words: 'columns by name, at least one, each a column type of `t` such as t.int()',
  holds: value =>
    typeof value === 'object' &&
    value !== null &&
    Object.keys(value).length > 0 &&
    Object.values(value).every(columnForm.holds),
}

interface TextOptions {
  /** Texts that stand for a missing value (default: those of the dataset). */
  readonly treatAsNull?: readonly string[]
}
const textForms: Forms<TextOptions> = { treatAsNull: optional(listOf(anyText)) }

/** Column types. A column has no nulls unless `t.nullable(…)` says so. */
export const t = {
  /** 64-bit integer. Beyond 2^53 its JavaScript value is a bigint, in JSON a string. */
  int: builder('column', {}, () => spec('int'), 't.int'),
  /** IEEE double. A whole number that no double is, such as a long key, is unreadable: declare `int` or `text`. */
  float: builder('column', {}, () => spec('float'), 't.float'),
  /** Unicode text. `treatAsNull` names the texts that stand for a missing value, such as '' or 'NA'. */
  text: builder(
    'column',
    { options: optional(members(textForms)) },
    (options: TextOptions = {}): ColumnSpec<'text', false> => ({ ...spec('text'), ...options }),
    't.text',
  ),
  bool: builder('column', {}, () => spec('bool'), 't.bool'),
  /**
   * Microseconds UTC, of the years 1 to 9999. `zone` says by the clocks of which zone times without one are; without it they are
   * refused. An hour that those clocks showed twice, or never, is unreadable.
   */
  timestamp: builder(
    'column',
    { zone: optional(timeZone) },
    (zone?: string): ColumnSpec<'timestamp', false> => ({
      type: 'timestamp',
      nullable: false,
      ...(zone === undefined ? {} : { zone }),
    }),
    't.timestamp',
  ),
  /**
   * So many numbers, such as an embedding: a list in Parquet, Arrow and JSON lines, an array in PostgreSQL, a JSON list in a text.
   * A list of another length is unreadable, and one in which a number is null, NaN or infinite.
   */
  vector: builder(
    'column',
    { length: wholeFrom(1, maxVectorLength) },
    (length: number): ColumnSpec<'vector', false> => ({ ...spec('vector'), length }),
    't.vector',
  ),
  /** The column may hold nulls. */
  nullable: builder(
    'column',
    { column: columnForm },
    <T extends ScalarType>(column: ColumnSpec<T, boolean>): ColumnSpec<T, true> => ({ ...column, nullable: true }),
    't.nullable',
  ),
  /** The column holds personal data: masked in samples, encrypted in files. */
  pii: builder(
    'column',
    { column: columnForm },
    <T extends ScalarType, N extends boolean>(column: ColumnSpec<T, N>): ColumnSpec<T, N> => ({ ...column, pii: true }),
    't.pii',
  ),
}

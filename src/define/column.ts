import { fail } from '../errors/index.ts'
import type { ScalarType } from './expression/node.ts'
import type { ExpressionOf, ValueOf } from './expression/types.ts'

/** The declared type of a column. Not null unless wrapped by `t.nullable`; validation checks that it is so. */
export interface ColumnSpec<T extends ScalarType = ScalarType, N extends boolean = boolean> {
  readonly type: T
  readonly nullable: N
  /** Zone of naive timestamps in the source; times are UTC from there on. */
  readonly zone?: string
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

/** Column types. */
export const t = {
  /** 64-bit integer. Beyond 2^53 its JavaScript value is a bigint, in JSON a string. */
  int: () => spec('int'),
  /** IEEE double. A whole number that no double is, such as a long key, is unreadable: declare `int` or `text`. */
  float: () => spec('float'),
  /** Unicode text. `treatAsNull` names the texts that stand for a missing value, such as '' or 'NA'. */
  text: (options: { readonly treatAsNull?: readonly string[] } = {}): ColumnSpec<'text', false> => ({
    ...spec('text'),
    ...options,
  }),
  bool: () => spec('bool'),
  /**
   * Microseconds UTC, of the years 1 to 9999. `zone` says by the clocks of which zone times without one are; without it they are
   * refused. An hour that those clocks showed twice, or never, is unreadable.
   */
  timestamp: (zone?: string): ColumnSpec<'timestamp', false> => {
    if (zone !== undefined) {
      try {
        new Intl.DateTimeFormat('en', { timeZone: zone })
      } catch {
        throw fail('invalidDefinition', { kind: 'time zone', name: zone, reason: 'is not an IANA time zone' })
      }
    }
    return { type: 'timestamp', nullable: false, ...(zone === undefined ? {} : { zone }) }
  },
  nullable: <T extends ScalarType>(column: ColumnSpec<T, boolean>): ColumnSpec<T, true> => ({
    ...column,
    nullable: true,
  }),
  pii: <T extends ScalarType, N extends boolean>(column: ColumnSpec<T, N>): ColumnSpec<T, N> => ({
    ...column,
    pii: true,
  }),
}

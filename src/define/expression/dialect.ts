import type { LinearPattern } from './pattern.ts'
import type { StoredKind } from '../stored.ts'

/** A value as the engine gives it: int64 beyond 2^53 as bigint, timestamps as microseconds since 1970 UTC. */
export type Value = null | boolean | number | bigint | string

/** Logical types of columns. `int` is int64, `float` float64, `timestamp` microseconds UTC, `vector` a list of doubles kept as its text. */
export type ColumnType = 'int' | 'float' | 'text' | 'bool' | 'timestamp' | 'vector'

/** Arithmetic of whole numbers of 64 bits as SQL; null where the result is none. */
export interface WholeNumbers {
  add(a: string, b: string): string
  subtract(a: string, b: string): string
  multiply(a: string, b: string): string
  /** With the sign of the first. The second is never -1. */
  remainder(a: string, b: string): string
  negate(a: string): string
  absolute(a: string): string
  /** A number as a whole one, by the engine's cast. */
  from(sql: string): string
}

/** What differs between SQL engines. All methods give SQL text. */
export interface Dialect {
  readonly name: string
  /**
   * Functions of expressions, and `query` for a user's own SQL, that this engine cannot have mean what they mean on every
   * other one, and why: what asks for them is refused before anything is started.
   */
  readonly cannot?: ReadonlyMap<string, string>
  /** A subquery stands in WHERE and ON alone. */
  readonly filtersOnly?: true
  identifier(name: string): string
  literal(value: Value, type: ColumnType): string
  /** Cast to the engine's type for a logical one. */
  cast(sql: string, type: ColumnType): string
  /**
   * A text as a value of a type, null where it is not written as one: nothing is rounded, and a time without an offset is in
   * `zone` (null where there is none), a vector has `length` numbers.
   */
  readText(sql: string, type: ColumnType, zone: string | undefined, length?: number): string
  /**
   * A value as it stands in a source as a value of a declared type that may be read from it; null where that type does not
   * hold it. `physical` is the engine's own name of its type; a time without a zone is in `zone`, and null where that hour of
   * the clock never was, or was twice.
   */
  readStored(
    sql: string,
    column: { readonly stored: StoredKind; readonly physical: string },
    type: ColumnType,
    zone: string | undefined,
    length?: number,
  ): string
  /** What a cell of any type holds, as text for people. */
  cellText(sql: string): string
  /** Whole numbers of 64 bits: null where a result does not fit one. */
  readonly whole: WholeNumbers
  /** The greatest whole number, as a float, that is not above a float. */
  floor(sql: string): string
  startsWith(text: string, start: string): string
  /** A text without the blanks (U+0020) at its ends. */
  trim(sql: string): string
  /** A timestamp so many microseconds later; null where there is no such time. */
  plusMicros(at: string, by: string): string
  isFinite(sql: string): string
  isNan(sql: string): string
  /** Whether a timestamp is none of the infinite ones that some engines have. */
  isFiniteTime(sql: string): string
  /** Whether a text holds a pattern. */
  matches(sql: string, pattern: LinearPattern): string
  /** Whether a value is one of a list of literals; null for a null value. */
  isIn(sql: string, literals: readonly string[]): string
  /** Aggregate: the number of rows for which a condition is true. */
  countWhere(condition: string): string
  /** Estimate of the number of different values. */
  approximateDistinct(sql: string): string
  /** Name of the sum aggregate that loses the least to rounding. */
  readonly sum: string
  /** Exact or approximate quantile aggregate of a numeric expression. */
  quantile(sql: string, q: number, exact: boolean): string
  /** A query with a row for each exact quantile of `x`, in order, as `q`, and the number of values as `n`; none where there is no value. */
  quantiles(from: string, x: string, levels: readonly number[]): string
  /** Microseconds since 1970 UTC of a timestamp expression. */
  epochMicros(sql: string): string
  fromEpochMicros(sql: string): string
  /** A part of a timestamp in a time zone, as int64. `dayOfWeek` is 1 Monday … 7 Sunday. */
  datePart(part: 'year' | 'month' | 'day' | 'hour' | 'minute' | 'dayOfWeek', sql: string, zone: string): string
  /** Hash of a row's columns, an int64 of 63 random bits, by which rows that may be alike are found. */
  rowHash(columns: readonly string[]): string
  /**
   * Type of a text that is one of these, which differ: the engine keeps its place among them, and a text of any of many rows
   * costs what a number does. As a result of a query it is to be cast to text.
   */
  oneOf(texts: readonly string[]): string
  /** Type of a list of texts, each one of these. */
  listOf(texts: readonly string[]): string
  /** A list of texts. */
  list(texts: readonly string[]): string
  /** One of some texts by its place among them, from 0, as a value of `oneOf`. */
  pick(texts: readonly string[], place: string): string
  /** The numbers of a vector as a list of the engine's. */
  vectorList(sql: string): string
  /** A list of texts that is written as JSON. */
  readList(sql: string): string
  /** Aggregate: the least values of an expression among rows for which a condition is true, ascending, joined by commas. */
  leastAsText(sql: string, most: number, condition: string): string
  /** Division of whole numbers, toward zero. */
  wholeDivision(sql: string, by: number): string
  /**
   * What stands after FROM for tables of as many rows: the first row of each beside the first of the others, and so on. Absent
   * where tables have no order.
   */
  sideBySide?(tables: readonly string[]): string
  /** A plain SELECT with about that share of its rows, 0..1, the same ones each time. */
  sample(select: string, share: number): string
  /** RFC 3339 text of a timestamp expression. */
  timeText(sql: string): string
}

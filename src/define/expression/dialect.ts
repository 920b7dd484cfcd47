/** A value as the engine gives it: int64 beyond 2^53 as bigint, timestamps as microseconds since 1970 UTC. */
export type Value = null | boolean | number | bigint | string

/** Logical types of columns. `int` is int64, `float` float64, `timestamp` microseconds UTC. */
export type ColumnType = 'int' | 'float' | 'text' | 'bool' | 'timestamp'

/** What differs between SQL engines. All methods give SQL text. */
export interface Dialect {
  readonly name: string
  identifier(name: string): string
  literal(value: Value, type: ColumnType): string
  /** Cast to the engine's type for a logical one. */
  cast(sql: string, type: ColumnType): string
  /** Null where the expression fails (overflow, …). */
  attempt(sql: string): string
  isFinite(sql: string): string
  isNan(sql: string): string
  matches(sql: string, pattern: string): string
  /** Exact or approximate quantile aggregate of a numeric expression. */
  quantile(sql: string, q: number, exact: boolean): string
  /** Microseconds since 1970 UTC of a timestamp expression. */
  epochMicros(sql: string): string
  fromEpochMicros(sql: string): string
  /** A part of a timestamp in a time zone, as int64. `dayOfWeek` is 1 Monday … 7 Sunday. */
  datePart(part: 'year' | 'month' | 'day' | 'hour' | 'minute' | 'dayOfWeek', sql: string, zone: string): string
  /** Median-unbiased hash of a row's columns for duplicate search; 128 bits or more as text or number. */
  rowHash(columns: readonly string[]): string
}

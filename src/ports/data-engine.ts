/** A value as the engine gives it: int64 beyond 2^53 as bigint, timestamps as microseconds since 1970 UTC. */
export type Value = null | boolean | number | bigint | string
export type Row = Readonly<Record<string, Value>>

/** One column of a result: a typed array with a mask of its nulls, or plain values for text. */
export interface Column {
  readonly name: string
  readonly type: ColumnType
  /** Float64Array for numbers, BigInt64Array for timestamps and int64, Uint8Array for booleans, string[] for text. */
  readonly values: Float64Array | BigInt64Array | Uint8Array | readonly string[]
  /** 1 where the value is null. Absent when there is none. */
  readonly nulls?: Uint8Array
}

/** Logical types of columns. `int` is int64, `float` float64, `timestamp` microseconds UTC. */
export type ColumnType = 'int' | 'float' | 'text' | 'bool' | 'timestamp'

export interface DescribedColumn {
  readonly name: string
  /** Undefined where the engine's type has no logical type here (lists, structs, blobs, …). */
  readonly type: ColumnType | undefined
  /** The engine's own name of the type. */
  readonly physical: string
}

/** A table expression: SQL that can stand after FROM. Made by the engine, never by string pasting elsewhere. */
export interface Relation {
  readonly sql: string
  /** For people: a path, a table name. */
  readonly label: string
}

/** Where rows come from, as declared. */
export type SourceSpec =
  | { readonly kind: 'parquet' | 'json'; readonly path: string }
  | { readonly kind: 'csv'; readonly path: string; readonly delimiter?: string; readonly header?: boolean }

/**
 * Runs SQL over columnar data. Compilers write through its `dialect` and know no engine by name.
 * A stream owns its connection: another query never ends it early.
 */
export interface DataEngine {
  readonly dialect: Dialect
  /** Resolves the source's path below `root`. Throws `sourceUnreadable`. */
  scan(source: SourceSpec, root: string): Promise<Relation>
  describe(relation: Relation): Promise<readonly DescribedColumn[]>
  /** Small results, as rows. */
  rows(sql: string): Promise<Row[]>
  /** Whole results as typed arrays, in order. */
  columns(sql: string): Promise<Map<string, Column>>
  /** Large results in batches, in order. */
  stream(sql: string): AsyncIterable<ReadonlyMap<string, Column>>
  execute(sql: string): Promise<void>
  /** Writes the query's rows to a Parquet file; gives the number of rows. Published atomically. */
  writeParquet(sql: string, path: string): Promise<number>
  /** Makes typed arrays readable as a table of that name (temporary, replaced when it exists). */
  load(table: string, columns: readonly Column[]): Promise<Relation>
  close(): Promise<void>
}

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

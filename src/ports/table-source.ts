import type { FileSource, TableSource } from '../define/source.ts'
import type { Column, ColumnType, DescribedColumn } from './data-engine.ts'

/** A source that the data engine does not read itself. */
export type ForeignSource = Exclude<TableSource, { kind: 'duckdb' }> | Extract<FileSource, { kind: 'arrow' }>

/** Different texts of a column, each with the number of rows that have it; null is one of them. */
export interface TextCounts {
  readonly texts: readonly (string | null)[]
  readonly counts: readonly number[]
  /** Which of them show bytes, where a column may hold any. */
  readonly bytes?: readonly boolean[]
}

/** How the cells of a column stand to the type that is declared for it. */
export interface CellCounts {
  readonly nulls: number
  /** Cells that are not null and whose text need not read as that type: 0 only where every one is sure to. */
  readonly doubtful: number
}

/**
 * What a database counts itself, without giving its rows away, in the same snapshot as `batches`. Texts are those that
 * `batches` gives, told apart byte by byte, whatever the database takes for equal.
 */
export interface TableCounts {
  rows(): Promise<number>
  /** How many different values columns have, about, among so many of the table's `total` rows; and how many rows those were. */
  look(
    names: readonly string[],
    rows: number,
    total: number,
  ): Promise<{ readonly rows: number; readonly distinct: readonly number[] }>
  /** The exact counts of a column's texts; undefined where there are more than `most`. */
  texts(name: string, most: number): Promise<TextCounts | undefined>
  /** Counts of the cells of columns beside the types that are declared for them, in the order of the columns. */
  cells(columns: readonly { readonly name: string; readonly type: ColumnType }[]): Promise<readonly CellCounts[]>
}

/** A source opened for one reading, whose rows stand still until it is closed. */
export interface OpenTable {
  /** Names in order, with the source's own types; a type is undefined where it tells none. */
  readonly columns: readonly DescribedColumn[]
  /**
   * Whether values come as text, to be read as their declared types. So it is where the source has types that a typed array
   * does not carry, or none that binds.
   */
  readonly text: boolean
  /** Absent where a source counts nothing itself. */
  readonly counts?: TableCounts
  /** These columns of all rows, each with its `bytes` where it has them, in batches, in an order that the same rows have each time. */
  batches(names: ReadonlySet<string>): AsyncIterable<readonly Column[]>
  close(): Promise<void>
}

/**
 * Opens a source for reading. `dataset` is whose it is, for messages. Throws `sourceUnreadable` for files;
 * `databaseUnreachable`, `tableUnreadable` and `tableLocked` for tables.
 */
export type OpenSourceTable = (source: ForeignSource, files: readonly string[], dataset: string) => Promise<OpenTable>

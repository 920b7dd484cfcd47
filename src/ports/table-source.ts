import type { FileSource, TableSource } from '../define/source.ts'
import type { Column, DescribedColumn } from './data-engine.ts'

/** A source that the data engine does not read itself. */
export type ForeignSource = Exclude<TableSource, { kind: 'duckdb' }> | Extract<FileSource, { kind: 'arrow' }>

/** A source opened for one reading, whose rows stand still until it is closed. */
export interface OpenTable {
  /** Names in order, with the source's own types; a type is undefined where it tells none. */
  readonly columns: readonly DescribedColumn[]
  /**
   * Whether values come as text, to be read as their declared types. So it is where the source has types that a typed array
   * does not carry, or none that binds.
   */
  readonly text: boolean
  /** These columns of all rows, in batches, in an order that the same rows have each time. */
  batches(names: ReadonlySet<string>): AsyncIterable<readonly Column[]>
  close(): Promise<void>
}

/** Opens a source for reading. Throws `sourceUnreadable`. */
export type OpenSourceTable = (source: ForeignSource, files: readonly string[]) => Promise<OpenTable>

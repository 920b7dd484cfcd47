import type { Micros } from '../../internal/time.ts'
import type { Row } from '../../ports/data-engine.ts'

/** What the log of a dataset says of a row at one time: that it came, is another one now, or is taken back. */
export interface RowVersion {
  /** Declared columns by name, times in microseconds. Of a row that is taken back as it was before. */
  readonly row: Row
  /** Its place in the log, 1, 2, …; 0 for what is in no log. */
  readonly seq: number
  /** When it arrived, by the clock of who took it. */
  readonly at: Micros
  /** From when it was known, where whoever sent it said so. */
  readonly known?: Micros
  /** Whether the log had no version of that row before. */
  readonly first: boolean
  readonly gone: boolean
  /** The version that the log had of that row before: entities that it was of must hear of the change too. */
  readonly before?: RowVersion
}

/** Rows that are kept in no log. */
export const unlogged = (rows: readonly Row[]): RowVersion[] =>
  rows.map(row => ({ row, seq: 0, at: 0, first: true, gone: false }))

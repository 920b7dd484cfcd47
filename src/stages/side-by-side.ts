import type { Dialect } from '../ports/data-engine.ts'

/** Columns that a table of a wide dataset has: of each the engine holds 2,048 values in every thread, and sorts rows whole. */
export const columnsAtOnce = 500

/** What stands after FROM for tables that have the same rows in the same order. */
export function sideBySide(dialect: Dialect, tables: readonly string[]): string {
  return tables.length === 1 || !dialect.sideBySide ? (tables[0] as string) : dialect.sideBySide(tables)
}

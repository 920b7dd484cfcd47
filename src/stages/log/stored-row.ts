import type { Dataset } from '../../define/dataset.ts'
import type { Micros } from '../../internal/time.ts'
import type { Row, Value } from '../../ports/data-engine.ts'
import type { RowVersion } from './row-version.ts'

/** A version as a line of the log has it: numbers beyond 2^53 as text, for JSON's are not exact. */
export interface StoredRow {
  readonly seq: number
  readonly row: Readonly<Record<string, string | number | boolean | null>>
  readonly known?: Micros
  /** It follows another version of the log. */
  readonly later?: true
  readonly gone?: true
}

export function storedRow({ seq, row, known, first, gone }: RowVersion): StoredRow {
  return {
    seq,
    row: Object.fromEntries(
      Object.entries(row).map(([name, value]) => [name, typeof value === 'bigint' ? String(value) : value]),
    ),
    ...(known === undefined ? {} : { known }),
    ...(first ? {} : { later: true }),
    ...(gone ? { gone: true } : {}),
  }
}

/** `columns`: of the dataset as it is declared now; what it has no longer is left out, what it has since is null. */
export function readStored(stored: StoredRow, at: Micros, columns: Dataset['columns']): Omit<RowVersion, 'before'> {
  const row: Record<string, Value> = {}
  for (const [name, { type }] of Object.entries(columns)) {
    const value = stored.row[name] ?? null
    row[name] = type === 'int' && typeof value === 'string' ? BigInt(value) : value
  }
  return {
    row,
    seq: stored.seq,
    at,
    ...(stored.known === undefined ? {} : { known: stored.known }),
    first: stored.later !== true,
    gone: stored.gone === true,
  }
}

/** Whether two versions say the same of a row. */
export function sameRow(a: Row, b: Row): boolean {
  const names = new Set([...Object.keys(a), ...Object.keys(b)])
  return [...names].every(
    name => Object.is(a[name] ?? null, b[name] ?? null) || (a[name] ?? null) === (b[name] ?? null),
  )
}

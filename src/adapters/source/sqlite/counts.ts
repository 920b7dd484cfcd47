import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import type { ColumnType } from '../../../ports/data-engine.ts'
import type { TableCounts } from '../../../ports/table-source.ts'
import { cellOf, isBlob, quote, type ReadCell } from './text.ts'

/** Places of a table that are looked at. */
const blocks = 25

/** True for a cell that need not read as the declared type: a cell has a type of its own, whatever its column says. */
const doubt: Readonly<Record<ColumnType, (sql: string) => string>> = {
  text: isBlob,
  int: sql => `typeof(${sql}) NOT IN ('null', 'integer')`,
  float: sql =>
    `typeof(${sql}) NOT IN ('null', 'integer', 'real') OR (typeof(${sql}) = 'integer' AND ${sql} NOT BETWEEN -9007199254740992 AND 9007199254740992)`,
  bool: sql => `typeof(${sql}) <> 'null' AND NOT (typeof(${sql}) = 'integer' AND ${sql} IN (0, 1))`,
  timestamp: sql => `${sql} IS NOT NULL`,
  vector: sql => `${sql} IS NOT NULL`,
}

/** SQLite as it counts: within the transaction of the connection. */
export function sqliteCounts(
  database: DatabaseSyncInstance,
  table: string,
  asText: ReadCell,
  guarded: <T>(ask: () => T) => T,
): TableCounts {
  const all = (sql: string): unknown[][] =>
    guarded(() => {
      const statement = database.prepare(sql)
      statement.setReadBigInts(true)
      return (statement.all() as Record<string, unknown>[]).map(row => Object.values(row))
    })
  const one = (items: readonly string[], from: string): unknown[] =>
    all(`SELECT ${items.map((item, i) => `${item} AS c${i}`).join(', ')} FROM ${from}`)[0] ?? []

  /** Rows from several places of a table, by the numbers that SQLite gives its rows; the first of a view, which has none. */
  function some(rows: number): string {
    const first = `SELECT * FROM ${table} LIMIT ${rows}`
    try {
      const [low, high] = one(['min(rowid)', 'max(rowid)'], table)
      if (typeof low !== 'bigint' || typeof high !== 'bigint') return first
      const step = (high - low) / BigInt(blocks) + 1n
      const starts = Array.from({ length: blocks }, (_, i) => low + BigInt(i) * step)
      const most = Math.ceil(rows / blocks)
      const ranges = starts.map(
        at => `SELECT * FROM (SELECT * FROM ${table} WHERE rowid >= ${at} AND rowid < ${at + step} LIMIT ${most})`,
      )
      return ranges.join(' UNION ALL ')
    } catch {
      return first
    }
  }

  return {
    rows: async () => Number(one(['count(*)'], table)[0]),
    async look(names, rows, total) {
      const counts = names.map(name => `count(DISTINCT ${quote(name)} COLLATE BINARY)`)
      const from = total <= 2 * rows ? table : `(${some(rows)})`
      const [n, ...distinct] = one(['count(*)', ...counts], from).map(Number)
      return { rows: n ?? 0, distinct }
    },
    async texts(name, most) {
      const column = quote(name)
      // 1 and 1.0 are equal, and so are texts by the column's collation: each has its text here
      const found = all(
        `SELECT ${cellOf(column)} AS v, ${isBlob(column)} AS b, count(*) AS n FROM ${table} GROUP BY typeof(${column}), ${column} COLLATE BINARY LIMIT ${most + 1}`,
      )
      if (found.length > most) return undefined
      // a BLOB is shown as a text that may stand there as well: each is counted for itself
      const counted = [0n, 1n].map(blob => {
        const counts = new Map<string | null, number>()
        for (const [value, b, n] of found)
          if (b === blob) counts.set(asText(value), (counts.get(asText(value)) ?? 0) + Number(n))
        return [...counts].map(([text, n]) => ({ text, n, blob: blob === 1n }))
      })
      const each = counted.flat()
      return { texts: each.map(one => one.text), counts: each.map(one => one.n), bytes: each.map(one => one.blob) }
    },
    async cells(columns) {
      const items = columns.flatMap(({ name, type }) => [
        `coalesce(sum(${quote(name)} IS NULL), 0)`,
        `coalesce(sum(${doubt[type](quote(name))}), 0)`,
      ])
      const found = one(items, table).map(Number)
      return columns.map((_, i) => ({ nulls: found[2 * i] ?? 0, doubtful: found[2 * i + 1] ?? 0 }))
    },
  }
}

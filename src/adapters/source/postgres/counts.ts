import type pg from 'pg'
import type { ColumnType, DescribedColumn } from '../../../ports/data-engine.ts'
import type { TableCounts } from '../../../ports/table-source.ts'

/** A table as it is asked: its quoted name, and what the catalogue says of it. */
export interface TableCount {
  readonly client: pg.Client
  readonly table: string
  readonly columns: ReadonlyMap<string, DescribedColumn>
  /** Whether `TABLESAMPLE` takes it: a table or a materialized view, not a view. */
  readonly sampled: boolean
  quote(name: string): string
}

/**
 * Types of which two values are equal exactly where their texts are: they are counted as they stand. Of others only the
 * text tells: 1.0 and 1.00 are equal numbers, -0 and 0 equal floats, and a collation may take any texts for equal.
 */
const equalAsText = /^(smallint|integer|bigint|boolean|date|timestamp[^[]*|uuid)$/i

/** The types of which every value reads as a declared type. */
const reads: Readonly<Record<ColumnType, RegExp>> = {
  text: /^/,
  int: /^(smallint|integer|bigint)$/i,
  // of greater whole numbers not every one is a float
  float: /^(smallint|integer|real|double precision)$/i,
  bool: /^boolean$/i,
  timestamp: /^(date|timestamp[^[]*)$/i,
  // how many numbers an array has is each one's own
  vector: /^$/,
}

/** A column by which its texts are told apart byte by byte. */
function keyOf({ columns, quote }: TableCount, name: string): string {
  const known = equalAsText.test(columns.get(name)?.physical ?? '')
  return known ? quote(name) : `${quote(name)}::text COLLATE "C"`
}

/** True for a cell that need not read as the declared type. Times beyond four digits of a year and infinite ones do not. */
function doubt({ columns, quote }: TableCount, name: string, type: ColumnType): string {
  if (!reads[type].test(columns.get(name)?.physical ?? '')) return `${quote(name)} IS NOT NULL`
  return type === 'timestamp' ? `NOT (${quote(name)} >= '0001-01-01' AND ${quote(name)} < '9999-12-31')` : 'false'
}

/** PostgreSQL as it counts: in the transaction of the client, and so in its snapshot. */
export function postgresCounts(asked: TableCount, guarded: <T>(ask: () => Promise<T>) => Promise<T>): TableCounts {
  const { client, table, quote } = asked
  const all = (sql: string): Promise<(string | null)[][]> =>
    guarded(async () => (await client.query<(string | null)[]>({ text: sql, rowMode: 'array' })).rows)
  const one = async (items: readonly string[], from: string): Promise<number[]> =>
    ((await all(`SELECT ${items.join(', ')} FROM ${from}`))[0] ?? []).map(Number)
  return {
    async rows() {
      const [n = 0] = await one(['count(*)'], table)
      return n
    },
    async look(names, rows, total) {
      const share = Math.min(100, (100 * rows) / total)
      const some =
        total <= 2 * rows
          ? ''
          : asked.sampled
            ? ` TABLESAMPLE SYSTEM (${share}) REPEATABLE (42)`
            : ` LIMIT ${Math.ceil(rows)}`
      const keys = names.map((name, i) => `${keyOf(asked, name)} AS c${i}`)
      const counts = names.map((_, i) => `count(DISTINCT c${i})`)
      const [n = 0, ...distinct] = await one(
        ['count(*)', ...counts],
        `(SELECT ${keys.join(', ')} FROM ${table}${some}) AS millrace_look`,
      )
      return { rows: n, distinct }
    },
    async texts(name, most) {
      const found = await all(
        `SELECT v::text, n FROM (SELECT ${keyOf(asked, name)} AS v, count(*) AS n FROM ${table} GROUP BY 1) AS millrace_counts LIMIT ${most + 1}`,
      )
      if (found.length > most) return undefined
      return { texts: found.map(([text]) => text ?? null), counts: found.map(([, n]) => Number(n)) }
    },
    async cells(columns) {
      const items = columns.flatMap(({ name, type }) => [
        `count(*) FILTER (WHERE ${quote(name)} IS NULL)`,
        `count(*) FILTER (WHERE ${doubt(asked, name, type)})`,
      ])
      const found = await one(items, table)
      return columns.map((_, i) => ({ nulls: found[2 * i] ?? 0, doubtful: found[2 * i + 1] ?? 0 }))
    },
  }
}

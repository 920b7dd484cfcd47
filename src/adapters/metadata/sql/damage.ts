import { type Kysely, sql } from 'kysely'
import { messageOf } from '../../../internal/message-of.ts'
import { decode } from './codec.ts'
import type { Schema } from './schema.ts'

/** The structured columns of each table, and its primary key: pages in another order might miss rows that are alike in it. */
const structured: {
  readonly [T in keyof Schema]?: readonly [
    keys: readonly (keyof Schema[T] & string)[],
    columns: readonly (keyof Schema[T] & string)[],
  ]
} = {
  runs: [['id'], ['environment', 'parameters', 'error', 'lease_owner']],
  steps: [
    ['run_id', 'step'],
    ['key_parts', 'outputs', 'error', 'process'],
  ],
  cache: [['key'], ['outputs', 'key_parts']],
  decisions: [['id'], ['body']],
  reports: [['id'], ['body']],
  model_versions: [
    ['model', 'version'],
    ['metrics', 'facts', 'tags'],
  ],
  documents: [['kind', 'id'], ['value']],
  windows: [['monitor', 'from_at', 'series', 'to_at'], ['body']],
  experiments: [['id'], ['tags']],
}

/** Rows that are read at a time. */
const pageRows = 500

/** Cells with structured values that are not as they were written; the first few of them, by table, row and column. */
export async function damagedCells(db: Kysely<Schema>, most = 5): Promise<string[]> {
  const found: string[] = []
  for (const [table, [keys, columns]] of Object.entries(structured))
    for (let from = 0; ; from += pageRows) {
      const named = [...keys, ...columns].map(name => sql.ref(name))
      const order = sql.join(keys.map(name => sql.ref(name)))
      const { rows } = await sql<
        Readonly<Record<string, string | null>>
      >`select ${sql.join(named)} from ${sql.table(table)} order by ${order} limit ${pageRows} offset ${from}`.execute(
        db,
      )
      for (const row of rows)
        for (const column of columns)
          try {
            if (row[column] != null) decode(row[column])
          } catch (error) {
            found.push(`the ${column} of ${keys.map(name => row[name]).join(' ')} in ${table}: ${messageOf(error)}`)
            if (found.length >= most) return found
          }
      if (rows.length < pageRows) break
    }
  return found
}

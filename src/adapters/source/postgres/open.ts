import pg from 'pg'
import type { Column, ColumnType, DescribedColumn, StoredKind } from '../../../ports/data-engine.ts'
import type { OpenTable } from '../../../ports/table-source.ts'
import { postgresCounts } from './counts.ts'
import { faultOf, noUrl, placeOf, type PostgresOptions } from './fault.ts'
import { tableFailure, type TableFault } from '../table-failure.ts'

const batchRows = 20_000

/** Types whose values say what they are; what is of another type is as its text is written. */
const kinds: readonly (readonly [RegExp, ColumnType, StoredKind])[] = [
  [/^(smallint|integer)$/, 'int', 'int32'],
  [/^bigint$/, 'int', 'int64'],
  // without digits after the point, or with as many as each value has
  [/^numeric(\(\d+,(0|-\d+)\))?$/, 'float', 'wide'],
  [/^numeric\([^)]*\)$/, 'float', 'decimal'],
  [/^(real|double precision)$/, 'float', 'float'],
  [/^(text|character varying.*|character.*|uuid|name|citext|json|jsonb)$/, 'text', 'text'],
  [/^boolean$/, 'bool', 'bool'],
  [/^date$/, 'timestamp', 'date'],
  [/^timestamp(\(\d\))? without time zone$/, 'timestamp', 'local'],
  [/^timestamp(\(\d\))? with time zone$/, 'timestamp', 'instant'],
]

function describe(name: string, type: string): DescribedColumn {
  const kind = kinds.find(([form]) => form.test(type))
  const physical = type.toUpperCase()
  return { name, type: kind?.[1], physical, stored: kind?.[2] ?? 'written', asText: true }
}

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** What PostgreSQL prints as text; its own forms of infinity and of booleans are those that are read everywhere. */
const asText = { getTypeParser: () => (value: string) => value }

/**
 * A table or view of PostgreSQL, counted in place or read through a cursor, in one read-only snapshot: nothing is written
 * there, and what others write meanwhile is not seen.
 */
export async function openPostgresTable(table: string, url: string, options: PostgresOptions = {}): Promise<OpenTable> {
  const { dataset, connectMs = 15_000, lockMs = 60_000 } = options
  let connected = false
  const place = placeOf(url, options.urlFrom)
  const failed = (error: unknown, fault: TableFault = faultOf(error, { connected, connectMs, lockMs })): unknown =>
    tableFailure({ table, place: place ?? 'PostgreSQL', dataset }, fault, error)
  if (place === undefined) throw failed(undefined, noUrl(options.urlFrom))
  const client = new pg.Client({
    connectionString: url,
    application_name: 'millrace',
    connectionTimeoutMillis: connectMs,
    keepAlive: true,
  })
  // a connection that breaks while nothing is asked of it is told by the next question
  client.on('error', () => undefined)
  const close = async () => {
    await client.end()
  }
  try {
    await client.connect()
    connected = true
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    // floats as their shortest text that reads back the same; times as ISO 8601 in UTC
    await client.query("SET LOCAL extra_float_digits = 1; SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'")
    await client.query(`SET LOCAL lock_timeout = ${lockMs}`)
    const name = table.split('.').map(quote).join('.')
    const { rows } = await client.query<{ name: string; type: string; kind: string }>(
      'SELECT attname AS name, format_type(atttypid, atttypmod) AS type, relkind AS kind FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum',
      [name],
    )
    const columns = rows.map(row => describe(row.name, row.type))
    return {
      columns,
      text: true,
      counts: postgresCounts(
        {
          client,
          table: name,
          columns: new Map(columns.map(column => [column.name, column])),
          sampled: /^[rmp]$/.test(rows[0]?.kind ?? ''),
          quote,
        },
        ask =>
          ask().catch((error: unknown) => {
            throw failed(error)
          }),
      ),
      close,
      batches: names =>
        batches(
          client,
          name,
          columns.filter(column => names.has(column.name)),
          failed,
        ),
    }
  } catch (error) {
    await close().catch(() => undefined)
    throw failed(error)
  }
}

async function* batches(
  client: pg.Client,
  table: string,
  columns: readonly DescribedColumn[],
  failed: (error: unknown) => unknown,
): AsyncIterable<readonly Column[]> {
  const select = columns.map(column => `${quote(column.name)}::text`).join(', ')
  try {
    await client.query(`DECLARE millrace_rows NO SCROLL CURSOR FOR SELECT ${select} FROM ${table}`)
    for (;;) {
      const { rows } = await client.query<(string | null)[]>({
        text: `FETCH ${batchRows} FROM millrace_rows`,
        rowMode: 'array',
        types: asText,
      })
      if (rows.length === 0) return
      yield columns.map((column, i) => {
        const nulls = Uint8Array.from(rows, row => (row[i] === null ? 1 : 0))
        return {
          name: column.name,
          type: 'text' as const,
          values: rows.map(row => row[i] ?? ''),
          ...(nulls.includes(1) ? { nulls } : {}),
        }
      })
    }
  } catch (error) {
    throw failed(error)
  }
}

import { existsSync } from 'node:fs'
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite'
import type { Column, DescribedColumn } from '../../../ports/data-engine.ts'
import type { OpenTable } from '../../../ports/table-source.ts'
import { messageOf } from '../../../internal/message-of.ts'
import { tableFailure, type TableFault } from '../table-failure.ts'
import { sqliteCounts } from './counts.ts'
import { blobName, cellOf, cellReader, isBlob, quote } from './text.ts'

const batchRows = 20_000

export interface SqliteOptions {
  /** The dataset whose source it is, for messages. */
  readonly dataset?: string
  /** The file as messages name it; by default the path. */
  readonly shown?: string
  /** Milliseconds to wait for another process that writes. */
  readonly waitMs?: number
}

/** Result codes of SQLite: https://sqlite.org/rescode.html */
const busy = new Set([5, 6])
const noDatabase = new Set([11, 14, 26])

function faultOf(error: unknown, waitMs: number): TableFault {
  const code = Number((error as { readonly errcode?: number }).errcode ?? 0) & 0xff
  if (busy.has(code)) return { fault: 'tableLocked', waited: waitMs / 1000 }
  return { fault: noDatabase.has(code) ? 'databaseUnreachable' : 'tableUnreadable', reason: messageOf(error) }
}

/**
 * A table or view of a SQLite file, opened read-only. Types of SQLite bind nothing: each cell is read as its column's
 * declared type, and one that is not written so fails its check.
 */
export async function openSqliteTable(
  table: string,
  file: string,
  { dataset, shown = file, waitMs = 5000 }: SqliteOptions = {},
): Promise<OpenTable> {
  const failed = (error: unknown, fault: TableFault = faultOf(error, waitMs)): unknown =>
    tableFailure({ table, place: `SQLite file ${shown}`, dataset }, fault, error)
  if (!existsSync(file)) throw failed(undefined, { fault: 'databaseUnreachable', reason: 'it does not exist' })
  let database: DatabaseSyncInstance | undefined
  try {
    const opened = new DatabaseSync(file, { readOnly: true, timeout: waitMs })
    database = opened
    opened.exec('BEGIN')
    const name = table.split('.').map(quote).join('.')
    const statement = opened.prepare(`SELECT * FROM ${name}`)
    const { encoding } = opened.prepare('PRAGMA encoding').get() as { readonly encoding: string }
    const asText = cellReader(encoding)
    const columns: DescribedColumn[] = statement.columns().map(column => ({
      name: String(column.name),
      type: undefined,
      physical: String(column.type ?? 'ANY'),
      bytes: blobName(String(column.name)),
    }))
    // an iterator does not hold its statement, which would be gone with the next garbage collection
    let reading: ReturnType<DatabaseSyncInstance['prepare']> | undefined
    return {
      columns,
      text: true,
      counts: sqliteCounts(opened, name, asText, ask => {
        try {
          return ask()
        } catch (error) {
          throw failed(error)
        }
      }),
      async close() {
        // a connection is not gone before its statements are: its lock would stay so long
        reading = undefined
        opened.exec('ROLLBACK')
        opened.close()
      },
      async *batches(names): AsyncIterable<readonly Column[]> {
        const wanted = columns.filter(column => names.has(column.name))
        let rows: Record<string, unknown>[] = []
        const flush = (): Column[] =>
          wanted.flatMap((column, i): Column[] => {
            const cells = rows.map(row => asText(row[`c${i}`]))
            const text: Column = {
              name: column.name,
              type: 'text',
              values: cells.map(cell => cell ?? ''),
              ...(cells.includes(null) ? { nulls: Uint8Array.from(cells, cell => (cell === null ? 1 : 0)) } : {}),
            }
            const bytes = Uint8Array.from(rows, row => Number(row[`b${i}`]))
            return [text, { name: blobName(column.name), type: 'bool', values: bytes }]
          })
        try {
          const cells = wanted.flatMap(({ name: column }, i) => [
            `${cellOf(quote(column))} AS c${i}`,
            `${isBlob(quote(column))} AS b${i}`,
          ])
          reading = opened.prepare(`SELECT ${cells.join(', ') || '1'} FROM ${name}`)
          // integers as bigint, so that none beyond 2^53 loses a digit and every one is told from a real
          reading.setReadBigInts(true)
          for (const row of reading.iterate() as Iterable<Record<string, unknown>>) {
            rows.push(row)
            if (rows.length < batchRows) continue
            yield flush()
            rows = []
          }
        } catch (error) {
          throw failed(error)
        }
        if (rows.length > 0) yield flush()
      },
    }
  } catch (error) {
    database?.close()
    throw failed(error)
  }
}

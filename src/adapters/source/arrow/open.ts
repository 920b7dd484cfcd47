import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { fail, isMillraceError } from '../../../errors/index.ts'
import type { Column } from '../../../ports/data-engine.ts'
import type { OpenTable } from '../../../ports/table-source.ts'
import { formatOfBytes, otherFormat } from '../../../internal/file-format.ts'
import { differentNames } from '../../../internal/different-names.ts'
import { messageOf } from '../../../internal/message-of.ts'
import { columnOf, describeField } from './columns.ts'
import { arrowLibrary } from './library.ts'
import { unreadColumn } from './unread.ts'

/** An Arrow IPC file or stream, compressed or not. Columns that nothing declared holds are described, and not read. */
export async function openArrowFile(file: string): Promise<OpenTable> {
  const arrow = await arrowLibrary()
  const unreadable = (reason: string, cause?: unknown) =>
    fail('sourceUnreadable', { source: basename(file), reason }, cause)
  let table: import('apache-arrow').Table
  const bytes = await readFile(file)
  try {
    table = arrow.tableFromIPC(bytes)
  } catch (error) {
    if (isMillraceError(error)) throw error
    const format = formatOfBytes(bytes)
    if (format && format.source !== 'arrow') throw unreadable(otherFormat(format, 'Arrow or Feather'), error)
    const unread = unreadColumn(bytes)
    if (unread)
      throw unreadable(
        `its column '${unread.name}' is of a type that is not read (${unread.type}): cast it to another, or leave it out`,
        error,
      )
    throw unreadable(
      format ? `it is damaged or was not written to its end (${messageOf(error)})` : messageOf(error),
      error,
    )
  }
  const { fields } = table.schema
  const alike = differentNames(fields.map(field => field.name))
  if (alike !== undefined) throw unreadable(alike)
  const columns = fields.map(field => describeField(arrow, field.name, field.type))
  return {
    columns,
    text: false,
    close: async () => undefined,
    async *batches(names) {
      for (const batch of table.batches) {
        const made: Column[] = []
        for (const { name, stored } of columns) {
          const vector = batch.getChild(name)
          if (stored && vector && names.has(name)) made.push(columnOf(arrow, name, vector))
        }
        // rows are counted, of whatever types their columns are
        if (made.length === 0) made.push({ name: '', type: 'bool', values: new Uint8Array(batch.numRows) })
        if (batch.numRows > 0) yield made
      }
    },
  }
}

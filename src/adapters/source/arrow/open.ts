import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { fail, isMillraceError } from '../../../errors/index.ts'
import type { Column } from '../../../ports/data-engine.ts'
import type { OpenTable } from '../../../ports/table-source.ts'
import { differentNames } from '../../../internal/different-names.ts'
import { messageOf } from '../../../internal/message-of.ts'
import { columnOf, describeField } from './columns.ts'
import { arrowLibrary } from './library.ts'

/** An Arrow IPC file or stream, compressed or not. Columns that nothing declared holds are described, and not read. */
export async function openArrowFile(file: string): Promise<OpenTable> {
  const arrow = await arrowLibrary()
  const unreadable = (reason: string, cause?: unknown) =>
    fail('sourceUnreadable', { source: basename(file), reason }, cause)
  let table: import('apache-arrow').Table
  try {
    table = arrow.tableFromIPC(await readFile(file))
  } catch (error) {
    throw isMillraceError(error) ? error : unreadable(messageOf(error), error)
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

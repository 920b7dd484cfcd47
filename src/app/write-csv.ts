import { rename, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { streamNamed, temporaryName } from '../internal/publish.ts'
import type { DataEngine } from '../ports/data-engine.ts'

/** A cell as RFC 4180 has it. Null is an empty cell, the empty text a quoted one. */
function cell(value: string | null): string {
  if (value === null) return ''
  return value === '' || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value
}

/**
 * Writes all rows of a relation as CSV that only its owner may read: times in UTC, lists with their parts after semicolons. By
 * `order` in the order of that column, which is left out.
 */
export async function writeCsv(engine: DataEngine, rows: string, path: string, order?: string): Promise<void> {
  const { dialect } = engine
  const columns = (await engine.describe({ sql: rows, label: path })).filter(one => one.name !== order)
  const texts = columns.map(({ name, type, physical }) => {
    const identifier = dialect.identifier(name)
    if (type === 'timestamp') return `${dialect.timeText(identifier)} AS ${identifier}`
    if (physical.endsWith('[]')) return `array_to_string(${identifier}, '; ') AS ${identifier}`
    return `${dialect.cast(identifier, 'text')} AS ${identifier}`
  })
  const names = columns.map(one => one.name)
  const ordered = order === undefined ? '' : ` ORDER BY ${dialect.identifier(order)}`
  async function* lines() {
    yield `${names.map(cell).join(',')}\n`
    for await (const batch of engine.stream(`SELECT ${texts.join(', ')} FROM ${rows}${ordered}`)) {
      const read = names.map(name => batch.get(name))
      const length = read[0]?.values.length ?? 0
      let text = ''
      for (let i = 0; i < length; i++)
        text += `${read.map(one => cell(one?.nulls?.[i] ? null : String(one?.values[i]))).join(',')}\n`
      yield text
    }
  }
  const temporary = temporaryName(path)
  try {
    await pipeline(Readable.from(lines()), streamNamed(temporary, path, 0o600))
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

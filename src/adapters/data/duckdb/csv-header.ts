import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { fail } from '../../../errors/catalogue.ts'
import { differentNames } from '../../../internal/different-names.ts'
import type { CsvOptions } from '../../../ports/data-engine.ts'

/** The first record of a file is looked for in its first so many bytes. */
const headBytes = 1 << 20

/** The cells of the first record of a text, quotes resolved. */
export function firstRecord(text: string, options: CsvOptions): string[] {
  const { delimiter = ',', quote = '"', escape = quote } = options
  const cells: string[] = []
  let cell = ''
  let quoted = false
  for (let i = 0; i < text.length; ) {
    if (quoted) {
      if (escape !== '' && text.startsWith(escape, i) && text.startsWith(quote, i + escape.length)) {
        cell += quote
        i += escape.length + quote.length
      } else if (text.startsWith(quote, i)) {
        quoted = false
        i += quote.length
      } else cell += text[i++]
    } else if (quote !== '' && cell === '' && text.startsWith(quote, i)) {
      quoted = true
      i += quote.length
    } else if (text.startsWith(delimiter, i)) {
      cells.push(cell)
      cell = ''
      i += delimiter.length
    } else if (text[i] === '\n' || text[i] === '\r') break
    else cell += text[i++]
  }
  cells.push(cell)
  return cells
}

/** The first bytes of a file, read at once: of many small files each wait would take longer than the reading. */
function firstBytes(path: string): Buffer {
  const file = openSync(path, 'r')
  try {
    const bytes = Buffer.allocUnsafe(Math.min(headBytes, fstatSync(file).size))
    return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, 0))
  } finally {
    closeSync(file)
  }
}

/** The first characters of a text in UTF-8. */
export async function head(path: string): Promise<string> {
  const bytes = firstBytes(path)
  // whoever looks at thousands of files lets others have their turn
  await new Promise<void>(resolve => setImmediate(resolve))
  // a byte order mark is no part of the first name
  return new TextDecoder().decode(bytes).replace(/^\uFEFF/, '')
}

/** The last characters of a file. */
export async function tail(path: string): Promise<string> {
  const file = await open(path)
  try {
    const { size } = await file.stat()
    const bytes = Buffer.alloc(Math.min(size, 1024))
    await file.read(bytes, 0, bytes.length, size - bytes.length)
    return bytes.toString('latin1')
  } finally {
    await file.close()
  }
}

/** Throws `sourceUnreadable` for names that SQL does not tell apart. */
export function requireDifferent(names: readonly string[], label: string): void {
  const reason = differentNames(names)
  if (reason !== undefined) throw fail('sourceUnreadable', { source: label, reason })
}

/**
 * Names of the columns of a CSV file in UTF-8, in order, and how many empty lines stand before them. Throws
 * `sourceUnreadable` for an empty file and for names that repeat.
 */
export async function csvColumns(
  path: string,
  label: string,
  options: CsvOptions,
): Promise<{ readonly names: string[]; readonly skip: number }> {
  const whole = await head(path)
  const [empty = ''] = /^(?:\r\n|\r|\n)+/.exec(whole) ?? []
  const skip = empty.replaceAll('\r\n', '\n').length
  const text = whole.slice(empty.length)
  if (text.trim() === '') throw fail('sourceUnreadable', { source: label, reason: 'it is empty' })
  const cells = firstRecord(text, options)
  if (options.header === false) return { names: cells.map((_, i) => `column${i}`), skip }
  const names = cells.map((cell, i) => (cell === '' ? `column${i}` : cell))
  if (names.some(name => name.includes('\0')))
    throw fail('sourceUnreadable', {
      source: label,
      reason: 'the name of a column holds a NUL byte: it may be of another encoding, such as UTF-16, or no text at all',
    })
  requireDifferent(names, label)
  return { names, skip }
}

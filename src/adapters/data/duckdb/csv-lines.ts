import type { CsvOptions } from '../../../ports/data-engine.ts'
import { firstRecord } from './csv-header.ts'
import { linesOf } from './lines.ts'

/** A record of a CSV file: the line that it starts on, and its cells. */
export interface CsvRecord {
  readonly line: number
  readonly cells: readonly string[]
}

/** Whether a quote is open at the end of a line, where one was at its beginning or not. */
export function leavesOpen(line: string, options: CsvOptions, open: boolean): boolean {
  const { delimiter = ',', quote = '"', escape = quote } = options
  if (quote === '' || (!open && !line.includes(quote))) return false
  let quoted = open
  let atStart = !open
  for (let i = 0; i < line.length; ) {
    if (quoted) {
      if (escape !== '' && line.startsWith(escape, i) && line.startsWith(quote, i + escape.length)) {
        i += escape.length + quote.length
      } else quoted = !line.startsWith(quote, i++)
      continue
    }
    if (line.startsWith(delimiter, i)) {
      atStart = true
      i += delimiter.length
      continue
    }
    quoted = atStart && line.startsWith(quote, i)
    atStart = false
    i++
  }
  return quoted
}

/** A line without the spaces that stand before its cells; `open`: it begins within quotes, where they are kept. */
export function withoutInitialSpaces(line: string, options: CsvOptions, open: boolean): string {
  const { delimiter = ',', quote = '"', escape = quote } = options
  let made = ''
  let [quoted, atStart] = [open, !open]
  for (let i = 0; i < line.length; ) {
    const from = i
    if (quoted) {
      if (escape !== '' && line.startsWith(escape, i) && line.startsWith(quote, i + escape.length))
        i += escape.length + quote.length
      else quoted = !line.startsWith(quote, i++)
    } else if (line.startsWith(delimiter, i)) {
      i += delimiter.length
      atStart = true
    } else if (atStart && line[i] === ' ') {
      i++
      continue
    } else {
      quoted = atStart && quote !== '' && line.startsWith(quote, i++)
      if (!quoted) {
        const end = line.indexOf(delimiter, i)
        i = end < 0 ? line.length : end
      }
      atStart = false
    }
    made += line.slice(from, i)
  }
  return made
}

/**
 * A line in which spaces beside quotes count. The engine takes those before the quote that begins a cell, and those after the
 * one that ends it, for nothing. A quote after a space is a character like others, so that its cell is written with quotes
 * around it; after the end of a quoted cell nothing may follow, and where a space does a tab is put, which the engine refuses.
 * `open`: the line begins within quotes.
 */
export function withSpacesThatCount(line: string, options: CsvOptions, open: boolean): string {
  const { delimiter = ',', quote = '"', escape = quote } = options
  if (quote === '' || !(line.includes(` ${quote}`) || line.includes(`${quote} `))) return line
  let made = ''
  let [quoted, atStart] = [open, !open]
  for (let i = 0; i < line.length; ) {
    const from = i
    if (quoted) {
      if (escape !== '' && line.startsWith(escape, i) && line.startsWith(quote, i + escape.length)) {
        i += escape.length + quote.length
      } else if (line.startsWith(quote, i)) {
        quoted = false
        i += quote.length
        made += quote
        if (line[i] !== ' ' || delimiter.startsWith(' ')) continue
        made += '\t'
        i++
        continue
      } else i++
    } else if (line.startsWith(delimiter, i)) {
      i += delimiter.length
      atStart = true
      made += delimiter
      continue
    } else if (atStart) {
      atStart = false
      let text = i
      while (line[text] === ' ') text++
      quoted = line.startsWith(quote, i)
      if (quoted) i += quote.length
      else if (text > i && line.startsWith(quote, text)) {
        const end = line.indexOf(delimiter, i)
        i = end < 0 ? line.length : end
        made += quotedCell(line.slice(from, i), quote, escape)
        continue
      } else i++
    } else i++
    made += line.slice(from, i)
  }
  return made
}

/** Where nothing escapes a quote a cell cannot hold one: it becomes one that the engine refuses. */
function quotedCell(cell: string, quote: string, escape: string): string {
  if (escape === '') return `${quote}${quote}\t${cell}`
  const escaped = cell.replaceAll(escape, () => escape + escape)
  return `${quote}${escape === quote ? escaped : escaped.replaceAll(quote, () => escape + quote)}${quote}`
}

const holds = (bytes: Buffer, quote: Buffer): boolean => quote.length > 0 && bytes.includes(quote)

/** A byte order mark is no part of the first cell. */
const textOf = (bytes: Buffer, line: number): string =>
  line === 1 ? bytes.toString('utf8').replace(/^\uFEFF/, '') : bytes.toString('utf8')

/**
 * Records of a UTF-8 file by their number among those that are rows, from 0: neither the header, nor empty lines, nor those
 * that start at `broken` (in bytes) count. Wanted numbers stand lowest first.
 */
export async function csvRecords(
  path: string,
  options: CsvOptions,
  { wanted, broken, columns }: { wanted: readonly number[]; broken: ReadonlySet<number>; columns: number },
): Promise<Map<number, CsvRecord>> {
  const found = new Map<number, CsvRecord>()
  if (wanted.length === 0) return found
  const missing = new Set(wanted)
  const quote = Buffer.from(options.quote ?? '"')
  let row = options.header === false ? -1 : -2
  let first: { number: number; start: number; texts: string[] } | undefined
  for await (const lines of linesOf(path))
    for (const { number, start, bytes } of lines) {
      // an empty line of a file of one column is a row without a value
      const before = row === -2 && missing.size === wanted.length && options.header !== false
      if (!first && bytes.length === 0 && (columns > 1 || before)) continue
      const text = first || missing.has(row + 1) || holds(bytes, quote) ? textOf(bytes, number) : ''
      const open = leavesOpen(text, options, first !== undefined)
      if (first) first.texts.push(text)
      else first = { number, start, texts: [text] }
      if (open) continue
      const { number: line, start: place, texts } = first
      first = undefined
      if (broken.has(place)) continue
      if (!missing.delete(++row)) continue
      found.set(row, { line, cells: firstRecord(texts.join('\n'), options) })
      if (missing.size === 0) return found
    }
  return found
}

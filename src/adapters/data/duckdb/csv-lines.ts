import type { CsvOptions } from '../../../ports/data-engine.ts'
import { firstRecord } from './csv-header.ts'
import { linesOf } from './lines.ts'

/** A record of a CSV file: the line that it starts on, and its cells. */
export interface CsvRecord {
  readonly line: number
  readonly cells: readonly string[]
}

/** Where a cell stands in a line. */
interface CellPlace {
  readonly from: number
  /** Behind its last character: where the delimiter stands, or the line ends. */
  readonly to: number
  /** Behind the quote that ends its quoted part; `from` where it has none, undefined where the line leaves it open. */
  readonly unquoted: number | undefined
}

/** Behind the quote that ends what is quoted from a place on; undefined where none does. */
function endOfQuotes(line: string, from: number, quote: string, escape: string): number | undefined {
  for (let i = from; i < line.length; ) {
    if (escape !== '' && line.startsWith(escape, i) && line.startsWith(quote, i + escape.length))
      i += escape.length + quote.length
    else if (line.startsWith(quote, i)) return i + quote.length
    else i++
  }
  return undefined
}

/** The cells of a line; `open`: it begins within quotes. Where initial spaces are skipped they are part of no cell. */
function cellsOf(line: string, options: CsvOptions, open: boolean): CellPlace[] {
  const { delimiter = ',', quote = '"', escape = quote, skipInitialSpace = false } = options
  const cells: CellPlace[] = []
  for (let at = 0; ; ) {
    const goesOn = open && cells.length === 0
    let from = at
    if (skipInitialSpace && !goesOn) while (line[from] === ' ') from++
    const isQuoted = goesOn || (quote !== '' && line.startsWith(quote, from))
    const unquoted = isQuoted ? endOfQuotes(line, goesOn ? from : from + quote.length, quote, escape) : from
    const next = unquoted === undefined ? -1 : line.indexOf(delimiter, unquoted)
    cells.push({ from, to: next < 0 ? line.length : next, unquoted })
    if (next < 0) return cells
    at = next + delimiter.length
  }
}

/** Whether a quote is open at the end of a line, where one was at its beginning or not. */
export function leavesOpen(line: string, options: CsvOptions, open: boolean): boolean {
  const { quote = '"' } = options
  if (quote === '' || (!open && !line.includes(quote))) return false
  return cellsOf(line, options, open).at(-1)?.unquoted === undefined
}

/** A line without the spaces that stand before its cells; `open`: it begins within quotes, where they are kept. */
export function withoutInitialSpaces(line: string, options: CsvOptions, open: boolean): string {
  const cells = cellsOf(line, { ...options, skipInitialSpace: true }, open)
  return cells.map(({ from, to }) => line.slice(from, to)).join(options.delimiter ?? ',')
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
  const made = cellsOf(line, options, open).map(({ from, to, unquoted }) => {
    const cell = line.slice(from, to)
    if (unquoted === from)
      return cell.startsWith(' ') && cell.replace(/^ +/, '').startsWith(quote) ? quotedCell(cell, quote, escape) : cell
    if (unquoted === undefined || line[unquoted] !== ' ' || delimiter.startsWith(' ')) return cell
    return `${line.slice(from, unquoted)}\t${line.slice(unquoted + 1, to)}`
  })
  return made.join(delimiter)
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

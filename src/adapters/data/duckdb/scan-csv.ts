import { stat } from 'node:fs/promises'
import { fail } from '../../../errors/index.ts'
import { ulid } from '../../../internal/ids.ts'
import {
  mostUnreadable,
  rowColumn,
  rowsOfFile,
  type Relation,
  type SourceSpec,
  type UnreadableLine,
} from '../../../ports/data-engine.ts'
import { csvColumns } from './csv-header.ts'
import { csvRecords } from './csv-lines.ts'
import { duckdbDialect } from './dialect.ts'
import { linesAt } from './lines.ts'
import { hasLineBeyond } from './long-line.ts'
import { rowName, text, type Scratch, type Session } from './session.ts'
import { asUtf8 } from './transcode.ts'

type CsvSource = SourceSpec & { kind: 'csv' }

/** Longest line that is read; a longer one is unreadable, whatever memory it would take. */
const longestLine = 32 * 2 ** 20
/** What is parsed at a time; of a line longer than this the engine says nothing at all. */
const bufferSize = 4 * longestLine

function options(source: CsvSource, columns: readonly string[]): string {
  const { delimiter = ',', header = true, quote = '"', escape = quote } = source
  const types = columns.map(name => `${text(name)}: 'VARCHAR'`).join(', ')
  return [
    'auto_detect = false',
    `columns = {${types}}`,
    `header = ${header}`,
    `delim = ${text(delimiter)}`,
    `quote = ${text(quote)}`,
    `escape = ${text(escape)}`,
    'allow_quoted_nulls = false',
    'strict_mode = true',
    `max_line_size = ${longestLine}`,
    `buffer_size = ${bufferSize}`,
  ].join(', ')
}

/** Every cell of a line is read, asked for or not: bytes of another encoding are noticed only in cells that are. */
const read = (files: readonly string[], columns: readonly string[], settings: string): string =>
  `(SELECT * FROM read_csv([${files.map(text).join(', ')}], ${settings}) WHERE row(${columns.map(duckdbDialect.identifier).join(', ')}) IS NOT NULL)`

function reasonOf(type: string, message: string): string {
  return type === 'INVALID ENCODING' ? 'it is not of the declared encoding' : message.replace(/\.$/, '')
}

interface Found {
  readonly rows: number
  readonly broken: number
  readonly unreadable: readonly (UnreadableLine & { readonly start: number })[]
}

/** Reads once for the lines that are no rows: too many or too few cells, open quotes, bytes of another encoding. */
async function findUnreadable(
  files: readonly string[],
  columns: readonly string[],
  settings: string,
  session: Session,
): Promise<Found> {
  const id = ulid().toLowerCase()
  const rejects = `store_rejects = true, rejects_limit = 0, rejects_table = 'lines_${id}', rejects_scan = 'scans_${id}'`
  const [counted] = await session(`SELECT count(*) AS n FROM ${read(files, columns, `${settings}, ${rejects}`)}`)
  // one line may be wrong in several ways; one of them is enough. What comes with it may begin with the ends of lines before
  const lines = await session(
    `SELECT s.file_path AS file, min(l.line_byte_position - 1 + length(regexp_extract(l.csv_line, '^[\\r\\n]*')))::BIGINT AS start, min(l.error_type::VARCHAR) AS type, min_by(l.error_message, l.error_type::VARCHAR) AS message, min_by(left(l.csv_line, 200), l.error_type::VARCHAR) AS text, count(*) OVER () AS broken
     FROM lines_${id} l JOIN scans_${id} s USING (scan_id, file_id) GROUP BY s.file_path, l.line ORDER BY s.file_path, l.line LIMIT ${mostUnreadable}`,
  )
  await session(`DROP TABLE lines_${id}`)
  await session(`DROP TABLE scans_${id}`)
  const unreadable: (UnreadableLine & { start: number })[] = []
  for (const [file, path] of files.entries()) {
    const own = lines.filter(row => row.file === path)
    const starts = own.map(row => Number(row.start))
    // the engine counts records, not lines
    const numbers = await linesAt(path, starts)
    for (const [i, row] of own.entries())
      unreadable.push({
        file,
        start: starts[i] as number,
        line: numbers[i] as number,
        reason: reasonOf(String(row.type), String(row.message)),
        text: String(row.text ?? '').trim(),
      })
  }
  return { rows: Number(counted?.n ?? 0), broken: Number(lines[0]?.broken ?? 0), unreadable }
}

/** Cells of rows of one file as the engine read them, by the rows' places in it. */
async function textsOf(
  numbered: string,
  rows: readonly number[],
  columns: readonly string[],
  session: Session,
): Promise<Map<number, readonly unknown[]>> {
  const read = await session(
    `SELECT * FROM (SELECT * FROM (${numbered}) LIMIT ${Math.max(...rows) + 1}) WHERE ${rowName} % ${rowsOfFile} IN (${rows.join(', ')})`,
  )
  return new Map(read.map(row => [Number(row[rowColumn]) % rowsOfFile, columns.map(name => row[name])]))
}

/** Whether a record is what the engine read: where quotes are astray the two may part ways. */
function isSame(cells: readonly string[], read: readonly unknown[] | undefined): boolean {
  const plain = (cell: unknown): string => (typeof cell === 'string' ? cell.replace(/\r\n?/g, '\n') : '')
  return read?.every((cell, i) => plain(cell) === plain(cells[i])) === true
}

async function inTurn<T>(files: readonly string[], look: (file: string, i: number) => Promise<T>): Promise<T[]> {
  const made: T[] = []
  for (const [i, file] of files.entries()) made.push(await look(file, i))
  return made
}

const sumOf = <T>(parts: readonly T[], of: (part: T) => number): number =>
  parts.reduce((sum, part) => sum + of(part), 0)

/**
 * CSV files as columns of text; files of one header are read together. Files of another encoding than UTF-8 are first
 * written as UTF-8 to the scratch folder: the engine's own decoding knows no character beyond U+FFFF.
 */
export async function scanCsv(
  source: CsvSource,
  given: readonly string[],
  session: Session,
  scratch: Scratch,
): Promise<Relation> {
  const { encoding = 'utf-8' } = source
  const files = encoding === 'utf-8' ? given : await Promise.all(given.map(file => asUtf8(file, encoding, scratch)))
  const headers: string[][] = []
  for (const file of files) headers.push(await csvColumns(file, source.path, { ...source, encoding: 'utf-8' }))
  const settings = headers.map(columns => options(source, columns))
  const alike = settings.every(one => one === settings[0])
  for (const file of files)
    if ((await stat(file)).size > bufferSize && (await hasLineBeyond(file, longestLine)))
      throw fail('sourceUnreadable', {
        source: source.path,
        reason: `a line of it is longer than ${longestLine / 2 ** 20} MB: a quote or a line end may be missing`,
      })
  const found = alike
    ? [await findUnreadable(files, headers[0] as string[], settings[0] as string, session)]
    : await inTurn(files, (file, i) =>
        findUnreadable([file], headers[i] as string[], settings[i] as string, session).then(part => ({
          ...part,
          unreadable: part.unreadable.map(line => ({ ...line, file: i })),
        })),
      )
  // not ignore_errors: with it a line with a stray quote ends the reading, and all after it is lost without a word
  const lenient = (i: number) => `${settings[i]}, store_rejects = true, rejects_limit = 1`
  const apart = files.map(
    (file, i) =>
      `SELECT *, ${i * rowsOfFile} + row_number() OVER () - 1 AS ${rowName} FROM ${read([file], headers[i] as string[], lenient(i))}`,
  )
  const together = alike
    ? read(files, headers[0] as string[], lenient(0))
    : `(${files.map((file, i) => `SELECT * FROM ${read([file], headers[i] as string[], lenient(i))}`).join(' UNION ALL BY NAME ')})`
  const unreadable = found.flatMap(part => part.unreadable).slice(0, mostUnreadable)
  const broken = sumOf(found, part => part.broken)
  const lines = async (rows: readonly number[]) => {
    const known = new Map<number, number>()
    // which rows the others moved is not known
    if (broken > unreadable.length) return known
    for (const [file, path] of files.entries()) {
      const wanted = rows.filter(row => Math.floor(row / rowsOfFile) === file).map(row => row % rowsOfFile)
      if (wanted.length === 0) continue
      const columns = headers[file] as string[]
      const starts = new Set(unreadable.flatMap(line => (line.file === file ? [line.start] : [])))
      const records = await csvRecords(path, source, { wanted, broken: starts, columns: columns.length })
      const cells = await textsOf(apart[file] as string, wanted, columns, session)
      for (const [row, { line, cells: own }] of records)
        if (isSame(own, cells.get(row))) known.set(file * rowsOfFile + row, line)
    }
    return known
  }
  return {
    sql: together,
    numbered: `(${apart.join(' UNION ALL BY NAME ')})`,
    label: source.path,
    text: { unreadable: unreadable.map(({ start: _, ...line }) => line), broken, lines },
    rows: sumOf(found, part => part.rows),
  }
}

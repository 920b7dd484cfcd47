import { statSync } from 'node:fs'
import { fail } from '../../../errors/index.ts'
import { ulid } from '../../../internal/ids.ts'
import {
  maxUnreadable,
  rowColumn,
  rowsOfFile,
  type Relation,
  type Row,
  type SourceSpec,
  type UnreadableLine,
} from '../../../ports/data-engine.ts'
import { csvColumns } from './csv-header.ts'
import { csvRecords } from './csv-lines.ts'
import { DifferentNames } from './different-names.ts'
import { duckdbDialect } from './dialect.ts'
import { folderKeys } from './folder-keys.ts'
import { linesAt } from './lines.ts'
import { isUtf8File } from './text-form.ts'
import { hasLineBeyond } from './long-line.ts'
import { besides, keysBeside, unionByName, type Besides, type ReadFile } from './read-files.ts'
import { rowName, text, type Session } from './session.ts'
import type { Plain, PlainText } from './plain-text.ts'

type CsvSource = SourceSpec & { kind: 'csv' }

/** Longest line that is read; a longer one is unreadable, whatever memory it would take. */
const longestLine = 32 * 2 ** 20
/** What is parsed at a time; of a line longer than this the engine says nothing at all. */
const bufferSize = 4 * longestLine
/** Files smaller than this are not worth a second thread: handing them over takes longer than parsing them. */
const smallFile = 1 << 18

function options(source: CsvSource, { columns, largest, skip, newlines }: Group): string {
  const { delimiter = ',', header = true, quote = '"', escape = quote } = source
  const types = columns.map(name => `${text(name)}: 'VARCHAR'`).join(', ')
  return [
    'auto_detect = false',
    // what comes here is plain, whatever a file is called
    "compression = 'none'",
    `columns = {${types}}`,
    `header = ${header}`,
    `skip = ${skip}`,
    // left to itself the engine takes the first line end for the one of all, also one within quotes
    ...(newlines ? [String.raw`new_line = '\n'`] : []),
    `delim = ${text(delimiter)}`,
    `quote = ${text(quote)}`,
    `escape = ${text(escape)}`,
    'allow_quoted_nulls = false',
    'strict_mode = true',
    // no more than a whole file is held for it, and no line is longer than that
    `max_line_size = ${Math.min(longestLine, largest + 1)}`,
    `buffer_size = ${Math.min(bufferSize, largest + 2)}`,
    `parallel = ${largest > smallFile}`,
    // folders are looked at here: the engine would put what they say over a column of the file
    'hive_partitioning = false',
  ].join(', ')
}

/**
 * `columns` of every line are read, asked for or not: bytes of another encoding are noticed only in cells that are. `more` is
 * what each row has besides.
 */
const read = (
  files: readonly string[],
  columns: readonly string[],
  settings: string,
  more: readonly string[] = [],
): string => {
  const all = columns.map(duckdbDialect.identifier).join(', ')
  const cells = columns.length === 0 ? '' : ` WHERE row(${all}) IS NOT NULL`
  return `(SELECT ${['*', ...more].join(', ')} FROM read_csv([${files.map(text).join(', ')}], ${settings})${cells})`
}

/** Of more columns not all cells of a line are read at once: of each the engine holds 2,048 in every thread. */
const maxCells = 1_000

/** Whether no cell has to be read to know which lines are rows: bytes of another encoding are looked for in the file itself. */
async function isCountedByLines(files: readonly ReadFile[], columns: readonly string[]): Promise<boolean> {
  if (columns.length <= maxCells) return false
  for (const file of files) if (!(await isUtf8File(file.read))) return false
  return true
}

function reasonOf(type: string, message: string): string {
  return type === 'INVALID ENCODING'
    ? "it is not UTF-8; if it is Latin-1, declare csv(…, { encoding: 'latin-1' })"
    : message.replace(/\.$/, '')
}

/** Not ignore_errors: with it a line with a stray quote ends the reading, and all after it is lost without a word. */
const lenient = ', store_rejects = true, rejects_limit = 1'

interface Found {
  /** Rows of each file. */
  readonly rows: readonly number[]
  readonly broken: number
  readonly unreadable: readonly (UnreadableLine & { readonly start: number })[]
  /** Columns whose cells are to be read whenever rows are, for the same lines to be rows. */
  readonly checked: readonly string[]
}

/** Reads once for the lines that are no rows: too many or too few cells, open quotes, bytes of another encoding. */
async function findUnreadable({ files, columns, open }: Group, settings: string, session: Session): Promise<Found> {
  const id = ulid().toLowerCase()
  const rejects = `store_rejects = true, rejects_limit = 0, rejects_table = 'lines_${id}', rejects_scan = 'scans_${id}'`
  const paths = files.map(file => file.read)
  const checked = (await isCountedByLines(files, columns)) ? [] : columns
  const counted = await session(
    `SELECT file, count(*) AS n FROM ${read(paths, checked, `${settings}, ${rejects}`, ['file_index AS file'])} GROUP BY file`,
  )
  const counts = new Map(counted.map(row => [Number(row.file), Number(row.n)]))
  // one line may be wrong in several ways; one of them is enough. What comes with it may begin with the ends of lines before
  const lines = await session(
    `SELECT s.file_path AS file, min(l.line_byte_position - 1 + length(regexp_extract(l.csv_line, '^[\\r\\n]*')))::BIGINT AS start, min(l.error_type::VARCHAR) AS type, min_by(l.error_message, l.error_type::VARCHAR) AS message, min_by(left(l.csv_line, 200), l.error_type::VARCHAR) AS text, count(*) OVER () AS broken
     FROM lines_${id} l JOIN scans_${id} s USING (scan_id, file_id) GROUP BY s.file_path, l.line ORDER BY s.file_path, l.line LIMIT ${maxUnreadable}`,
  )
  await session(`DROP TABLE lines_${id}`)
  await session(`DROP TABLE scans_${id}`)
  const byPath = new Map<string, Row[]>()
  for (const row of lines) byPath.set(String(row.file), [...(byPath.get(String(row.file)) ?? []), row])
  const unreadable: (UnreadableLine & { start: number })[] = []
  for (const { index, read: path } of files) {
    const own = byPath.get(path) ?? []
    const starts = own.map(row => Number(row.start))
    // the engine counts records, not lines
    const numbers = await linesAt(path, starts)
    for (const [i, row] of own.entries()) {
      const start = starts[i] as number
      const left = open.get(path)?.get(start)
      unreadable.push({
        file: index,
        start,
        line: numbers[i] as number,
        ...(row.type === 'INVALID ENCODING' ? { misencoded: true as const } : {}),
        reason: left === undefined ? reasonOf(String(row.type), String(row.message)) : 'a quote in it is never closed',
        text: left ?? String(row.text ?? '').trim(),
      })
    }
  }
  const broken = Number(lines[0]?.broken ?? 0)
  // where every line is a row, nobody has to read the cells that nobody asks for
  return { rows: files.map((_, i) => counts.get(i) ?? 0), broken, unreadable, checked: broken === 0 ? [] : checked }
}

/** Cells of rows of one file as the engine read them, by the rows' places in it. */
async function textsOf(
  numbered: string,
  rows: readonly number[],
  columns: readonly string[],
  session: Session,
): Promise<Map<number, readonly unknown[]>> {
  const read = await session(
    `SELECT ${[...columns.map(duckdbDialect.identifier), rowName].join(', ')} FROM (SELECT * FROM ${numbered} LIMIT ${Math.max(...rows) + 1}) WHERE ${rowName} % ${rowsOfFile} IN (${rows.join(', ')})`,
  )
  return new Map(read.map(row => [Number(row[rowColumn]) % rowsOfFile, columns.map(name => row[name])]))
}

/** Whether a record is what the engine read: where quotes are astray the two may part ways. */
function isSame(cells: readonly string[], read: readonly unknown[] | undefined): boolean {
  const plain = (cell: unknown): string => (typeof cell === 'string' ? cell.replace(/\r\n?/g, '\n') : '')
  return read?.every((cell, i) => plain(cell) === plain(cells[i])) === true
}

/** Files that are read at once: of each the engine holds something until all are read. */
const filesAtOnce = 500

/** Files of the same columns, which are read together. */
interface Group {
  readonly files: readonly ReadFile[]
  /** Names of the header. */
  readonly columns: readonly string[]
  /** Bytes of the largest file. */
  readonly largest: number
  /** Lines before the header that are empty. */
  readonly skip: number
  readonly newlines: boolean
  /** Texts of lines that leave a quote open, by the files that are read and the lines' first bytes. */
  readonly open: ReadonlyMap<string, PlainText['open']>
}

/** Files by their headers, and by the names of the keys of their folders that no column of theirs has. */
async function groupsOf(source: CsvSource, files: readonly string[], root: string, plain: Plain): Promise<Group[]> {
  const groups = new Map<string, Group & { files: ReadFile[]; largest: number; open: Map<string, PlainText['open']> }>()
  const full: Group[] = []
  const names = new DifferentNames(source.path)
  for (const [index, path] of files.entries()) {
    const { path: file, open, newlines } = await plain(path)
    const { names: columns, skip } = await csvColumns(file, source.path, source)
    names.add(columns)
    const { size } = statSync(file)
    if (size > bufferSize && (await hasLineBeyond(file, longestLine)))
      throw fail('sourceUnreadable', {
        source: source.path,
        reason: `a line of it is longer than ${longestLine / 2 ** 20} MB: a quote or a line end may be missing`,
      })
    const keys = keysBeside(columns, folderKeys(path, source.path, root))
    const key = JSON.stringify([columns, skip, newlines, ...keys.keys()])
    const known = groups.get(key)
    const own = { path, read: file, index, keys }
    if (known && known.files.length < filesAtOnce) known.files.push(own)
    else {
      if (known) full.push(known)
      groups.set(key, { files: [own], columns, largest: 0, skip, newlines, open: new Map() })
    }
    const group = groups.get(key)
    if (!group) continue
    group.largest = Math.max(group.largest, size)
    if (open.size > 0) group.open.set(file, open)
  }
  return [...full, ...groups.values()]
}

const sumOf = <T>(parts: readonly T[], of: (part: T) => number): number =>
  parts.reduce((sum, part) => sum + of(part), 0)

/**
 * CSV files as columns of text; files of one header are read together. `plain` gives of each file one that the engine reads
 * right: its own decoding knows no character beyond U+FFFF, and it refuses lines of mixed ends.
 */
export async function scanCsv(
  source: CsvSource,
  given: readonly string[],
  root: string,
  session: Session,
  plainOf: Plain,
): Promise<Relation> {
  const groups = await groupsOf(source, given, root, plainOf)
  const settings = groups.map(group => options(source, group))
  const found: Found[] = []
  for (const [i, group] of groups.entries()) found.push(await findUnreadable(group, settings[i] as string, session))
  const settingsOf = (i: number) => `${settings[i]}${lenient}`
  const rowsOf = (group: Group, i: number): Besides => ({
    files: group.files,
    columns: group.columns,
    counts: (found[i] as Found).rows,
    rows: more =>
      read(
        group.files.map(file => file.read),
        (found[i] as Found).checked,
        settingsOf(i),
        more,
      ),
  })
  const plain = groups.map((group, i) => besides(rowsOf(group, i), false))
  const numbered = groups.map((group, i) => besides(rowsOf(group, i), true))
  const unreadable = found
    .flatMap(part => part.unreadable)
    .toSorted((a, b) => a.file - b.file || a.start - b.start)
    .slice(0, maxUnreadable)
  const broken = sumOf(found, part => part.broken)
  const lines = async (rows: readonly number[]) => {
    const known = new Map<number, number>()
    // which rows the others moved is not known
    if (broken > unreadable.length) return known
    for (const [i, group] of groups.entries())
      for (const { index, read: path } of group.files) {
        // where quotes are astray it shows in the first cells as well as in ten thousand
        const columns = group.columns.slice(0, maxCells)
        const wanted = rows.filter(row => Math.floor(row / rowsOfFile) === index).map(row => row % rowsOfFile)
        if (wanted.length === 0) continue
        const starts = new Set(unreadable.flatMap(line => (line.file === index ? [line.start] : [])))
        const records = await csvRecords(path, source, { wanted, broken: starts, columns: group.columns.length })
        const alone = read([path], (found[i] as Found).checked, settingsOf(i), [
          `row_number() OVER () - 1 AS ${rowName}`,
        ])
        const cells = await textsOf(alone, wanted, columns, session)
        for (const [row, { line, cells: own }] of records)
          if (isSame(own, cells.get(row))) known.set(index * rowsOfFile + row, line)
      }
    return known
  }
  return {
    sql: unionByName(plain),
    numbered: unionByName(numbered),
    ...piecesOf(groups, numbered),
    label: source.path,
    text: { unreadable: unreadable.map(({ start: _, ...line }) => line), broken, lines },
    rows: sumOf(found, part => sumOf(part.rows, n => n)),
  }
}

/** Pieces of the rows, where all of them have the same columns. */
function piecesOf(groups: readonly Group[], numbered: readonly string[]): Pick<Relation, 'pieces'> {
  const form = ({ columns, files }: Group) => JSON.stringify([columns, ...(files[0]?.keys.keys() ?? [])])
  const alike = groups.every(group => form(group) === form(groups[0] as Group))
  return groups.length > 1 && alike ? { pieces: numbered } : {}
}

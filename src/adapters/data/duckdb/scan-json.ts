import {
  type DescribedColumn,
  maxUnreadable,
  rowsOfFile,
  type Relation,
  type SourceSpec,
  type UnreadableLine,
} from '../../../ports/data-engine.ts'
import { duckdbDialect } from './dialect.ts'
import { fail } from '../../../errors/index.ts'
import { head, requireDifferent, tail } from './csv-header.ts'
import { folderKeys } from './folder-keys.ts'
import { filledLines } from './lines.ts'
import type { Plain } from './plain-text.ts'
import { besides, keysBeside, unionByName, type ReadFile } from './read-files.ts'
import { rowName, text, type Session } from './session.ts'

/** Characters of a line that is no row. */
const maxShown = 200

type JsonSource = SourceSpec & { kind: 'json' }

const objects = (files: readonly string[]): string =>
  `read_ndjson_objects([${files.map(text).join(', ')}], compression = 'uncompressed', ignore_errors = true, maximum_object_size = ${64 * 2 ** 20}, hive_partitioning = false)`

/** Top-level names over all lines, in the order of their first line. */
async function memberNames(files: readonly string[], session: Session): Promise<string[]> {
  const names = await session(
    `SELECT name, min(line) AS line, min(place) AS place FROM (SELECT unnest(json_keys(json)) AS name, generate_subscripts(json_keys(json), 1) AS place, line FROM (SELECT json, row_number() OVER () AS line FROM ${objects(files)}) WHERE json_type(json) = 'OBJECT') GROUP BY name ORDER BY line, place`,
  )
  // a member without a name can be no column
  return names.map(row => String(row.name)).filter(name => name !== '')
}

/** True of a line with a member that stands twice: nobody knows which value of it counts. */
const twice = 'len(list_distinct(json_keys(json))) < len(json_keys(json))'

/** Whether there is such a line. Hardly ever: where there is none, no later look has to ask it again of each. */
async function hasRepeats(files: readonly string[], session: Session): Promise<boolean> {
  const [found] = await session(
    `SELECT bool_or(${twice}) AS repeats FROM ${objects(files)} WHERE json_type(json) = 'OBJECT'`,
  )
  return found?.repeats === true
}

/** Whether a file is one list of objects: JSON, but not JSON lines. */
async function isOneList(file: string): Promise<boolean> {
  return /^\s*\[\s*\{/.test(await head(file)) && (await tail(file)).trimEnd().endsWith(']')
}

/** The first characters of a line. */
const beginning = (bytes: Buffer): string =>
  Array.from(
    bytes
      .subarray(0, 4 * maxShown)
      .toString('utf8')
      .trim(),
  )
    .slice(0, maxShown)
    .join('')

/** Name of the column that has a member's numbers as they are written. */
const writtenName = (name: string): string => `millrace written ${name}`

/** A pattern that takes a text and nothing else. */
const literally = (value: string): string => value.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')

/**
 * A member as text. The engine gives 1.10 as 1.1, and of many digits those of the nearest float: as it is written, such a
 * number is looked for in its line, by its name and its value.
 */
function written(name: string): string {
  const path = text(`$.${JSON.stringify(name)}`)
  const own = `json_extract_string(json, ${path})`
  const form = `${literally(JSON.stringify(name))}\\s*:\\s*(-?[0-9][0-9.eE+-]*)`
  const found = `regexp_extract_all(CAST(json AS VARCHAR), ${text(form)}, 1)`
  const same = `list_distinct(list_filter(${found}, x -> TRY_CAST(x AS DOUBLE) = TRY_CAST(${own} AS DOUBLE)))`
  const raw = `CASE WHEN len(${same}) = 1 THEN ${same}[1] END`
  return `CASE WHEN json_type(json, ${path}) = 'DOUBLE' THEN coalesce(${raw}, ${own}) ELSE ${own} END`
}

/** Lines of each file, whatever they are, and how many of all are rows. */
async function countLines(files: readonly string[], isRow: string, session: Session) {
  const counted = await session(
    `SELECT file_index AS file, count(*) AS lines, count(*) FILTER (WHERE ${isRow}) AS n FROM ${objects(files)} GROUP BY file_index`,
  )
  const counts = new Map(counted.map(row => [Number(row.file), Number(row.lines)]))
  const lines = files.map((_, i) => counts.get(i) ?? 0)
  const rows = counted.reduce((sum, row) => sum + Number(row.n), 0)
  return { lines, rows, broken: lines.reduce((sum, n) => sum + n, 0) - rows }
}

/** The first lines that are no rows. */
async function brokenLines(files: readonly ReadFile[], numbered: string, isRow: string, session: Session) {
  const found = await session(
    `SELECT ${rowName} AS number, json IS NULL AS broken, json_type(json) = 'OBJECT' AS object FROM ${numbered} WHERE NOT ${isRow} ORDER BY number LIMIT ${maxUnreadable}`,
  )
  const unreadable: UnreadableLine[] = []
  for (const { index, read } of files) {
    const own = found.filter(row => Math.floor(Number(row.number) / rowsOfFile) === index)
    const places = own.map(row => Number(row.number) % rowsOfFile)
    const lines = await filledLines(read, places)
    for (const [i, row] of own.entries()) {
      const line = lines.get(places[i] as number)
      unreadable.push({
        file: index,
        line: line?.number ?? (places[i] as number) + 1,
        reason:
          row.broken === true ? 'it is no JSON' : row.object === true ? 'a member stands twice' : 'it is no object',
        text: line ? beginning(line.bytes) : '',
      })
    }
  }
  return unreadable
}

/** Files by the names of the keys of their folders. */
function groupsOf(
  source: JsonSource,
  paths: readonly string[],
  reads: readonly string[],
  names: readonly string[],
  root: string,
): ReadFile[][] {
  const groups = new Map<string, ReadFile[]>()
  for (const [index, path] of paths.entries()) {
    const keys = keysBeside(names, folderKeys(path, source.path, root))
    const key = JSON.stringify([...keys.keys()])
    const known = groups.get(key)
    const own = { path, read: reads[index] as string, index, keys }
    if (known) known.push(own)
    else groups.set(key, [own])
  }
  return [...groups.values()]
}

/** JSON lines as columns of text; members that are objects or lists are their JSON. A line that is no object is no row. */
export async function scanJson(
  source: JsonSource,
  given: readonly string[],
  root: string,
  session: Session,
  plainOf: Plain,
): Promise<Relation> {
  const files: string[] = []
  for (const path of given) files.push((await plainOf(path)).path)
  for (const file of files)
    if (await isOneList(file))
      throw fail('sourceUnreadable', {
        source: source.path,
        reason: 'it is one JSON list, not JSON lines: write each object on a line of its own, as "jq -c .[]" does',
      })
  const names = await memberNames(files, session)
  requireDifferent(names, source.path)
  const columns = names.flatMap(name => [
    `json_extract_string(json, ${text(`$.${JSON.stringify(name)}`)}) AS ${duckdbDialect.identifier(name)}`,
    `${written(name)} AS ${duckdbDialect.identifier(writtenName(name))}`,
  ])
  const once = (await hasRepeats(files, session)) ? ` AND NOT ${twice}` : ''
  const isRow = `coalesce(json_type(json) = 'OBJECT'${once}, false)`
  const plain: string[] = []
  const numbered: string[] = []
  const unreadable: UnreadableLine[] = []
  let rows = 0
  let broken = 0
  const groups = groupsOf(source, given, files, names, root)
  const keysOfAll = new Set(groups.flatMap(group => [...(group[0]?.keys.keys() ?? [])]))
  for (const group of groups) {
    const all = objects(group.map(file => file.read))
    const counted = await countLines(
      group.map(file => file.read),
      isRow,
      session,
    )
    rows += counted.rows
    broken += counted.broken
    const read = (more: readonly string[]) => `(SELECT ${['json', ...more].join(', ')} FROM ${all})`
    const lines = (numbers: boolean) =>
      besides({ files: group, columns: ['json'], rows: read, counts: counted.lines }, numbers)
    if (counted.broken > 0) unreadable.push(...(await brokenLines(group, lines(true), isRow, session)))
    const keys = [...(group[0]?.keys.keys() ?? [])].map(duckdbDialect.identifier)
    const select = [...(columns.length + keys.length === 0 ? ['NULL::VARCHAR AS nothing'] : columns), ...keys].join(
      ', ',
    )
    plain.push(`(SELECT ${select} FROM ${lines(false)} WHERE ${isRow})`)
    numbered.push(`(SELECT ${select}, ${rowName} FROM ${lines(true)} WHERE ${isRow})`)
  }
  const first = unreadable.toSorted((a, b) => a.file - b.file || a.line - b.line).slice(0, maxUnreadable)
  const lines = async (wanted: readonly number[]) => {
    const known = new Map<number, number>()
    for (const [file, path] of files.entries()) {
      const own = wanted.filter(row => Math.floor(row / rowsOfFile) === file).map(row => row % rowsOfFile)
      for (const [row, { number }] of await filledLines(path, own)) known.set(file * rowsOfFile + row, number)
    }
    return known
  }
  return {
    sql: unionByName(plain),
    numbered: unionByName(numbered),
    label: source.path,
    text: { unreadable: first, broken, lines },
    described: describedMembers(names, keysOfAll),
    rows,
  }
}

/** Members and keys of folders, or the one column that stands where there is none. */
function describedMembers(names: readonly string[], keys: ReadonlySet<string>): DescribedColumn[] {
  const column = { type: undefined, physical: 'VARCHAR', stored: 'written' } as const
  const all = [
    ...names.map(name => ({ ...column, name, written: writtenName(name) })),
    ...[...keys].map(name => ({ ...column, name })),
  ]
  return all.length > 0 ? all : [{ ...column, name: 'nothing' }]
}

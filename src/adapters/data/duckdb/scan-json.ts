import {
  mostUnreadable,
  rowsOfFile,
  type Relation,
  type SourceSpec,
  type UnreadableLine,
} from '../../../ports/data-engine.ts'
import { duckdbDialect } from './dialect.ts'
import { fail } from '../../../errors/index.ts'
import { head, requireDifferent, tail } from './csv-header.ts'
import { filledLines } from './lines.ts'
import { rowName, text, type Session } from './session.ts'

/** Characters of a line that is no row. */
const mostShown = 200

type JsonSource = SourceSpec & { kind: 'json' }

const objects = (files: readonly string[]): string =>
  `read_ndjson_objects([${files.map(text).join(', ')}], ignore_errors = true, maximum_object_size = ${64 * 2 ** 20})`

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
  return /^\s*\[\s*\{/.test(await head(file, 'utf-8')) && (await tail(file)).trimEnd().endsWith(']')
}

/** The first characters of a line. */
const beginning = (bytes: Buffer): string =>
  Array.from(
    bytes
      .subarray(0, 4 * mostShown)
      .toString('utf8')
      .trim(),
  )
    .slice(0, mostShown)
    .join('')

/** JSON lines as columns of text; members that are objects or lists are their JSON. A line that is no object is no row. */
export async function scanJson(source: JsonSource, files: readonly string[], session: Session): Promise<Relation> {
  for (const file of files)
    if (await isOneList(file))
      throw fail('sourceUnreadable', {
        source: source.path,
        reason: 'it is one JSON list, not JSON lines: write each object on a line of its own, as "jq -c .[]" does',
      })
  const names = await memberNames(files, session)
  requireDifferent(names, source.path)
  const columns = names.map(
    name => `json_extract_string(json, ${text(`$.${JSON.stringify(name)}`)}) AS ${duckdbDialect.identifier(name)}`,
  )
  const once = (await hasRepeats(files, session)) ? ` AND NOT ${twice}` : ''
  const isRow = `coalesce(json_type(json) = 'OBJECT'${once}, false)`
  const unreadable: UnreadableLine[] = []
  let rows = 0
  let broken = 0
  for (const [file, path] of files.entries()) {
    const numbered = `(SELECT json, row_number() OVER () AS line FROM ${objects([path])})`
    const [counted] = await session(`SELECT count(*) FILTER (WHERE ${isRow}) AS n, count(*) AS lines FROM ${numbered}`)
    rows += Number(counted?.n ?? 0)
    broken += Number(counted?.lines ?? 0) - Number(counted?.n ?? 0)
    const first = await session(
      `SELECT line::BIGINT - 1 AS place, json IS NULL AS broken, json_type(json) = 'OBJECT' AS object FROM ${numbered} WHERE NOT ${isRow} ORDER BY place LIMIT ${mostUnreadable - unreadable.length}`,
    )
    const lines = await filledLines(
      path,
      first.map(row => Number(row.place)),
    )
    for (const row of first) {
      const line = lines.get(Number(row.place))
      unreadable.push({
        file,
        line: line?.number ?? Number(row.place) + 1,
        reason:
          row.broken === true ? 'it is no JSON' : row.object === true ? 'a member stands twice' : 'it is no object',
        text: line ? beginning(line.bytes) : '',
      })
    }
  }
  const lines = async (wanted: readonly number[]) => {
    const known = new Map<number, number>()
    for (const [file, path] of files.entries()) {
      const own = wanted.filter(row => Math.floor(row / rowsOfFile) === file).map(row => row % rowsOfFile)
      for (const [row, { number }] of await filledLines(path, own)) known.set(file * rowsOfFile + row, number)
    }
    return known
  }
  const select = columns.length === 0 ? 'NULL::VARCHAR AS nothing' : columns.join(', ')
  const apart = files.map(
    (path, i) =>
      `SELECT ${select}, ${rowName} FROM (SELECT json, ${i * rowsOfFile} + row_number() OVER () - 1 AS ${rowName} FROM ${objects([path])}) WHERE ${isRow}`,
  )
  return {
    sql: `(SELECT ${select} FROM ${objects(files)} WHERE ${isRow})`,
    numbered: `(${apart.join(' UNION ALL ')})`,
    label: source.path,
    text: { unreadable, broken, lines },
    rows,
  }
}

import { isAbsolute, relative, resolve } from 'node:path'
import { fail, isMillraceError } from '../../../errors/index.ts'
import { ulid } from '../../../internal/ids.ts'
import { whyUnreadable } from '../../../internal/why-unreadable.ts'
import {
  rowColumn,
  rowsOfFile,
  type DescribedColumn,
  type Relation,
  type RelationPart,
  type SourceSpec,
} from '../../../ports/data-engine.ts'
import { columnsOfParts } from '../parts.ts'
import { identifier } from './dialect.ts'

/** What a scan asks of the server. */
export interface SparkServer {
  /** The columns of a query, without a row of it. */
  describe(sql: string): Promise<readonly DescribedColumn[]>
  /** Whether the server tells a row's place in its file. */
  placed(file: string): Promise<boolean>
  /** Has statements run before the first one that names a table. */
  later(table: string, statements: readonly string[]): void
}

const fileTable = (path: string): string => `parquet.${identifier(path)}`

/** Letters that a server takes for a pattern of names. */
const patternLetters = /[*?[\]{}\\]/

/** The numbers of rows of a partition, and of the partitions of a file, that a number of a row has room for. */
const rowsOfPartition = 2 ** 28

const cannot = (what: string, reason: string) => fail('engineCannot', { engine: 'Spark Connect', what, reason })

function requirePlain(path: string, source: string): void {
  if (patternLetters.test(path))
    throw cannot(`a file called '${source}'`, 'it takes *, ?, brackets, braces and backslashes for a pattern of names')
  if (path.split('/').some(folder => /^[^=]+=/.test(folder)))
    throw cannot(`'${source}'`, 'servers differ in what they make of folders that name a column (day=2024-07-01)')
}

/** The rows of a file with their numbers. A number that tells no place is made of the partition and the row in it. */
function numberedFile(path: string, index: number, placed: boolean): string {
  const id = 'monotonically_increasing_id()'
  const place = placed ? '_metadata.row_index' : `((${id} DIV ${2 ** 33}) * ${rowsOfPartition} + ${id} % ${2 ** 33})`
  return `SELECT *, CAST(${BigInt(index) * BigInt(rowsOfFile)} + ${place} AS BIGINT) AS ${identifier(rowColumn)} FROM ${fileTable(path)}`
}

interface ReadFile {
  readonly path: string
  readonly index: number
}

function partOf(
  files: readonly ReadFile[],
  columns: readonly DescribedColumn[],
  label: string,
  asking: SparkServer,
  placed: boolean,
): RelationPart {
  const [only] = files as [ReadFile]
  const rows = files.map(({ path }) => `SELECT * FROM ${fileTable(path)}`)
  const sql = files.length === 1 ? fileTable(only.path) : `(${rows.join(' UNION ALL ')})`
  const numbered = files.map(({ path, index }) => numberedFile(path, index, placed))
  if (placed) return { columns, label, sql, numbered: `(${numbered.join(' UNION ALL ')})` }
  // numbered anew at each look, a row would have another number each time: they are copied once, when the first is asked for
  const table = `millrace_rows_${ulid()}`
  asking.later(
    table,
    numbered.map((one, i) => (i === 0 ? `CREATE TABLE ${table} AS ${one}` : `INSERT INTO ${table} ${one}`)),
  )
  return { columns, label, sql, numbered: table }
}

/** Parts as one table; null where one has no such column. */
function unionOf(parts: readonly RelationPart[], of: 'sql' | 'numbered'): string {
  const [only] = parts
  if (only && parts.length === 1) return only[of]
  const all = columnsOfParts(parts)
  const selects = parts.map(part => {
    const own = new Set(part.columns.map(column => column.name))
    const cells = all.map(({ name, physical }) =>
      own.has(name) ? identifier(name) : `CAST(NULL AS ${physical}) AS ${identifier(name)}`,
    )
    return `SELECT ${[...cells, ...(of === 'numbered' ? [identifier(rowColumn)] : [])].join(', ')} FROM ${part[of]}`
  })
  return `(${selects.join(' UNION ALL ')})`
}

async function columnsOfFile(path: string, label: string, asking: SparkServer): Promise<readonly DescribedColumn[]> {
  let columns: readonly DescribedColumn[]
  try {
    columns = await asking.describe(`SELECT * FROM ${fileTable(path)}`)
  } catch (error) {
    if (isMillraceError(error) && error.code === 'MR2003')
      throw fail('sourceUnreadable', { source: label, reason: String(error.details.reason) }, error)
    throw error
  }
  // some servers take a file that is not there for one without columns
  if (columns.length === 0)
    throw fail('sourceUnreadable', {
      source: label,
      reason: `the Spark Connect server finds no columns in ${path}: it has to see the file under the same path`,
    })
  return columns
}

/** Parquet files, read by the server where they lie. Throws `sourceUnreadable`, `engineCannot`. */
export async function scanParquet(
  source: SourceSpec,
  root: string,
  files: readonly string[] | undefined,
  asking: SparkServer,
): Promise<Relation> {
  if (source.kind !== 'parquet')
    throw cannot(
      `a source of kind '${source.kind}'`,
      source.kind === 'duckdb' ? 'it is a file of DuckDB' : 'servers differ in how they read text',
    )
  const paths = files ?? [isAbsolute(source.path) ? source.path : resolve(root, source.path)]
  const labelOf = (path: string) => (paths.length === 1 ? source.path : relative(root, path))
  const groups = new Map<string, { files: ReadFile[]; columns: readonly DescribedColumn[] }>()
  for (const [index, path] of paths.entries()) {
    requirePlain(path, labelOf(path))
    const unreadable = files === undefined ? await whyUnreadable(path) : undefined
    if (unreadable !== undefined) throw fail('sourceUnreadable', { source: source.path, reason: unreadable })
    const columns = await columnsOfFile(path, labelOf(path), asking)
    const signature = JSON.stringify(columns.map(({ name, physical }) => [name, physical]))
    const known = groups.get(signature)
    if (known) known.files.push({ path, index })
    else groups.set(signature, { files: [{ path, index }], columns })
  }
  const placed = await asking.placed(paths[0] as string)
  if (source.rowNumber !== undefined && !placed)
    throw cannot('to number the rows of a file', 'this server does not tell a row’s place in its file')
  const parts = [...groups.values()].map(one =>
    partOf(one.files, one.columns, labelOf((one.files[0] as ReadFile).path), asking, placed),
  )
  const numbered = unionOf(parts, 'numbered')
  const relation = { label: source.path, parts, ...(placed ? {} : { unplaced: true as const }) }
  if (source.rowNumber === undefined) return { ...relation, sql: unionOf(parts, 'sql'), numbered }
  const row = identifier(rowColumn)
  const names = columnsOfParts(parts).map(column => identifier(column.name))
  const sql = `(SELECT ${names.join(', ')}, ${row} % ${rowsOfFile} AS ${identifier(source.rowNumber)} FROM ${numbered})`
  return { label: source.path, sql }
}

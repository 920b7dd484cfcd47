import { statSync } from 'node:fs'
import { relative } from 'node:path'
import {
  rowsOfFile,
  type DescribedColumn,
  type Relation,
  type RelationPart,
  type SourceSpec,
} from '../../../ports/data-engine.ts'
import { DifferentNames } from './different-names.ts'
import { duckdbDialect } from './dialect.ts'
import { withoutZoneOfNanos } from './parquet-footer.ts'
import { folderKeys } from './folder-keys.ts'
import { parquetSchemas, type ParquetColumn } from './parquet-schema.ts'
import { besides, keysBeside, unionByName, type ReadFile } from './read-files.ts'
import { rowName, text, type Scratch, type Session } from './session.ts'
import { describedColumn } from './stored-of.ts'

/** Columns that the engine gives to rows of Parquet; a column of the file with such a name hides them. */
const virtual = ['file_index', 'file_row_number']

/** Files beyond this are sampled as the dialect samples: a place in each would be many. */
const maxSampledFiles = 8

/** Files beyond this that are small are read once, and so many at a time: each look at them, and all of them open, is dear. */
const maxLookedAt = 1000
const filesAtOnce = 500
const smallFile = 256 * 1024

type ParquetSource = SourceSpec & { kind: 'parquet' }

/**
 * Files with the same columns; not by the engine's own union of unlike ones, which casts. Folders are looked at here, where the
 * engine would put what they say over a column of the file. What statistics say of floats leaves NaN out.
 */
const read = (files: readonly string[]): string =>
  `read_parquet([${files.map(text).join(', ')}], hive_partitioning = false, can_have_nan = true)`

/** Rows from three places of each file. Blocks at random would be dear: a row group is decoded up to the block. */
function sampleOf(files: readonly string[], all: string): NonNullable<Relation['sample']> {
  return (rows, total) => {
    const length = Math.ceil(rows / (3 * files.length))
    const starts = [0, 0.45, 0.85].map(share => Math.floor((share * total) / files.length))
    const ranges = starts.map(start => `file_row_number >= ${start} AND file_row_number < ${start + length}`)
    return `(SELECT * FROM ${all} WHERE ${ranges.join(' OR ')})`
  }
}

/** Columns of the file, corrected where the engine does not say how their values stand. */
async function columnsOf(file: string, known: readonly ParquetColumn[], session: Session): Promise<DescribedColumn[]> {
  const described = await session(`DESCRIBE SELECT * FROM ${read([file])}`)
  return described.map((row, i) => {
    const { name, as } = known[i] as ParquetColumn
    return as
      ? { name, type: as.stored === 'instant' ? 'timestamp' : undefined, ...as }
      : describedColumn(name, String(row.column_type))
  })
}

async function partOf(
  files: readonly ReadFile[],
  known: readonly ParquetColumn[],
  source: ParquetSource,
  session: Session,
): Promise<RelationPart & { readonly sampled?: string; readonly pieces?: readonly string[] }> {
  const paths = files.map(file => file.read)
  const own = await columnsOf(paths[0] as string, known, session)
  const hidden = own.some(({ name }) => virtual.includes(name.toLowerCase()))
  const keys = [...(files[0] as ReadFile).keys.keys()]
  const label = (files[0] as ReadFile).path
  const columns: DescribedColumn[] = [
    ...own,
    ...keys.map(name => ({ name, type: undefined, physical: 'VARCHAR', stored: 'written', asText: true }) as const),
  ]
  const names = own.map(column => column.name)
  const rowNumber = source.rowNumber === undefined ? [] : [source.rowNumber]
  const relation = (some: readonly ReadFile[], place: string) => {
    const all = read(some.map(file => file.read))
    const rows = (more: readonly string[]) => `(SELECT ${['*', ...more].join(', ')} FROM ${all})`
    const withNumber = rowNumber.map(name => `${place} AS ${duckdbDialect.identifier(name)}`)
    const plain = rowNumber.length === 0 && keys.length === 0
    const asked = {
      files: some,
      columns: [...names, ...rowNumber],
      rows: (more: readonly string[]) => rows([...withNumber, ...more]),
    }
    return {
      sql: plain ? all : besides(asked, false),
      numbered: besides({ files: some, columns: names, rows, place }, true),
    }
  }
  if (hidden) {
    // one by one, for nothing else tells the file of a row
    const each = files.map(file => relation([file], 'row_number() OVER () - 1'))
    const union = (of: (one: { readonly sql: string; readonly numbered: string }) => string) =>
      `(${each.map(one => `SELECT * FROM ${of(one)}`).join(' UNION ALL ')})`
    return { columns, label, sql: union(one => one.sql), numbered: union(one => one.numbered) }
  }
  const made = relation(files, 'file_row_number')
  if (keys.length > 0 || rowNumber.length > 0) return { columns, label, ...made }
  const numberedOf = (some: readonly ReadFile[]) => {
    const number = plainNumber(some)
    const own = read(some.map(file => file.read))
    return number ? `(SELECT *, ${number} AS ${rowName} FROM ${own})` : relation(some, 'file_row_number').numbered
  }
  const pieces = areManySmall(paths) ? { pieces: chunks(files, filesAtOnce).map(numberedOf) } : {}
  return { columns, label, sql: made.sql, numbered: numberedOf(files), sampled: read(paths), ...pieces }
}

const areManySmall = (paths: readonly string[]): boolean =>
  paths.length > maxLookedAt && paths.reduce((sum, path) => sum + statSync(path).size, 0) <= smallFile * paths.length

const chunks = <T>(list: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size))

/** The number of a row by what the engine knows of it, where files stand side by side among all; undefined elsewhere. */
function plainNumber(files: readonly ReadFile[]): string | undefined {
  const from = files[0]?.index ?? 0
  // a number as it is: the engine then skips what cannot hold the rows that are asked for by number
  if (files.length === 1 && from === 0) return 'file_row_number'
  if (files.some(({ index }, i) => index !== from + i)) return undefined
  return `CAST(file_index + ${from} AS BIGINT) * ${rowsOfFile} + CAST(file_row_number AS BIGINT)`
}

/** Whether the engine may cut times of a file towards 1970: what is after it, it floors as well. */
async function hasCutTimes(file: string, columns: readonly ParquetColumn[], session: Session): Promise<boolean> {
  const names = columns.flatMap(column => (column.zonedNanos ? [duckdbDialect.identifier(column.name)] : []))
  if (names.length === 0) return false
  const early = names.map(name => `${name} <= TIMESTAMPTZ '1970-01-01 00:00:00+00'`).join(' OR ')
  return (await session(`SELECT 1 AS found FROM ${read([file])} WHERE ${early} LIMIT 1`)).length > 0
}

/** A column of times in nanoseconds that stands without its zone. */
const asNanos = (column: ParquetColumn): ParquetColumn =>
  column.zonedNanos ? { ...column, as: { physical: 'TIMESTAMP_NS', stored: 'instant' } } : column

/** Parquet files: those with the same columns are read together, the others apart. Throws `sourceUnreadable`. */
export async function scanParquet(
  source: ParquetSource,
  paths: readonly string[],
  root: string,
  session: Session,
  scratch: Scratch,
): Promise<Relation> {
  const schemas = await parquetSchemas(paths, session)
  const groups = new Map<string, { files: ReadFile[]; known: readonly ParquetColumn[] }>()
  const names = new DifferentNames(source.path)
  for (const [index, path] of paths.entries()) {
    const { signature, ...schema } = schemas[index] as (typeof schemas)[number]
    const cut = await hasCutTimes(path, schema.columns, session)
    const columns = cut ? schema.columns.map(asNanos) : schema.columns
    const own = columns.map(column => column.name)
    names.add(own, named(path, source, paths, root))
    const keys = keysBeside(own, folderKeys(path, source.path, root))
    const group = JSON.stringify([cut, signature, ...keys.keys()])
    const file = { path, read: cut ? await withoutZoneOfNanos(path, scratch) : path, index, keys }
    const known = groups.get(group)
    if (known) known.files.push(file)
    else groups.set(group, { files: [file], known: columns })
  }
  const parts: Awaited<ReturnType<typeof partOf>>[] = []
  for (const { files, known } of groups.values()) {
    const part = await partOf(files, known, source, session)
    parts.push({ ...part, label: named(part.label, source, paths, root) })
  }
  const only = parts.length === 1 ? parts[0] : undefined
  const sampled = paths.length <= maxSampledFiles ? only?.sampled : undefined
  return {
    sql: unionByName(parts.map(part => part.sql)),
    numbered: unionByName(parts.map(part => part.numbered)),
    label: source.path,
    parts,
    ...(sampled ? { sample: sampleOf(paths, sampled) } : {}),
    ...(only?.pieces ? { pieces: only.pieces } : {}),
  }
}

/** A file of a source, by its place below the project's folder. */
function named(file: string, source: ParquetSource, paths: readonly string[], root: string): string {
  return paths.length === 1 ? source.path : relative(root, file)
}

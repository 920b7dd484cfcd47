import { relative } from 'node:path'
import { fail } from '../../../errors/index.ts'
import {
  rowsOfFile,
  type DescribedColumn,
  type Relation,
  type RelationPart,
  type SourceSpec,
} from '../../../ports/data-engine.ts'
import { requireDifferent } from './csv-header.ts'
import { duckdbDialect } from './dialect.ts'
import { withoutZoneOfNanos } from './parquet-footer.ts'
import { folderKeys } from './folder-keys.ts'
import { parquetSchemas, type ParquetColumn } from './parquet-schema.ts'
import { rowName, text, type Scratch, type Session } from './session.ts'
import { describedColumn } from './stored-of.ts'

/** Columns that the engine gives to rows of Parquet; a column of the file with such a name hides them. */
const virtual = ['file_index', 'file_row_number']

/** Files beyond this are sampled as the dialect samples: a place in each would be many. */
const mostSampledFiles = 8

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

/** A file, its place among all of them, and what its folders say. */
interface File {
  readonly path: string
  /** The file that is read for it: itself, or a copy that the engine reads right. */
  readonly read: string
  readonly index: number
  readonly keys: ReadonlyMap<string, string | null>
}

/** SQL of what the file of a row has for something; one for all where it is the same for all. */
function byFile(values: readonly string[]): string {
  const [first] = values
  return values.every(value => value === first) ? (first as string) : `([${values.join(', ')}])[file_index + 1]`
}

/** The number of the first row of a row's file. */
function firstRow(files: readonly File[]): string {
  const [first] = files
  const from = first?.index ?? 0
  if (files.every(({ index }, i) => index === from + i))
    return files.length === 1 ? String(from * rowsOfFile) : `(${from} + CAST(file_index AS BIGINT)) * ${rowsOfFile}`
  return `${byFile(files.map(({ index }) => String(index)))} * ${rowsOfFile}`
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
  files: readonly File[],
  known: readonly ParquetColumn[],
  source: ParquetSource,
  session: Session,
): Promise<RelationPart & { readonly hidden: boolean }> {
  const paths = files.map(file => file.read)
  const own = await columnsOf(paths[0] as string, known, session)
  const hidden = own.some(({ name }) => virtual.includes(name.toLowerCase()))
  const literal = (value: string | null | undefined) => duckdbDialect.literal(value ?? null, 'text')
  const keys = [...(files[0] as File).keys.keys()]
  const label = (files[0] as File).path
  const columns: DescribedColumn[] = [
    ...own,
    ...keys.map(name => ({ name, type: undefined, physical: 'VARCHAR', stored: 'written', asText: true }) as const),
  ]
  const select = (some: readonly File[]) => [
    '*',
    ...keys.map(
      name => `${byFile(some.map(file => literal(file.keys.get(name))))} AS ${duckdbDialect.identifier(name)}`,
    ),
  ]
  const rowNumber = source.rowNumber === undefined ? [] : [duckdbDialect.identifier(source.rowNumber)]
  if (hidden) {
    // one by one, for nothing else tells the file of a row
    const each = (more: (file: File) => string[]) =>
      `(${files.map(file => `SELECT ${[...select([file]), ...more(file)].join(', ')} FROM ${read([file.read])}`).join(' UNION ALL ')})`
    const place = 'row_number() OVER () - 1'
    return {
      columns,
      label,
      hidden,
      sql: each(() => rowNumber.map(name => `${place} AS ${name}`)),
      numbered: each(({ index }) => [`${index * rowsOfFile} + ${place} AS ${rowName}`]),
    }
  }
  // a number as it is: the engine then skips what cannot hold the rows that are asked for by number
  const number =
    files.length === 1 && (files[0] as File).index === 0
      ? 'file_row_number'
      : `${firstRow(files)} + CAST(file_row_number AS BIGINT)`
  const all = read(paths)
  const plain = keys.length === 0 && rowNumber.length === 0
  return {
    columns,
    label,
    hidden,
    sql: plain
      ? all
      : `(SELECT ${[...select(files), ...rowNumber.map(name => `file_row_number AS ${name}`)].join(', ')} FROM ${all})`,
    numbered: `(SELECT ${[...select(files), `${number} AS ${rowName}`].join(', ')} FROM ${all})`,
  }
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

/** The columns of all parts, each with its type in the first that has it. */
export function columnsOfParts(parts: readonly RelationPart[]): readonly DescribedColumn[] {
  const columns = new Map<string, DescribedColumn>()
  for (const part of parts)
    for (const column of part.columns) {
      const known = columns.get(column.name)
      // a column of nothing says nothing of what others hold
      if (!known || known.stored === 'nothing') columns.set(column.name, column)
    }
  return [...columns.values()]
}

/** Parquet files: those with the same columns are read together, the others apart. Throws `sourceUnreadable`. */
export async function scanParquet(
  source: ParquetSource,
  paths: readonly string[],
  root: string,
  session: Session,
  scratch: Scratch,
): Promise<Relation> {
  const schemas = await parquetSchemas(paths, session)
  const groups = new Map<string, { files: File[]; known: readonly ParquetColumn[] }>()
  const names = new Map<string, string>()
  for (const [index, path] of paths.entries()) {
    const { signature, ...schema } = schemas[index] as (typeof schemas)[number]
    const cut = await hasCutTimes(path, schema.columns, session)
    const columns = cut ? schema.columns.map(asNanos) : schema.columns
    const own = columns.map(column => column.name)
    requireDifferent(own, named(path, source, paths, root))
    for (const name of own) {
      const other = names.get(name.toLowerCase()) ?? name
      if (other !== name)
        throw fail('sourceUnreadable', {
          source: source.path,
          reason: `the columns '${other}' and '${name}' of its files differ in case only`,
        })
      names.set(name.toLowerCase(), name)
    }
    const taken = new Set(own.map(name => name.toLowerCase()))
    // what stands in the file is what was written; the folder speaks for rows that say nothing themselves
    const keys = new Map([...folderKeys(path, source.path, root)].filter(([name]) => !taken.has(name.toLowerCase())))
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
  const union = (of: (part: RelationPart) => string) =>
    only ? of(only) : `(${parts.map(part => `SELECT * FROM ${of(part)}`).join(' UNION ALL BY NAME ')})`
  const sampled = only?.hidden === false && paths.length <= mostSampledFiles
  return {
    sql: union(part => part.sql),
    numbered: union(part => part.numbered),
    label: source.path,
    parts,
    ...(sampled ? { sample: sampleOf(paths, only.sql) } : {}),
  }
}

/** A file of a source, by its place below the project's folder. */
function named(file: string, source: ParquetSource, paths: readonly string[], root: string): string {
  return paths.length === 1 ? source.path : relative(root, file)
}

import { extname, relative } from 'node:path'
import type { Dataset } from '../../define/dataset.ts'
import { unreadableName } from '../../define/expectation/kinds/readable.ts'
import type { CsvOptions, FileSource, Source } from '../../define/source.ts'
import { fail } from '../../errors/index.ts'
import { formatOfFile, otherFormat, type FileFormat } from '../../internal/file-format.ts'
import type { Relation, SourceSpec } from '../../ports/data-engine.ts'
import { listFiles, type ListedFile } from '../validate/files.ts'
import { openFound, type FoundSource, type GivenSource, type ValidateServices } from '../validate/source.ts'
import type { UnevenColumn } from './types.ts'
import { asText, findColumns, undeclared, type LeftAside } from './undeclared.ts'

/** Data that are open to be looked at, whether anybody declared them or not. */
export interface OpenSource extends FoundSource {
  readonly label: string
  readonly files: number
  readonly bytes: number | undefined
  readonly csv?: CsvOptions
  readonly left: readonly LeftAside[]
  /** Columns that not every file has. */
  readonly uneven?: readonly UnevenColumn[]
  /** Columns that are declared; undefined where nothing is. */
  readonly declared?: ReadonlySet<string>
}

export type FileKind = 'parquet' | 'csv' | 'json'

/** What the ending of a file's name tells. */
export const kindsByExtension: Readonly<Record<string, FileKind>> = {
  '.parquet': 'parquet',
  '.pq': 'parquet',
  '.csv': 'csv',
  '.tsv': 'csv',
  '.txt': 'csv',
  '.json': 'json',
  '.jsonl': 'json',
  '.ndjson': 'json',
}

export const fileKinds: readonly FileKind[] = ['parquet', 'csv', 'json']

/** The kind of a file by its bytes where they tell, else by the ending of its name, also before `.gz` and `.zst`. */
function kindOfFile(path: string): FileKind | FileFormat | undefined {
  const format = formatOfFile(path)
  if (format?.source === 'parquet') return 'parquet'
  if (format && !format.compression) return format
  const name = format ? path.replace(/\.(?:gz|gzip|zst|zstd)$/i, '') : path
  return kindsByExtension[extname(name).toLowerCase()]
}

function kindOf(paths: readonly string[], root: string): FileKind {
  const found = new Map<FileKind | undefined, string>()
  for (const path of paths) {
    const kind = kindOfFile(path)
    if (typeof kind === 'object')
      throw fail('sourceUnreadable', {
        source: relative(root, path),
        reason: otherFormat(kind, 'Parquet, CSV or JSON lines'),
      })
    found.set(kind, path)
  }
  const [kind] = found.keys()
  if (found.has(undefined) || kind === undefined)
    throw fail('fileKindUnknown', { file: relative(root, found.get(undefined) ?? '') })
  if (found.size > 1) throw fail('fileKindsMixed', { kinds: [...found.keys()].join(' and ') })
  return kind
}

/** The files of paths and globs, each once. Throws `sourceUnreadable`. */
async function filesOf(paths: readonly string[], root: string): Promise<ListedFile[]> {
  const files = new Map<string, ListedFile>()
  for (const path of paths)
    for (const file of await listFiles({ source: { kind: 'parquet', path } }, root)) files.set(file.path, file)
  return [...files.values()]
}

const share = (part: number, of: number): number => (of === 0 ? 0 : part / of)

/** Cells of a text source that are not written as their column's type, beyond which the column is no such column. */
const maxUnreadable = 0.1

/** Columns of text that looked like another type at first, and are not. */
async function misread(
  { engine }: ValidateServices,
  { found }: FoundSource,
  given: ReadonlySet<string>,
): Promise<Set<string>> {
  const { dialect } = engine
  const wrong = new Set<string>()
  for (const [name, { type }] of Object.entries(found.dataset.columns)) {
    if (type === 'text' || given.has(name) || !found.checked.has(name)) continue
    const count = (sql: string) => dialect.countWhere(sql)
    const [row] = await engine.rows(
      `SELECT ${count(dialect.identifier(unreadableName(name)))} AS bad, ${count(`${dialect.identifier(name)} IS NOT NULL`)} AS good FROM (${found.sql})`,
    )
    if (share(Number(row?.bad), Number(row?.bad) + Number(row?.good)) > maxUnreadable) wrong.add(name)
  }
  return wrong
}

interface SourceDescription {
  readonly source: Source
  readonly relation: Relation
  readonly given: GivenSource | undefined
  readonly declared: Dataset | undefined
}

async function openAs(services: ValidateServices, { source, relation, given, declared }: SourceDescription) {
  const { columns, left } = await findColumns(services.engine, relation, declared)
  const texts = declared?.treatAsNull
  const opened = await openFound(services, undeclared(source, columns, texts), given)
  if (!relation.text && !opened.found.present.some(column => column.asText)) return { opened, left }
  try {
    const wrong = await misread(services, opened, new Set(Object.keys(declared?.columns ?? {})))
    if (wrong.size === 0) return { opened, left }
    await opened.release()
    return { opened: await openFound(services, undeclared(source, asText(columns, wrong), texts), given), left }
  } catch (error) {
    await opened.release()
    throw error
  }
}

/** Files whose columns are compared. */
const maxCompared = 1000

/** Columns that some files have and others have not. */
async function unevenOf(
  { engine, root }: ValidateServices,
  source: SourceSpec,
  files: readonly ListedFile[],
): Promise<UnevenColumn[]> {
  const holders = new Map<string, string[]>()
  const compared = files.slice(0, maxCompared)
  if (compared.length < 2) return []
  for (const { path } of compared) {
    const names = await engine.columnsOfFile?.(source, path)
    if (!names) return []
    for (const name of names) holders.set(name, [...(holders.get(name) ?? []), relative(root, path)])
  }
  return [...holders]
    .filter(([, some]) => some.length < compared.length)
    .map(([column, some]) => ({ column, files: some.length, of: compared.length, first: some[0] as string }))
}

const bytesOf = (files: readonly ListedFile[]): number => files.reduce((sum, file) => sum + file.size, 0)

/**
 * Opens files of one kind by paths and globs below `services.root`. What columns hold is found by looking at them; what is
 * not given of the dialect of CSV is found by the engine. Throws `fileKindUnknown`, `fileKindsMixed`, `sourceUnreadable`.
 */
export async function openFiles(
  services: ValidateServices,
  paths: readonly string[],
  { as, csv: dialect = {} }: { readonly as?: FileKind | undefined; readonly csv?: CsvOptions } = {},
): Promise<OpenSource> {
  const { engine, root } = services
  const files = await filesOf(paths, root)
  const kind =
    as ??
    kindOf(
      files.map(file => file.path),
      root,
    )
  const label = paths.join(', ')
  const places = files.map(file => file.path)
  const csv = kind === 'csv' ? ((await engine.sniffCsv?.(places[0] as string, dialect)) ?? dialect) : undefined
  const source: FileSource = { kind, path: label, ...csv }
  const relation = await engine.scan(source as SourceSpec, root, places)
  const given = kind === 'parquet' ? { files } : relation
  const uneven = await unevenOf(services, source as SourceSpec, files)
  const { opened, left } = await openAs(services, { source, relation, given, declared: undefined })
  return { ...opened, label, files: files.length, bytes: bytesOf(files), left, uneven, ...(csv ? { csv } : {}) }
}

/** Opens the source of a dataset with all the columns that it has: the declared ones as they are declared. */
export async function openDataset(services: ValidateServices, dataset: Dataset): Promise<OpenSource> {
  const { engine, root } = services
  const { source } = dataset
  const declared = new Set(Object.keys(dataset.columns))
  if (source.kind === 'parquet' || source.kind === 'csv' || source.kind === 'json') {
    const files = await listFiles(dataset, root)
    const relation = await engine.scan(
      source,
      root,
      files.map(file => file.path),
    )
    // Parquet is listed again with the digests of its files, by which measures are remembered
    const given = source.kind === 'parquet' ? undefined : relation
    const { opened, left } = await openAs(services, { source, relation, given, declared: dataset })
    return { ...opened, label: source.path, files: files.length, bytes: bytesOf(files), left, declared }
  }
  const first = await openFound(services, undeclared(source, new Map(Object.entries(dataset.columns))))
  try {
    const { relation } = first.source
    const { opened, left } = await openAs(services, { source, relation, given: relation, declared: dataset })
    const release = async () => {
      await opened.release()
      await first.release()
    }
    return { ...opened, release, label: source.path, files: 0, bytes: undefined, left, declared }
  } catch (error) {
    await first.release()
    throw error
  }
}

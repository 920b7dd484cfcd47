import { nullTexts, personalColumns, type Dataset } from '../../define/dataset.ts'
import type { Reference } from '../../define/expectation/rule.ts'
import type { Report } from '../../define/report.ts'
import { isTable } from '../../define/source.ts'
import { canonicalJson, type Json } from '../../internal/canonical-json.ts'
import { digestJson, type Digest } from '../../internal/digest.ts'
import { packageVersion } from '../../internal/package-version.ts'
import type { Clock } from '../../ports/clock.ts'
import {
  type ColumnType,
  type DataEngine,
  type Footer,
  type Relation,
  type SourceSpec,
} from '../../ports/data-engine.ts'
import type { OpenSourceTable } from '../../ports/table-source.ts'
import { listFiles, requireUnchanged, sourceFiles, type ListedFile, type SourceFile } from './files.ts'
import type { Measurable } from './measure.ts'
import { Measurer } from './measurer.ts'
import { openForeignFiles } from './foreign-files.ts'
import { findDataset, type FoundDataset } from './relation.ts'
import { isCopied, ReadTable } from './read-table.ts'
import { openRepairs, type Repair, type RepairedRows } from './repairs.ts'
import { setName, type MetricStates } from './states.ts'
import { openTable, unreadTable, type Unread, type UnreadSource } from './table.ts'

/** What validation works with. */
export interface ValidateServices {
  readonly engine: DataEngine
  readonly clock: Clock
  /** Folder that sources are relative to. */
  readonly root: string
  /** The script that runs users' functions, and the project that they are loaded from. */
  readonly userCode?: { readonly script: string; readonly root: string }
  /** Rows of snapshots and of training sets, with the dataset's columns; undefined where there is none. */
  readonly snapshot?: (reference: Exclude<Reference, { dataset: string }>) => Promise<Relation | undefined>
  /** Earlier reports of the dataset, oldest first; asked for only where an expectation looks back. */
  readonly history?: () => Promise<readonly Report[]>
  /** What was measured before of files with the same content. */
  readonly states?: MetricStates
  /** Opens sources that the engine does not read itself. */
  readonly openForeign?: OpenSourceTable
  /** Rows that stand for the source of another dataset. */
  readonly rowsOf?: (dataset: Dataset) => Promise<Relation | undefined>
  /** Rows of a dataset that were repaired, oldest repair first. */
  readonly repairs?: (dataset: Dataset) => Promise<readonly Repair[]>
}

/** Rows to validate instead of the declared source: a relation, or some of its files. */
export type GivenSource = Relation | { readonly files: readonly (ListedFile | SourceFile)[] }

/** A dataset's rows as they were opened. */
export interface OpenSource {
  readonly relation: Relation
  readonly files: readonly string[] | undefined
  readonly footer?: Footer | undefined
  readonly digests?: readonly Digest[] | undefined
  /** Lets go of what was read into the engine. */
  readonly release?: () => Promise<void>
  /** Holds its files to what they were when they were opened. Throws `sourceChanged`. */
  readonly unchanged?: () => Promise<void>
  /** Some of its files alone. */
  readonly only?: (parts: readonly number[]) => Promise<OpenSource>
}

/** The files of the source, listed once so that rows keep their numbers through the whole validation. */
async function openSource(
  services: ValidateServices,
  dataset: Dataset,
  given?: GivenSource,
): Promise<OpenSource | UnreadSource> {
  if (given && 'sql' in given) return { relation: given, files: undefined }
  const { root, states } = services
  if (dataset.source.kind === 'duckdb')
    return { relation: await services.engine.scan(dataset.source, root), files: undefined }
  if (isTable(dataset.source)) return openTable(services, dataset)
  const listed: readonly (ListedFile | SourceFile)[] =
    given?.files ?? (states ? await sourceFiles(dataset, root, states.files) : await listFiles(dataset, root))
  if (dataset.source.kind === 'arrow') return openForeignFiles(services, dataset, listed)
  const known = listed.flatMap(file => ('digest' in file ? [file.digest] : []))
  const digests = states && known.length === listed.length ? known : undefined
  return openFiles(services, dataset, listed, digests)
}

async function openFiles(
  services: ValidateServices,
  dataset: Dataset,
  listed: readonly (ListedFile | SourceFile)[],
  digests: readonly Digest[] | undefined,
): Promise<OpenSource> {
  const { engine, root } = services
  const source = dataset.source as SourceSpec
  const paths = listed.map(file => file.path)
  const relation = await engine.scan(source, root, paths)
  const footer =
    source.kind === 'parquet'
      ? await engine.footer?.(paths)
      : relation.rows === undefined
        ? undefined
        : { rows: relation.rows, nulls: new Map<string, number>() }
  const some = (parts: readonly number[]) => parts.map(i => listed[i] as SourceFile)
  return {
    relation,
    files: listed.map(file => file.name),
    footer,
    digests,
    unchanged: () => requireUnchanged(listed),
    only: parts => openFiles(services, dataset, some(parts), undefined),
  }
}

/** A source that is open, with its columns as they are declared. */
export interface FoundSource {
  readonly source: OpenSource
  readonly found: FoundDataset
  readonly repaired?: RepairedRows
  /** Where its rows were read into the engine: their table. */
  readonly table?: ReadTable | undefined
  /** A table that was not read: until it is, `found` tells its columns, and SQL over its rows fails. */
  readonly unread?: Unread
  release(): Promise<void>
}

/** Opens a dataset, and reads its rows where the engine cannot ask them where they stand. */
export async function openFound(
  services: ValidateServices,
  dataset: Dataset,
  given?: GivenSource,
): Promise<FoundSource> {
  const { unread, ...opened } = await openUnread(services, dataset, given)
  try {
    await unread?.read()
    return opened
  } catch (error) {
    await opened.release()
    throw error
  }
}

/**
 * Opens a dataset and finds its columns. Text, and files that are many and small, are read once, into a table of the engine
 * that stands until `release`: each look at them would parse or open them anew; a table of a database that counts only when its rows are wanted. Repaired rows stand in
 * the place of those that they replace.
 */
export async function openUnread(
  services: ValidateServices,
  dataset: Dataset,
  given?: GivenSource,
): Promise<FoundSource> {
  const { engine } = services
  const source = await openSource(services, dataset, given)
  let table: ReadTable | undefined
  let repaired: RepairedRows | undefined
  const release = async () => {
    await repaired?.release()
    await table?.drop()
    await source.release?.()
  }
  try {
    const counts = 'counts' in source ? source.counts : undefined
    if ('load' in source && !counts) await source.load()
    let found = await findDataset(engine, dataset, source.relation)
    if (isCopied(source.relation)) {
      const read = new ReadTable(engine, found)
      table = read
      found = { ...found, sql: read.sql, numbered: read.sql }
      if ('load' in source && counts) {
        const later = async (counted: number) => {
          await source.load()
          await read.read({ ...source.relation, rows: counted })
        }
        return { source, found, table, unread: await unreadTable(engine, found, counts, later), release }
      }
      found = { ...found, inOrder: await read.read(source.relation) }
    }
    repaired = await openRepairs(engine, found, source, (await services.repairs?.(dataset)) ?? [])
    if (!repaired) return { source, found, table, release }
    const rows = repaired.over(found, source.digests as readonly Digest[])
    return { source, found: { ...found, ...rows, inOrder: false }, repaired, release }
  } catch (error) {
    await release()
    throw error
  }
}

/** Files beyond this are measured and remembered as a whole: what is kept of each would outweigh what is in it. */
const maxParts = 1000

/** Of more columns a statement names those that it asks for: to plan all of them would cost more than to look at some. */
const maxColumns = 48

/** A dataset's rows to be measured, and what is known of them from before. */
export function measurerOf(services: ValidateServices, opened: FoundSource): Measurer {
  const { found, source, repaired, unread, table } = opened
  const { engine, clock, states } = services
  const { dataset } = found
  const known = repaired?.digests ?? source.digests
  // to part rows by their files an engine that does not tell their places would have to copy them all
  const together = (known !== undefined && known.length > maxParts) || source.relation.unplaced === true
  const narrow = (relation: Relation, columns: ReadonlySet<string>) => {
    if (!table || relation !== source.relation) return found.from(relation, { columns })
    const rows = table.narrow(columns)
    return { sql: rows, numbered: rows }
  }
  const measurable = (
    of: { sql: string; numbered: string },
    from: OpenSource,
    relation = from.relation,
  ): Measurable => {
    // the metadata of files knows nothing of repairs
    const footer = repaired ? undefined : usableFooter(found, from.footer)
    const sample = repaired ? undefined : from.relation.sample
    return {
      sql: of.sql,
      numbered: of.numbered,
      parts: together ? 1 : (from.files?.length ?? 1),
      ...(footer ? { footer } : {}),
      ...(repaired || unread || found.usable.size <= maxColumns
        ? {}
        : { narrow: (columns: ReadonlySet<string>) => narrow(relation, columns) }),
      ...(sample ? { sample: (rows, total) => found.from({ sql: sample(rows, total), label: '' }).sql } : {}),
    }
  }
  const target: Measurable = {
    ...measurable(found, source),
    ...(unread ? { unread, footer: { rows: unread.rows, nulls: new Map() } } : {}),
    only: async parts => {
      const part = await (source.only as NonNullable<OpenSource['only']>)(parts)
      const relation = await withAllColumns(engine, part.relation, found)
      const rows = found.from(relation)
      const digests = parts.map(i => source.digests?.[i] as Digest)
      return measurable(repaired ? repaired.over(rows, digests) : rows, part, relation)
    },
  }
  // what a version of Millrace measured, another may measure otherwise
  const reading = digestJson([
    packageVersion(),
    engine.dialect.name,
    dataset.source,
    dataset.columns,
    dataset.treatAsNull,
    found.present,
  ] as unknown as Json)
  const personal = personalColumns(dataset)
  const parts = known && together ? [setName(known) as Digest] : known
  const memory = states && parts ? { states, parts, reading: reading.slice(7, 23), personal } : undefined
  return new Measurer(engine, clock, target, typesOf(dataset), memory)
}

/** Some of the files with the columns that only others have, which are null here. */
async function withAllColumns(engine: DataEngine, relation: Relation, { present }: FoundDataset): Promise<Relation> {
  if (relation.parts) return relation
  const { dialect } = engine
  const own = new Set((await engine.describe(relation)).map(column => column.name.toLowerCase()))
  const absent = present.filter(column => !own.has(column.name.toLowerCase()))
  if (absent.length === 0) return relation
  const nulls = absent.flatMap(({ name, physical, written }) =>
    [name, ...(written === undefined ? [] : [written])].map(
      column => `CAST(NULL AS ${physical}) AS ${dialect.identifier(column)}`,
    ),
  )
  const padded = (sql: string) => `(SELECT *, ${nulls.join(', ')} FROM ${sql})`
  return {
    ...relation,
    sql: padded(relation.sql),
    ...(relation.numbered ? { numbered: padded(relation.numbered) } : {}),
  }
}

const typesOf = (dataset: Dataset): ReadonlyMap<string, ColumnType> =>
  new Map(Object.entries(dataset.columns).map(([name, spec]) => [name, spec.type]))

/** Null counts of the footer are those of the file; a column that some cells or texts of it are null in has others. */
function usableFooter({ dataset, checked }: FoundDataset, footer: Footer | undefined): Footer | undefined {
  if (!footer) return undefined
  const changed = (name: string) =>
    checked.has(name) || (dataset.columns[name]?.type === 'text' && nullTexts(dataset, name).length > 0)
  return { rows: footer.rows, nulls: new Map([...footer.nulls].filter(([name]) => !changed(name))) }
}

/** A relation that expectations compare with. */
export interface OpenReference {
  /** SELECT of its rows, which are read if they were not: why, for the plan. */
  rows(because: string): Promise<string>
  readonly measurer: Measurer
}

/** The relations that expectations compare with, each opened and measured once. */
export class References {
  readonly #services: ValidateServices
  readonly #dataset: Dataset
  readonly #opened = new Map<string, Promise<OpenReference | undefined>>()

  readonly #releases: (() => Promise<void>)[] = []
  readonly #sources: OpenSource[] = []

  /** Lets go of what was read into the engine. */
  async release(): Promise<void> {
    for (const release of this.#releases.splice(0)) await release()
  }

  /** Holds the files that were read to what they were. Throws `sourceChanged`. */
  async unchanged(): Promise<void> {
    for (const source of this.#sources) await source.unchanged?.()
  }

  constructor(services: ValidateServices, dataset: Dataset) {
    this.#services = services
    this.#dataset = dataset
  }

  open(reference: Reference): Promise<OpenReference | undefined> {
    const key = canonicalJson(reference)
    const known = this.#opened.get(key)
    if (known) return known
    const opening = this.#open(reference)
    this.#opened.set(key, opening)
    return opening
  }

  async #open(reference: Reference): Promise<OpenReference | undefined> {
    const { snapshot, rowsOf } = this.#services
    const other = 'dataset' in reference ? this.#dataset.related.get(reference.dataset) : this.#dataset
    if (!other) return undefined
    const relation = 'dataset' in reference ? await rowsOf?.(other) : await snapshot?.(reference)
    if (!('dataset' in reference) && !relation) return undefined
    const opened = await openUnread(this.#services, other, relation)
    this.#releases.push(opened.release)
    this.#sources.push(opened.source)
    const measurer = measurerOf(this.#services, opened)
    const rows = async (because: string) => {
      await measurer.ready(because)
      return opened.found.sql
    }
    return { rows, measurer }
  }
}

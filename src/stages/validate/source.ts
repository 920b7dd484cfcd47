import { nullTexts, personalColumns, type Dataset } from '../../define/dataset.ts'
import type { Reference } from '../../define/expectation/rule.ts'
import type { Report } from '../../define/report.ts'
import { isTable, type Source } from '../../define/source.ts'
import { fail } from '../../errors/index.ts'
import { canonicalJson, type Json } from '../../internal/canonical-json.ts'
import { digestJson, type Digest } from '../../internal/digest.ts'
import { ulid } from '../../internal/ids.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Column, ColumnType, DataEngine, Footer, Relation, SourceSpec } from '../../ports/data-engine.ts'
import type { ForeignSource, OpenSourceTable, OpenTable } from '../../ports/table-source.ts'
import { listFiles, sourceFiles, type ListedFile, type SourceFile } from './files.ts'
import type { Measurable } from './measure.ts'
import { Measurer } from './measurer.ts'
import { findDataset, type FoundDataset } from './relation.ts'
import { openRepairs, type Repair, type Repaired } from './repairs.ts'
import type { MetricStates } from './states.ts'

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
  /** Some of its files alone. */
  readonly only?: (parts: readonly number[]) => Promise<OpenSource>
}

/** The files of the source, listed once so that rows keep their numbers through the whole validation. */
async function openSource(services: ValidateServices, dataset: Dataset, given?: GivenSource): Promise<OpenSource> {
  if (given && 'sql' in given) return { relation: given, files: undefined }
  const { root, states } = services
  if (isTable(dataset.source)) return openTable(services, dataset, [])
  const listed: readonly (ListedFile | SourceFile)[] =
    given?.files ?? (states ? await sourceFiles(dataset, root, states.files) : await listFiles(dataset, root))
  if (dataset.source.kind === 'arrow')
    return openTable(
      services,
      dataset,
      listed.map(file => file.path),
    )
  const known = listed.flatMap(file => ('digest' in file ? [file.digest] : []))
  const digests = states && known.length === listed.length ? known : undefined
  return openFiles(services, dataset, listed, digests)
}

/** A table that the engine reads itself, or one that is read into it once; nothing is kept after the validation. */
async function openTable(services: ValidateServices, dataset: Dataset, files: readonly string[]): Promise<OpenSource> {
  const { engine, root, openForeign } = services
  const { source } = dataset
  if (source.kind === 'duckdb') return { relation: await engine.scan(source, root), files: undefined }
  if (!openForeign || !isForeign(source))
    throw fail('sourceUnreadable', { source: source.path, reason: `nothing here reads ${source.kind} sources` })
  const opened = await openForeign(source, files)
  const table = `source_${ulid()}`
  try {
    let relation: Relation | undefined
    for await (const batch of opened.batches(columnsToRead(dataset, opened)))
      relation = await engine.load(table, batch, true)
    relation ??= await engine.load(table, emptyColumns(opened))
    return {
      relation: {
        ...relation,
        label: source.path,
        ...(opened.text ? { text: { unreadable: [], broken: 0 }, described: opened.columns } : {}),
      },
      files: undefined,
      release: () => engine.execute(`DROP TABLE IF EXISTS ${engine.dialect.identifier(table)}`),
    }
  } finally {
    await opened.close()
  }
}

/**
 * What is declared of a table. All of it where it has none of that, for its rows are counted all the same, and where what was
 * read tells which columns there are.
 */
function columnsToRead({ columns }: Dataset, opened: OpenTable): ReadonlySet<string> {
  const names = opened.columns.map(column => column.name)
  const declared = names.filter(name => name in columns)
  return new Set(opened.text && declared.length > 0 ? declared : names)
}

const isForeign = (source: Source): source is ForeignSource =>
  source.kind === 'postgres' || source.kind === 'sqlite' || source.kind === 'arrow'

function emptyColumns({ columns, text }: OpenTable): Column[] {
  return columns.flatMap((column): Column[] => {
    if (text || column.type === 'text') return [{ name: column.name, type: 'text', values: [] }]
    if (column.type === undefined) return []
    const whole = column.type === 'int' || column.type === 'timestamp'
    const values = whole ? new BigInt64Array() : column.type === 'bool' ? new Uint8Array() : new Float64Array()
    return [{ name: column.name, type: column.type, values }]
  })
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
    only: parts => openFiles(services, dataset, some(parts), undefined),
  }
}

/** A source that is open, with its columns as they are declared. */
export interface FoundSource {
  readonly source: OpenSource
  readonly found: FoundDataset
  readonly repaired?: Repaired
  release(): Promise<void>
}

/**
 * Opens a dataset and finds its columns. Text is read once, into a table of the engine that stands until `release`: each
 * look at it would parse it anew. Repaired rows stand in the place of those that they replace.
 */
export async function openFound(
  services: ValidateServices,
  dataset: Dataset,
  given?: GivenSource,
): Promise<FoundSource> {
  const { engine } = services
  const source = await openSource(services, dataset, given)
  const table = engine.dialect.identifier(`read_${ulid()}`)
  let repaired: Repaired | undefined
  const release = async () => {
    await repaired?.release()
    if (source.relation.text) await engine.execute(`DROP TABLE IF EXISTS ${table}`)
    await source.release?.()
  }
  try {
    let found = await findDataset(engine, dataset, source.relation)
    if (source.relation.text) {
      await engine.execute(`CREATE TABLE ${table} AS ${found.numbered}`)
      await requireWhole(engine, table, source.relation)
      const rows = `SELECT * FROM ${table}`
      found = { ...found, sql: rows, numbered: rows }
    }
    repaired = await openRepairs(engine, found, source, (await services.repairs?.(dataset)) ?? [])
    if (!repaired) return { source, found, release }
    const rows = repaired.over(found, source.digests as readonly Digest[])
    return { source, found: { ...found, ...rows }, repaired, release }
  } catch (error) {
    await release()
    throw error
  }
}

/** Rows that were counted when a source was opened and are not among those that were read would pass unseen. */
async function requireWhole(engine: DataEngine, table: string, { rows, label }: Relation): Promise<void> {
  if (rows === undefined) return
  const [read] = await engine.rows(`SELECT count(*) AS n FROM ${table}`)
  if (Number(read?.n) !== rows)
    throw fail('sourceUnreadable', {
      source: label,
      reason: `${rows.toLocaleString('en-US')} rows were counted, but ${Number(read?.n).toLocaleString('en-US')} read: it may have changed meanwhile`,
    })
}

/** A dataset's rows to be measured, and what is known of them from before. */
export function measurerOf(services: ValidateServices, { found, source, repaired }: FoundSource): Measurer {
  const { engine, clock, states } = services
  const { dataset } = found
  const measurable = (of: { sql: string; numbered: string }, from: OpenSource): Measurable => {
    // the metadata of files knows nothing of repairs
    const footer = repaired ? undefined : usableFooter(dataset, from.footer)
    const sample = repaired ? undefined : from.relation.sample
    return {
      sql: of.sql,
      numbered: of.numbered,
      parts: from.files?.length ?? 1,
      ...(footer ? { footer } : {}),
      ...(sample ? { sample: (rows, total) => found.from({ sql: sample(rows, total), label: '' }).sql } : {}),
    }
  }
  const target: Measurable = {
    ...measurable(found, source),
    only: async parts => {
      const part = await (source.only as NonNullable<OpenSource['only']>)(parts)
      const rows = found.from(part.relation)
      const digests = parts.map(i => source.digests?.[i] as Digest)
      return measurable(repaired ? repaired.over(rows, digests) : rows, part)
    },
  }
  const reading = digestJson([
    engine.dialect.name,
    dataset.source,
    dataset.columns,
    dataset.treatAsNull,
    found.present,
  ] as unknown as Json)
  const personal = personalColumns(dataset)
  const parts = repaired?.digests ?? source.digests
  const memory = states && parts ? { states, parts, reading: reading.slice(7, 23), personal } : undefined
  return new Measurer(engine, clock, target, typesOf(dataset), memory)
}

const typesOf = (dataset: Dataset): ReadonlyMap<string, ColumnType> =>
  new Map(Object.entries(dataset.columns).map(([name, spec]) => [name, spec.type]))

/** Null counts of the footer are those of the file; a column whose texts stand for null has others. */
function usableFooter(dataset: Dataset, footer: Footer | undefined): Footer | undefined {
  if (!footer) return undefined
  const changed = (name: string) => dataset.columns[name]?.type === 'text' && nullTexts(dataset, name).length > 0
  return { rows: footer.rows, nulls: new Map([...footer.nulls].filter(([name]) => !changed(name))) }
}

/** The relations that expectations compare with, each opened and measured once. */
export class References {
  readonly #services: ValidateServices
  readonly #dataset: Dataset
  readonly #opened = new Map<string, Promise<{ sql: string; measurer: Measurer } | undefined>>()

  readonly #releases: (() => Promise<void>)[] = []

  /** Lets go of what was read into the engine. */
  async release(): Promise<void> {
    for (const release of this.#releases.splice(0)) await release()
  }

  constructor(services: ValidateServices, dataset: Dataset) {
    this.#services = services
    this.#dataset = dataset
  }

  open(reference: Reference): Promise<{ sql: string; measurer: Measurer } | undefined> {
    const key = canonicalJson(reference)
    const known = this.#opened.get(key)
    if (known) return known
    const opening = this.#open(reference)
    this.#opened.set(key, opening)
    return opening
  }

  async #open(reference: Reference): Promise<{ sql: string; measurer: Measurer } | undefined> {
    const { snapshot, rowsOf } = this.#services
    const other = 'dataset' in reference ? this.#dataset.related.get(reference.dataset) : this.#dataset
    if (!other) return undefined
    const relation = 'dataset' in reference ? await rowsOf?.(other) : await snapshot?.(reference)
    if (!('dataset' in reference) && !relation) return undefined
    const opened = await openFound(this.#services, other, relation)
    this.#releases.push(opened.release)
    return { sql: opened.found.sql, measurer: measurerOf(this.#services, opened) }
  }
}

import type { Dataset } from '../../define/dataset.ts'
import type { Reference } from '../../define/expectation/rule.ts'
import type { Report } from '../../define/report.ts'
import { canonicalJson, type Json } from '../../internal/canonical-json.ts'
import { digestJson, type Digest } from '../../internal/digest.ts'
import type { Clock } from '../../ports/clock.ts'
import type { ColumnType, DataEngine, Footer, Relation } from '../../ports/data-engine.ts'
import { listFiles, sourceFiles, type ListedFile, type SourceFile } from './files.ts'
import type { Measurable } from './measure.ts'
import { Measurer } from './measurer.ts'
import { findDataset, type FoundDataset } from './relation.ts'
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
}

/** Rows to validate instead of the declared source: a relation, or some of its files. */
export type GivenSource = Relation | { readonly files: readonly SourceFile[] }

/** A dataset's rows as they were opened. */
export interface OpenSource {
  readonly relation: Relation
  readonly files: readonly string[] | undefined
  readonly footer?: Footer | undefined
  readonly digests?: readonly Digest[] | undefined
  /** Some of its files alone. */
  readonly only?: (parts: readonly number[]) => Promise<OpenSource>
}

/** The files of the source, listed once so that rows keep their numbers through the whole validation. */
export async function openSource(
  services: ValidateServices,
  dataset: Dataset,
  given?: GivenSource,
): Promise<OpenSource> {
  if (given && 'sql' in given) return { relation: given, files: undefined }
  const { root, states } = services
  const listed: readonly (ListedFile | SourceFile)[] =
    given?.files ?? (states ? await sourceFiles(dataset, root, states.files) : await listFiles(dataset, root))
  const digests = states ? listed.flatMap(file => ('digest' in file ? [file.digest] : [])) : undefined
  return openFiles(services, dataset, listed, digests)
}

async function openFiles(
  services: ValidateServices,
  dataset: Dataset,
  listed: readonly (ListedFile | SourceFile)[],
  digests: readonly Digest[] | undefined,
): Promise<OpenSource> {
  const { engine, root } = services
  const paths = listed.map(file => file.path)
  const relation = await engine.scan(dataset.source, root, paths)
  const footer = dataset.source.kind === 'parquet' ? await engine.footer?.(paths) : undefined
  const some = (parts: readonly number[]) => parts.map(i => listed[i] as SourceFile)
  return {
    relation,
    files: listed.map(file => file.name),
    footer,
    digests,
    only: parts => openFiles(services, dataset, some(parts), undefined),
  }
}

/** A dataset's rows to be measured, and what is known of them from before. */
export function measurerOf(services: ValidateServices, found: FoundDataset, source: OpenSource): Measurer {
  const { engine, clock, states } = services
  const { dataset } = found
  const measurable = (of: { sql: string; numbered: string }, from: OpenSource): Measurable => {
    const footer = usableFooter(dataset, from.footer)
    return { ...of, parts: from.files?.length ?? 1, ...(footer ? { footer } : {}) }
  }
  const target: Measurable = {
    ...measurable(found, source),
    only: async parts => {
      const part = await (source.only as NonNullable<OpenSource['only']>)(parts)
      return measurable(found.from(part.relation), part)
    },
  }
  const reading = digestJson([
    engine.dialect.name,
    dataset.source,
    dataset.columns,
    dataset.treatAsNull,
    found.present,
  ] as unknown as Json)
  const personal = new Set(Object.entries(dataset.columns).flatMap(([name, spec]) => (spec.pii ? [name] : [])))
  const memory =
    states && source.digests ? { states, parts: source.digests, reading: reading.slice(7, 23), personal } : undefined
  return new Measurer(engine, clock, target, typesOf(dataset), memory)
}

const typesOf = (dataset: Dataset): ReadonlyMap<string, ColumnType> =>
  new Map(Object.entries(dataset.columns).map(([name, spec]) => [name, spec.type]))

/** Null counts of the footer are those of the file; a column whose texts stand for null has others. */
function usableFooter(dataset: Dataset, footer: Footer | undefined): Footer | undefined {
  if (!footer) return undefined
  const changed = (name: string) => {
    const spec = dataset.columns[name]
    return spec?.type === 'text' && (spec.treatAsNull ?? dataset.treatAsNull).length > 0
  }
  return { rows: footer.rows, nulls: new Map([...footer.nulls].filter(([name]) => !changed(name))) }
}

/** The relations that expectations compare with, each opened and measured once. */
export class References {
  readonly #services: ValidateServices
  readonly #dataset: Dataset
  readonly #opened = new Map<string, Promise<{ sql: string; measurer: Measurer } | undefined>>()

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
    const { engine, root, snapshot } = this.#services
    const other = 'dataset' in reference ? this.#dataset.related.get(reference.dataset) : this.#dataset
    if (!other) return undefined
    const relation = 'dataset' in reference ? undefined : await snapshot?.(reference)
    if (!('dataset' in reference) && !relation) return undefined
    const source = await openSource(this.#services, other, relation)
    const found = await findDataset(engine, other, root, source.relation)
    return { sql: found.sql, measurer: measurerOf(this.#services, found, source) }
  }
}

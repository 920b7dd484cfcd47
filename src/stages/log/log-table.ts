import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Dataset } from '../../define/dataset.ts'
import { definitionDigest } from '../../define/project.ts'
import { ulid } from '../../internal/ids.ts'
import { makeFolder } from '../../internal/publish.ts'
import type { ArtifactRef, MetadataStore } from '../../ports/metadata-store.ts'
import type { Column, DataEngine } from '../../ports/data-engine.ts'
import type { ArtifactStore } from '../../ports/artifact-store.ts'
import type { Clock } from '../../ports/clock.ts'
import { columnOfValues } from './column.ts'
import { logColumns } from './dataset-rows.ts'
import { DatasetLog } from './dataset-log.ts'
import type { RowVersion } from './row-version.ts'

/** What reading and keeping logs needs. */
export interface LogServices {
  /** `.millrace`. */
  readonly folder: string
  readonly clock: Clock
  readonly store: MetadataStore
  readonly artifacts: ArtifactStore
  engine(): Promise<DataEngine>
}

const batchRows = 50_000

function columnsOf(dataset: Dataset, versions: readonly RowVersion[]): Column[] {
  return [
    ...Object.entries(dataset.columns).map(([name, { type }]) =>
      columnOfValues(
        name,
        type,
        versions.map(({ row }) => row[name] ?? null),
      ),
    ),
    columnOfValues(
      logColumns.place,
      'int',
      versions.map(one => one.seq),
    ),
    columnOfValues(
      logColumns.at,
      'float',
      versions.map(one => one.at),
    ),
    columnOfValues(
      logColumns.known,
      'float',
      versions.map(one => one.known ?? null),
    ),
    columnOfValues(
      logColumns.gone,
      'bool',
      versions.map(one => one.gone),
    ),
  ]
}

export const logFolder = (folder: string, dataset: string): string => join(folder, 'log', dataset)

/** The log of a dataset as a table of the engine. */
export interface LogTable {
  /** SELECT of every version: the dataset's columns and `logColumns`. */
  readonly sql: string
  /** The last place that it has. */
  readonly seq: number
  drop(): Promise<void>
}

/** Loads the log as it is on disk now; undefined where nothing is in it. */
export async function loadLog(
  { folder, clock }: Pick<LogServices, 'folder' | 'clock'>,
  engine: DataEngine,
  dataset: Dataset,
): Promise<LogTable | undefined> {
  const place = logFolder(folder, dataset.name)
  if (!(await DatasetLog.exists(place))) return undefined
  const log = await DatasetLog.open(place, dataset, { clock })
  const name = `log_${ulid()}`
  let seq = 0
  let sql: string | undefined
  const load = async (versions: readonly RowVersion[]): Promise<void> => {
    sql = (await engine.load(name, columnsOf(dataset, versions), sql !== undefined)).sql
  }
  try {
    let batch: RowVersion[] = []
    for await (const version of log.read()) {
      batch.push(version)
      seq = version.seq
      if (batch.length < batchRows) continue
      await load(batch)
      batch = []
    }
    if (batch.length > 0) await load(batch)
  } finally {
    await log.close()
  }
  if (sql === undefined) return undefined
  return {
    sql: `SELECT * FROM ${sql}`,
    seq,
    drop: () => engine.execute(`DROP TABLE IF EXISTS ${engine.dialect.identifier(name)}`),
  }
}

const keptKind = 'log-snapshot'

/**
 * The log of a dataset up to now as a Parquet file among the artifacts, for a run to read: the same log gives the same file. Undefined
 * where nothing is in it.
 */
export async function logArtifact(services: LogServices, dataset: Dataset): Promise<ArtifactRef | undefined> {
  const { store, artifacts, folder, clock } = services
  const engine = await services.engine()
  const table = await loadLog(services, engine, dataset)
  if (!table) return undefined
  try {
    const definition = definitionDigest(dataset)
    const kept = (await store.getDocument(keptKind, dataset.name))?.value as
      | { readonly seq: number; readonly definition: string; readonly ref: ArtifactRef }
      | undefined
    if (kept && kept.seq === table.seq && kept.definition === definition && (await artifacts.has(kept.ref.digest)))
      return kept.ref
    await makeFolder(join(folder, 'log'), 0o700)
    const work = await mkdtemp(join(folder, 'log', '.tmp-'))
    try {
      const path = join(work, 'log.parquet')
      const rows = await engine.writeParquet(`${table.sql} ORDER BY ${logColumns.place}`, path)
      const stored = await artifacts.putFile(path)
      const ref: ArtifactRef = { ...stored, type: 'dataset', meta: { rows, seq: table.seq } }
      await store.putDocument(keptKind, dataset.name, { seq: table.seq, definition, ref: { ...ref } }, clock.now())
      return ref
    } finally {
      await rm(work, { recursive: true, force: true })
    }
  } finally {
    await table.drop()
  }
}

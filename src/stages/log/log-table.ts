import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Dataset } from '../../define/dataset.ts'
import { definitionDigest } from '../../define/project.ts'
import { makeFolder } from '../../internal/publish.ts'
import type { ArtifactRef, MetadataStore } from '../../ports/metadata-store.ts'
import type { DataEngine } from '../../ports/data-engine.ts'
import type { ArtifactStore } from '../../ports/artifact-store.ts'
import type { Clock } from '../../ports/clock.ts'
import { logColumns } from './dataset-rows.ts'
import { columnNames, LoadedVersions, packedSegment } from './packed-segments.ts'
import { segmentsIn } from './segments.ts'

/** What reading and keeping logs needs. */
export interface LogServices {
  /** `.millrace`. */
  readonly folder: string
  readonly clock: Clock
  readonly store: MetadataStore
  readonly artifacts: ArtifactStore
  engine(): Promise<DataEngine>
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

/**
 * The log of a dataset as it is on disk now; undefined where nothing is in it. Complete segments are read as Parquet, made of each
 * once; the last, which grows, as it is written.
 */
export async function loadLog(
  { folder }: Pick<LogServices, 'folder'>,
  engine: DataEngine,
  dataset: Dataset,
): Promise<LogTable | undefined> {
  const place = logFolder(folder, dataset.name)
  const segments = await segmentsIn(place)
  if (segments.length === 0) return undefined
  const loaded = new LoadedVersions(engine, dataset)
  try {
    const packed: string[] = []
    for (const [i, number] of segments.entries()) {
      // An engine elsewhere does not see the files of this machine
      const isPacked = i < segments.length - 1 && !engine.remote
      const rows = isPacked ? await packedSegment(engine, place, number, dataset) : undefined
      if (rows === undefined) await loaded.add(place, number)
      else packed.push(rows)
    }
    const parts = [...packed, ...(loaded.sql === undefined ? [] : [loaded.sql])]
    if (parts.length === 0) return undefined
    const sql = parts.map(one => `SELECT ${columnNames(engine, dataset)} FROM ${one}`).join(' UNION ALL ')
    const [last] = await engine.rows(`SELECT max(${logColumns.place}) AS seq FROM (${sql})`)
    return { sql, seq: Number(last?.seq ?? 0), drop: () => loaded.drop() }
  } catch (error) {
    await loaded.drop()
    throw error
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

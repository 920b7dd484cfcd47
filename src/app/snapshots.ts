import type { Workspace } from '../config/workspace.ts'
import { fail } from '../errors/index.ts'
import type { Digest } from '../internal/digest.ts'
import type { StepRecord } from '../ports/metadata-store.ts'
import { snapshotSql } from '../stages/features/frame.ts'
import { datasetStepName } from '../stages/pipeline/validation.ts'
import type { Dataset } from '../define/dataset.ts'

/** The step that made a snapshot of the project, by its digest or the start of it as `data list` prints it. */
export async function snapshotCalled(
  { project, store }: Pick<Workspace, 'project' | 'store'>,
  given: string,
): Promise<{ readonly dataset: Dataset; readonly made: StepRecord; readonly digest: Digest } | undefined> {
  if (!/^(?:sha256:)?[0-9a-f]{12,64}$/.test(given)) return undefined
  const start = given.replace('sha256:', '')
  for (const dataset of project.datasets.values())
    for (const made of await store.stepHistory(datasetStepName(dataset), 200)) {
      const digest = made.outputs?.data?.digest
      if (digest?.slice(7).startsWith(start)) return { dataset, made, digest }
    }
  return undefined
}

/** Snapshots that were made with a source file of that digest, newest first. */
export async function snapshotsWith(
  { project, store }: Pick<Workspace, 'project' | 'store'>,
  file: string,
): Promise<readonly Digest[]> {
  const found = new Set<Digest>()
  for (const dataset of project.datasets.values()) {
    const reports = await store.listReports({ kind: 'validation', subject: dataset.name, limit: 1000 })
    const runs = new Set<string | undefined>(
      reports.flatMap(({ runId, evidence: { files } }) =>
        runId !== undefined && Array.isArray(files) && files.includes(file) ? [runId] : [],
      ),
    )
    for (const { runId, reusedFrom, outputs } of await store.stepHistory(datasetStepName(dataset), 1000))
      if (outputs?.data && (runs.has(runId) || (reusedFrom !== undefined && runs.has(reusedFrom))))
        found.add(outputs.data.digest)
  }
  return [...found]
}

export interface Snapshot {
  readonly digest: Digest
  /** SELECT of its rows with `millrace_seq`. */
  readonly sql: string
  /** Newest event, microseconds. */
  readonly newest: number
  readonly rows: number
}

/** Snapshots of a dataset that were ever made, newest first. */
export async function snapshotsOf({ store }: Pick<Workspace, 'store'>, dataset: Dataset): Promise<readonly Digest[]> {
  return (await store.stepHistory(datasetStepName(dataset), 50)).flatMap(one => one.outputs?.data?.digest ?? [])
}

/** The newest accepted snapshot of a dataset, or the one of that digest. Throws `sourceUnreadable` when it was never validated. */
export async function newestSnapshot(workspace: Workspace, dataset: Dataset, wanted?: Digest): Promise<Snapshot> {
  const digest = wanted ?? (await snapshotsOf(workspace, dataset))[0]
  if (!digest)
    throw fail('sourceUnreadable', {
      source: `the snapshot of ${dataset.name}`,
      reason: 'it was never made: run "millrace train" first',
    })
  const engine = await workspace.engine()
  const sql = await snapshotSql(engine, await workspace.artifacts.localPath(digest))
  const { eventTime } = dataset
  const event = eventTime === undefined ? 'NULL' : engine.dialect.epochMicros(engine.dialect.identifier(eventTime))
  const [row] = await engine.rows(`SELECT max(${event}) AS newest, count(*) AS n FROM (${sql})`)
  return { digest, sql, newest: Number(row?.newest ?? 0), rows: Number(row?.n) }
}

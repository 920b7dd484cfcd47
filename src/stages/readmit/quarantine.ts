import type { Dataset } from '../../define/dataset.ts'
import { fail } from '../../errors/index.ts'
import type { ArtifactRef, StepRecord } from '../../ports/metadata-store.ts'
import type { Relation } from '../../ports/data-engine.ts'
import type { StageServices } from '../services.ts'
import { datasetStepName } from '../pipeline/validation.ts'

/** Rows that a snapshot set aside. */
export interface Quarantine {
  readonly ref: ArtifactRef
  readonly made: StepRecord
  /** Failing rows with their file, place, checks, reasons, and whether they were accepted. */
  readonly rows: Relation
}

/** What the newest snapshot of a dataset, made or refused, set aside. Throws `nothingQuarantined`. */
export async function newestQuarantine(services: StageServices, dataset: Dataset): Promise<Quarantine> {
  const made = (await services.store.stepHistory(datasetStepName(dataset), 50)).find(step => step.outputs?.report)
  const ref = made?.outputs?.quarantine
  if (!made || !ref)
    throw fail('nothingQuarantined', {
      dataset: dataset.name,
      reason: made ? 'its newest snapshot set no row aside' : 'it has no snapshot yet',
    })
  const engine = await services.engine()
  const path = await services.artifacts.localPath(ref.digest)
  return { ref, made, rows: await engine.scan({ kind: 'parquet', path }, services.root) }
}

/** Reasons with the number of rows, most frequent first. `accepted`: rows that stay in the snapshot nevertheless. */
export async function reasonsOf(
  services: StageServices,
  rows: string,
): Promise<readonly { readonly reason: string; readonly rows: number; readonly accepted: number }[]> {
  const engine = await services.engine()
  const found = await engine.rows(
    `SELECT reason, count(*) AS n, count_if(millrace_accepted) AS accepted FROM (SELECT unnest(millrace_reasons) AS reason, millrace_accepted FROM ${rows}) GROUP BY reason ORDER BY n DESC, reason`,
  )
  return found.map(row => ({ reason: String(row.reason), rows: Number(row.n), accepted: Number(row.accepted) }))
}

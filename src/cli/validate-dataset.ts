import { mkdir, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Workspace } from '../config/workspace.ts'
import type { Dataset } from '../define/dataset.ts'
import type { Report } from '../define/report.ts'
import { ulid } from '../internal/ids.ts'
import { publishFile } from '../internal/publish.ts'
import { validationServices } from '../stages/pipeline/validation.ts'
import { protect } from '../stages/protect/envelope.ts'
import type { GivenSource } from '../stages/validate/validate.ts'
import { validate, type Validation } from '../stages/validate/validate.ts'

/**
 * Keeps every failing row of a validation below `.millrace/quarantine`: as Parquet, or sealed under the dataset's key where
 * it says one. Gives the report with the place.
 */
async function keepFailures(workspace: Workspace, dataset: Dataset, { report, split }: Validation): Promise<Report> {
  if (!split.bad) return report
  const engine = await workspace.engine()
  const path = join(workspace.folder, 'quarantine', `${dataset.name}.parquet`)
  await mkdir(dirname(path), { recursive: true })
  const rows = await engine.writeParquet(split.bad, path)
  const { encryptWith } = dataset
  let place = path
  if (encryptWith !== undefined) {
    const { artifacts, project } = workspace
    const bytes = await readFile(path)
    await rm(path)
    const envelope = await protect(
      { artifacts, keys: await workspace.keys(), principal: 'validate' },
      bytes,
      encryptWith,
      { project: project.name, kind: 'quarantine', oid: ulid() },
    )
    place = join(workspace.folder, 'quarantine', `${dataset.name}.sealed.json`)
    await publishFile(place, JSON.stringify(envelope))
  }
  const checks = report.checks.map(check => (check.bad > 0 && check.sample ? { ...check, failuresUri: place } : check))
  return { ...report, checks, evidence: { ...report.evidence, quarantineFile: place, quarantined: rows } }
}

/** Validates a dataset of the project, keeps its failing rows and its report. Failing rows are readable until `release`. */
export async function validateDataset(
  workspace: Workspace,
  dataset: Dataset,
  source?: GivenSource,
): Promise<Validation> {
  const validation = await validate(await validationServices(workspace, dataset), dataset, source)
  try {
    const report = await keepFailures(workspace, dataset, validation)
    await workspace.store.addReport(report)
    return { ...validation, report }
  } catch (error) {
    await validation.release()
    throw error
  }
}

import type { Workspace } from '../config/workspace.ts'
import type { Report } from '../define/report.ts'
import { datasetOf } from './dataset-of.ts'
import type { Listener } from './use-case.ts'
import { validateDataset } from './validate-dataset.ts'

export interface ValidateInput {
  readonly dataset: string
  /** Whether failing rows are kept below `.millrace/quarantine` (default true). */
  readonly keepRows?: boolean | undefined
}

/** Checks one dataset against its expectations. Of one that cannot be read the report says so. */
export async function validateOne(workspace: Workspace, input: ValidateInput, listener: Listener): Promise<Report> {
  const dataset = datasetOf(workspace, input.dataset)
  listener.say(`reading ${dataset.source.path}`)
  const validated = await validateDataset(workspace, dataset, { part: undefined, keepRows: input.keepRows ?? true })
  if ('validation' in validated) await validated.validation.release()
  return validated.report
}

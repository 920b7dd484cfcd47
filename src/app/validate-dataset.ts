import type { Workspace } from '../config/workspace.ts'
import type { Dataset } from '../define/dataset.ts'
import type { Report } from '../define/report.ts'
import { isMillraceError, type MillraceError } from '../errors/index.ts'
import type { Json } from '../internal/canonical-json.ts'
import { keepFailuresIfAllowed } from '../stages/pipeline/keep-failures.ts'
import { endedRepairs, type EndedRepairs } from '../stages/readmit/ended.ts'
import { validationServices } from '../stages/pipeline/validation.ts'
import { unreadableReport } from '../stages/validate/unreadable.ts'
import { validate, type Validation } from '../stages/validate/validate.ts'

/** The report with the place of its failing rows, or with why they have none. */
async function withFailures(workspace: Workspace, dataset: Dataset, validation: Validation): Promise<Report> {
  const { report, failing } = validation
  if (!failing) return report
  const kept = await keepFailuresIfAllowed(workspace, dataset, failing.sql)
  if ('unkept' in kept) return { ...report, evidence: { ...report.evidence, quarantineUnkept: kept.unkept } }
  const { file } = kept
  const checks = report.checks.map(check => (failing.checks.has(check.id) ? { ...check, failuresUri: file } : check))
  return { ...report, checks, evidence: { ...report.evidence, quarantineFile: file } }
}

export interface ValidateOptions {
  /** What part of the dataset's checks it is, in words. */
  readonly part?: string | undefined
  /** Whether failing rows are kept below `.millrace/quarantine`. */
  readonly keepRows: boolean
}

/** What came of a dataset: `validation` where it could be read, else what stood in the way. */
export type DatasetOutcome =
  | { readonly report: Report; readonly validation: Validation; readonly ended: readonly EndedRepairs[] }
  | { readonly report: Report; readonly error: MillraceError }

/**
 * Validates a dataset of the project, keeps its failing rows as the options say, and its report. Failing rows are readable
 * until the validation is released. One that cannot be read has a report that says so.
 */
export async function validateDataset(
  workspace: Workspace,
  dataset: Dataset,
  { part, keepRows }: ValidateOptions,
): Promise<DatasetOutcome> {
  const { clock, root, store } = workspace
  let validation: Validation | undefined
  try {
    validation = await validate(await validationServices(workspace, dataset), dataset)
    const whole = keepRows ? await withFailures(workspace, dataset, validation) : validation.report
    const ended = await endedRepairs(workspace, dataset)
    const report = {
      ...whole,
      evidence: {
        ...whole.evidence,
        ...(part === undefined ? {} : { part }),
        ...(ended.length === 0 ? {} : { endedRepairs: ended as unknown as Json }),
      },
    }
    await store.addReport(report)
    return { report, validation, ended }
  } catch (error) {
    await validation?.release()
    if (validation || !isMillraceError(error)) throw error
    const report = unreadableReport(dataset, error, clock.now(), root)
    await store.addReport(report)
    return { report, error }
  }
}

import type { Workspace } from '../config/workspace.ts'
import type { Dataset } from '../define/dataset.ts'
import type { Report } from '../define/report.ts'
import type { Json } from '../internal/canonical-json.ts'
import { keepFailures } from '../stages/pipeline/keep-failures.ts'
import { endedRepairs, type EndedRepairs } from '../stages/readmit/ended.ts'
import { validationServices } from '../stages/pipeline/validation.ts'
import { validate, type Validation } from '../stages/validate/validate.ts'

/** The report with the place of its failing rows. */
async function withFailures(workspace: Workspace, dataset: Dataset, validation: Validation): Promise<Report> {
  const { report, failing } = validation
  if (!failing) return report
  const { file, rows } = await keepFailures(workspace, dataset, failing.sql)
  const checks = report.checks.map(check => (failing.checks.has(check.id) ? { ...check, failuresUri: file } : check))
  return { ...report, checks, evidence: { ...report.evidence, quarantineFile: file, quarantined: rows } }
}

export interface ValidateOptions {
  /** What part of the dataset's checks it is, in words. */
  readonly part?: string | undefined
  /** Whether failing rows are kept below `.millrace/quarantine`. */
  readonly keepRows: boolean
}

/**
 * Validates a dataset of the project, keeps its failing rows as the options say, and its report. Failing rows are readable
 * until `release`.
 */
export async function validateDataset(
  workspace: Workspace,
  dataset: Dataset,
  { part, keepRows }: ValidateOptions,
): Promise<Validation & { readonly ended: readonly EndedRepairs[] }> {
  const validation = await validate(await validationServices(workspace, dataset), dataset)
  try {
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
    await workspace.store.addReport(report)
    return { ...validation, report, ended }
  } catch (error) {
    await validation.release()
    throw error
  }
}

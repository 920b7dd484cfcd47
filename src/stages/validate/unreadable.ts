import type { Dataset } from '../../define/dataset.ts'
import { overallStatus, type CheckResult, type Report } from '../../define/report.ts'
import type { MillraceError } from '../../errors/index.ts'
import { ulid } from '../../internal/ids.ts'
import type { Micros } from '../../internal/time.ts'

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`)

/** The one check of what could not be read. */
export function sourceCheck(
  dataset: Dataset,
  told: { readonly threshold: string; readonly message: string; readonly error: string },
): CheckResult {
  return {
    id: 'source',
    kind: 'source',
    target: { dataset: dataset.name },
    severity: 'critical',
    status: 'error',
    observed: {},
    evaluated: 0,
    bad: 0,
    ...told,
  }
}

/**
 * The report of a dataset that could not be read: one check `source` in status `error`, which says why and what to do.
 * Paths below `root` are told relative to it.
 */
export function unreadableReport(dataset: Dataset, error: MillraceError, at: Micros, root: string): Report {
  const told = (text: string): string => text.replaceAll(`${root}/`, '')
  const reason = told(error.message)
  const message = `${sentence(reason)} ${sentence(told(error.hint))} (${error.code})`
  const check = sourceCheck(dataset, { threshold: 'a source that can be read', message, error: reason })
  return {
    id: ulid(),
    kind: 'validation',
    subject: dataset.name,
    at,
    status: overallStatus([check]),
    checks: [check],
    evidence: { source: dataset.source.path, code: error.code },
  }
}

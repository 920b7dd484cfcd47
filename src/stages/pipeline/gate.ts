import type { Dataset } from '../../define/dataset.ts'
import type { Decision } from '../../define/decision.ts'
import type { CheckResult, Report } from '../../define/report.ts'
import { ulid } from '../../internal/ids.ts'

/** Largest share of rows that quarantine may take of a batch that fails, before the whole is refused. */
const mostQuarantined = 0.01

const count = (rows: number): string => rows.toLocaleString('en-US')

/** What is let pass or refused: a file where one is to join, else the dataset. */
function subjectOf({ evidence: { file, source } }: Report, { name }: Dataset): string {
  return file !== undefined && typeof source === 'string' ? `file ${source}` : name
}

/** The first of what failed, and how many there are besides. */
function firstOf([first, ...others]: readonly CheckResult[]): string {
  return `${first?.message ?? ''}${others.length === 0 ? '' : ` (and ${count(others.length)} more)`}`
}

function reasonOf(
  subject: string,
  verdict: 'passed' | 'quarantined' | 'refused',
  { rows, quarantined, checks }: { readonly rows: number; readonly quarantined: number; readonly checks: number },
  failed: readonly CheckResult[],
  whole: readonly CheckResult[],
): string {
  const aside = `${count(quarantined)} of ${count(rows)} rows were set aside`
  if (verdict === 'passed') return `all ${checks} checks of ${subject} hold`
  if (verdict === 'quarantined')
    return failed[0]
      ? `${aside}; the others are accepted: ${firstOf(failed)}`
      : `${aside}, no more than their checks tolerate; the others are accepted`
  const firstly = [...whole, ...failed.filter(check => !whole.includes(check))]
  if (rows === 0 && !failed.some(check => check.status === 'error' || check.kind === 'schema'))
    return `${subject} is refused: it has no rows`
  if (whole.length > 0) return `${subject} is refused: ${firstOf(firstly)}`
  const share = rows === 0 ? 1 : quarantined / rows
  return `${subject} is refused: ${(100 * share).toFixed(1)} % of its rows are bad: ${firstOf(firstly)}`
}

/** What the gate looks at: critical checks that failed, and those of them that no setting aside of rows mends. */
function failedChecks({ checks }: Report, { expectations }: Dataset) {
  const failed = checks.filter(
    check => check.status === 'error' || (check.status === 'fail' && check.severity === 'critical'),
  )
  const rowLevel = new Set(expectations.filter(one => one.limits !== undefined).map(one => one.id))
  return { failed, whole: failed.filter(check => !rowLevel.has(check.id) || check.status === 'error') }
}

/** Whether what the gate refuses is refused for its bad rows, and for nothing else. */
export const refusedForRows = (report: Report, dataset: Dataset): boolean =>
  failedChecks(report, dataset).whole.length === 0

/**
 * The gate between data and everything that uses it: passes when nothing critical fails, or when what fails are rows
 * that can be set aside and they are few. Bad rows that a check tolerates are set aside all the same.
 */
export function gate(report: Report, dataset: Dataset, rows: number, quarantined: number, at: number): Decision {
  const { failed, whole } = failedChecks(report, dataset)
  const share = rows === 0 ? 1 : quarantined / rows
  const refused = failed.length > 0 && (whole.length > 0 || !dataset.quarantine || share > mostQuarantined)
  const verdict = refused ? 'refused' : failed.length > 0 || quarantined > 0 ? 'quarantined' : 'passed'
  return {
    id: ulid(),
    kind: verdict === 'quarantined' ? 'quarantine' : 'gate',
    subject: `dataset ${dataset.name}`,
    at,
    verdict,
    reason: reasonOf(
      subjectOf(report, dataset),
      verdict,
      { rows, quarantined, checks: report.checks.length },
      failed,
      whole,
    ),
    rule: { name: 'validation gate', threshold: mostQuarantined, statistic: 'quarantined share', value: share },
    inputs: { rows, quarantined, failed: failed.map(check => check.id) },
    evidence: [report.id],
    actor: 'system',
  }
}

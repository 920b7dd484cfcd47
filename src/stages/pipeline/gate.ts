import type { Dataset } from '../../define/dataset.ts'
import { staysOut } from '../../define/expectation/quarantine.ts'
import type { Decision } from '../../define/decision.ts'
import type { CheckResult, Report } from '../../define/report.ts'
import { ulid } from '../../internal/ids.ts'

/** Largest share of rows that may break critical checks that fail, before the whole is refused. */
const maxFailedShare = 0.01

export interface GateRows {
  readonly rows: number
  /** Rows that stay out of snapshots. */
  readonly quarantined: number
  /** Rows that break a critical check that failed. */
  readonly failed: number
}

const count = (rows: number): string => rows.toLocaleString('en-US')

/** What is let pass or refused: a file where one is to join, else the dataset. */
function subjectOf({ evidence: { file, source } }: Report, { name }: Dataset): string {
  return file !== undefined && typeof source === 'string' ? `file ${source}` : name
}

/** What failed of most rows, and how many there are besides. */
function worstOf(failed: readonly CheckResult[]): string {
  const [first, ...others] = failed.toSorted((a, b) => b.bad - a.bad)
  return `${first?.message ?? ''}${others.length === 0 ? '' : ` (and ${count(others.length)} more)`}`
}

function reasonOf(
  subject: string,
  verdict: 'passed' | 'quarantined' | 'refused',
  { rows, quarantined, failed: failedRows, checks }: GateRows & { readonly checks: number },
  failed: readonly CheckResult[],
  whole: readonly CheckResult[],
): string {
  const aside = `${count(quarantined)} of ${count(rows)} rows go to quarantine`
  if (verdict === 'passed') return `all ${checks} checks of ${subject} hold`
  if (verdict === 'quarantined')
    return failed[0]
      ? `${aside}; the others are accepted: ${worstOf(failed)}`
      : `${aside}, as their checks ask although they tolerate them; the others are accepted`
  if (rows === 0 && !failed.some(check => check.status === 'error' || check.kind === 'schema'))
    return `${subject} is refused: it has no rows`
  const others = failed.filter(check => !whole.includes(check)).length
  if (whole[0])
    return `${subject} is refused: ${whole[0].message}${whole.length + others > 1 ? ` (and ${count(whole.length + others - 1)} more)` : ''}`
  const bad = `${count(failedRows)} of ${count(rows)} rows (${(100 * (failedRows / rows)).toFixed(1)} %) are bad`
  return `${subject} is refused: ${bad}: ${worstOf(failed)}`
}

/** What the gate looks at: critical checks that failed, and those of them that leaving rows out does not mend. */
function failedChecks({ checks }: Report, dataset: Dataset) {
  const failed = checks.filter(
    check => check.status === 'error' || (check.status === 'fail' && check.severity === 'critical'),
  )
  const leftOut = dataset.expectations.filter(one => one.limits !== undefined && staysOut(one, dataset, true))
  const mended = new Set(leftOut.map(one => one.id))
  return { failed, whole: failed.filter(check => !mended.has(check.id) || check.status === 'error') }
}

/** Whether what the gate refuses is refused for its bad rows, and for nothing else. */
export const refusedForRows = (report: Report, dataset: Dataset): boolean =>
  failedChecks(report, dataset).whole.length === 0

/**
 * The gate between data and everything that uses it: passes when nothing critical fails, or when what fails are rows that
 * stay out of the snapshot and they are few.
 */
export function gate(report: Report, dataset: Dataset, counts: GateRows, at: number): Decision {
  const { rows, quarantined } = counts
  const { failed, whole } = failedChecks(report, dataset)
  const share = rows === 0 ? 1 : counts.failed / rows
  const refused = failed.length > 0 && (whole.length > 0 || share > maxFailedShare)
  const verdict = refused ? 'refused' : failed.length > 0 || quarantined > 0 ? 'quarantined' : 'passed'
  return {
    id: ulid(),
    kind: verdict === 'quarantined' ? 'quarantine' : 'gate',
    subject: `dataset ${dataset.name}`,
    at,
    verdict,
    reason: reasonOf(subjectOf(report, dataset), verdict, { ...counts, checks: report.checks.length }, failed, whole),
    rule: {
      name: 'validation gate',
      threshold: maxFailedShare,
      statistic: 'share of rows that break failed checks',
      value: share,
    },
    inputs: { rows, quarantined, failed: failed.map(check => check.id) },
    evidence: [report.id],
    actor: 'system',
  }
}

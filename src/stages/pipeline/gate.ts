import type { Dataset } from '../../define/dataset.ts'
import type { Decision } from '../../define/decision.ts'
import type { CheckResult, Report } from '../../define/report.ts'
import { ulid } from '../../internal/ids.ts'

/** Largest share of rows that quarantine may take of a batch that fails, before the whole is refused. */
const mostQuarantined = 0.01

const count = (rows: number): string => rows.toLocaleString('en-US')

function reasonOf(
  dataset: Dataset,
  verdict: 'passed' | 'quarantined' | 'refused',
  { rows, quarantined, checks }: { readonly rows: number; readonly quarantined: number; readonly checks: number },
  failed: readonly CheckResult[],
  whole: readonly CheckResult[],
): string {
  const aside = `${count(quarantined)} of ${count(rows)} rows were set aside`
  if (verdict === 'passed') return `all ${checks} checks of ${dataset.name} hold`
  if (verdict === 'quarantined')
    return failed[0]
      ? `${aside}; the others are accepted (${failed[0].message})`
      : `${aside}, no more than their checks tolerate; the others are accepted`
  if (whole[0]) return `${dataset.name} is refused: ${whole[0].message}`
  const share = rows === 0 ? 1 : quarantined / rows
  return `${dataset.name} is refused: ${(100 * share).toFixed(1)} % of its rows are bad (${failed[0]?.message ?? ''})`
}

/**
 * The gate between data and everything that uses it: passes when nothing critical fails, or when what fails are rows
 * that can be set aside and they are few. Bad rows that a check tolerates are set aside all the same.
 */
export function gate(report: Report, dataset: Dataset, rows: number, quarantined: number, at: number): Decision {
  const failed = report.checks.filter(
    check => check.status === 'error' || (check.status === 'fail' && check.severity === 'critical'),
  )
  const rowLevel = new Set(dataset.expectations.filter(one => one.limits !== undefined).map(one => one.id))
  const whole = failed.filter(check => !rowLevel.has(check.id) || check.status === 'error')
  const share = rows === 0 ? 1 : quarantined / rows
  const refused = failed.length > 0 && (whole.length > 0 || !dataset.quarantine || share > mostQuarantined)
  const verdict = refused ? 'refused' : failed.length > 0 || quarantined > 0 ? 'quarantined' : 'passed'
  return {
    id: ulid(),
    kind: verdict === 'quarantined' ? 'quarantine' : 'gate',
    subject: `dataset ${dataset.name}`,
    at,
    verdict,
    reason: reasonOf(dataset, verdict, { rows, quarantined, checks: report.checks.length }, failed, whole),
    rule: { name: 'validation gate', threshold: mostQuarantined, statistic: 'quarantined share', value: share },
    inputs: { rows, quarantined, failed: failed.map(check => check.id) },
    evidence: [report.id],
    actor: 'system',
  }
}

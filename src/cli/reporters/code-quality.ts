import type { CheckResult, Report } from '../../define/report.ts'
import { examplesOf } from './examples.ts'
import {
  findingPlaceOf,
  fingerprintOf,
  headingOf,
  outcomeOf,
  worstFirst,
  type Outcome,
  type RenderOptions,
} from './subject.ts'

/** GitLab's words; what passed or was skipped is no finding. */
const severities: Record<Outcome, string | undefined> = {
  error: 'blocker',
  fail: 'critical',
  warn: 'minor',
  info: 'info',
  skipped: undefined,
  pass: undefined,
}

function finding(report: Report, check: CheckResult, options: RenderOptions): object[] {
  const severity = severities[outcomeOf(check)]
  if (severity === undefined) return []
  const { file, line } = findingPlaceOf(check, options)
  return [
    {
      description: `${headingOf(report)}: ${check.message}${examplesOf(check, options)}`,
      check_name: `${report.kind}/${check.kind}`,
      fingerprint: fingerprintOf(report, check),
      severity,
      location: { path: file, lines: { begin: line } },
    },
  ]
}

/** GitLab's code quality report, as Code Climate defined it: merge requests show each finding on the line of its declaration. */
export function render(reports: readonly Report[], options: RenderOptions = {}): string {
  const findings = reports.flatMap(report =>
    worstFirst(report.checks).flatMap(check => finding(report, check, options)),
  )
  return `${JSON.stringify(findings, null, 2)}\n`
}

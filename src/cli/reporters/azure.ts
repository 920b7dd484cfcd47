import type { CheckResult, Report } from '../../define/report.ts'
import { examplesOf } from './examples.ts'
import { headingOf, outcomeOf, repositoryPlaceOf, titleOf, worstFirst, type RenderOptions } from './subject.ts'

/** Azure knows errors and warnings. What only tells is in the summary: printed as text, it could hold a command. */
const types = {
  error: 'error',
  fail: 'error',
  warn: 'warning',
  info: undefined,
  skipped: undefined,
  pass: undefined,
} as const

/** A logging command ends at a line break or `]`; `%AZP25` is how it writes `%`. */
export function azureText(text: string): string {
  return text
    .replace(/%/g, '%AZP25')
    .replace(/\r/g, '%0D')
    .replace(/\n/g, '%0A')
    .replace(/\]/g, '%5D')
    .replace(/;/g, '%3B')
}

function issue(report: Report, check: CheckResult, options: RenderOptions): string {
  const type = types[outcomeOf(check)]
  if (type === undefined) return ''
  const place = repositoryPlaceOf(check, options)
  const properties = [
    `type=${type}`,
    ...(place ? [`sourcepath=${azureText(place.file)}`, `linenumber=${place.line}`] : []),
  ]
  return `##vso[task.logissue ${properties.join(';')}]${azureText(`${headingOf(report)}: ${titleOf(check)}: ${check.message}${examplesOf(check, options)}`)}\n`
}

/** Azure's logging commands, one for each check that did not pass: the build's page lists them with their lines. */
export function render(reports: readonly Report[], options: RenderOptions = {}): string {
  const lines = reports.flatMap(report => worstFirst(report.checks).map(check => issue(report, check, options)))
  return lines.join('')
}

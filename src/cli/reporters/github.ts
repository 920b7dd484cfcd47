import { quarantineSentence, type CheckResult, type Report } from '../../define/report.ts'
import { examplesOf } from './examples.ts'
import { headingOf, outcomeOf, repositoryPlaceOf, titleOf, worstFirst, type RenderOptions } from './subject.ts'

const commands = {
  error: 'error',
  fail: 'error',
  warn: 'warning',
  info: 'notice',
  skipped: undefined,
  pass: undefined,
} as const

/** Workflow commands end at a line break; `%` starts their escapes. */
function data(text: string): string {
  return text.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A')
}

function property(text: string): string {
  return data(text).replace(/:/g, '%3A').replace(/,/g, '%2C')
}

function annotation(report: Report, check: CheckResult, options: RenderOptions): string[] {
  const command = commands[outcomeOf(check)]
  if (command === undefined) return []
  const place = repositoryPlaceOf(check, options)
  const properties = [
    ...(place ? [`file=${property(place.file)}`, `line=${place.line}`] : []),
    `title=${property(`${headingOf(report)}: ${titleOf(check)}`)}`,
  ]
  return [`::${command} ${properties.join(',')}::${data(check.message + examplesOf(check, options))}`]
}

/** GitHub annotations, one line for each check that did not pass, the worst first: only ten of a step are shown. */
export function render(reports: readonly Report[], options: RenderOptions = {}): string {
  const lines = reports.flatMap(report =>
    worstFirst(report.checks).flatMap(check => annotation(report, check, options)),
  )
  for (const report of reports) {
    const left = quarantineSentence(report)
    if (left !== undefined) lines.push(`::notice title=${property(`${headingOf(report)}: quarantine`)}::${data(left)}`)
  }
  return lines.map(line => `${line}\n`).join('')
}

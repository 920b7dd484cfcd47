import { formatTime } from '../../internal/time.ts'
import { quarantineSentence, type CheckResult, type Report } from '../../define/report.ts'
import {
  headingOf,
  observedText,
  outcomeOf,
  repositoryPlaceOf,
  repositoryPlaceText,
  sourceOf,
  titleOf,
  valuesOf,
  type RenderOptions,
} from './subject.ts'

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\n': '&#10;' }

/** XML 1.0 has no way to write most control characters and lone surrogates: they become readable escapes. */
function xml(text: string): string {
  return text
    .replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd')
    .replace(
      // oxlint-disable-next-line no-control-regex
      /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\ufffe\uffff]/g,
      found => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
    .replace(/[&<>"\n]/g, found => entities[found] as string)
}

function attributes(values: Readonly<Record<string, string | number | undefined>>): string {
  return Object.entries(values)
    .map(([name, value]) => (value === undefined ? '' : ` ${name}="${xml(String(value))}"`))
    .join('')
}

function explanation(check: CheckResult, options: RenderOptions): string {
  const place = repositoryPlaceText(check, options)
  const lines = [
    check.message,
    `observed: ${observedText(check) || 'nothing'} (${check.bad} bad of ${check.evaluated})`,
    `expected: ${check.threshold || 'to be evaluated'}`,
    ...(check.error ? [`error: ${check.error}`] : []),
    ...(check.distinctBad ?? []).map(({ value, count }) => `bad value: ${JSON.stringify(value)} ×${count}`),
    ...(check.sample ?? []).slice(0, 5).map(row => {
      const source = sourceOf(row, options.folder)
      return `bad row: ${JSON.stringify(valuesOf(row))}${source ? ` at ${source}` : ''}`
    }),
    ...(check.failuresUri ? [`all bad rows: ${check.failuresUri}`] : []),
    ...(place ? [`declared at ${place}`] : []),
  ]
  return lines.map(xml).join('\n')
}

function testcase(report: Report, check: CheckResult, options: RenderOptions): string {
  const head = attributes({
    classname: `${report.kind}.${report.subject}`,
    name: `${titleOf(check)} [${check.id}]`,
    time: ((check.durationMs ?? 0) / 1000).toFixed(3),
    file: repositoryPlaceOf(check, options)?.file,
  })
  const outcome = outcomeOf(check)
  if (outcome === 'pass') return `    <testcase${head}/>`
  const text = explanation(check, options)
  const inner = {
    fail: `<failure${attributes({ message: check.message, type: check.kind })}>${text}</failure>`,
    error: `<error${attributes({ message: check.message, type: check.kind })}>${text}</error>`,
    skipped: `<skipped${attributes({ message: check.message })}/>`,
    // What does not fail the whole passes, and says so where test viewers show it.
    info: `<system-out>info: ${text}</system-out>`,
    warn: `<system-out>warning: ${text}</system-out>`,
  }[outcome]
  return `    <testcase${head}>\n      ${inner}\n    </testcase>`
}

function counts(reports: readonly Report[]): Record<string, string | number> {
  const checks = reports.flatMap(report => report.checks)
  const count = (outcome: string): number => checks.filter(check => outcomeOf(check) === outcome).length
  const milliseconds = checks.reduce((sum, check) => sum + (check.durationMs ?? 0), 0)
  return {
    tests: checks.length,
    failures: count('fail'),
    errors: count('error'),
    skipped: count('skipped'),
    time: (milliseconds / 1000).toFixed(3),
  }
}

/** JUnit XML: a suite a report, a case a check. A broken warning or info passes with its text in `system-out`. */
export function render(reports: readonly Report[], options: RenderOptions = {}): string {
  const suites = reports.map(report => {
    const head = attributes({
      name: headingOf(report),
      id: report.id,
      timestamp: formatTime(report.at).replace(/(?:\.\d+)?Z$/, ''),
      ...counts([report]),
    })
    const cases = report.checks.map(check => testcase(report, check, options))
    const left = quarantineSentence(report)
    const note = left === undefined ? [] : [`    <system-out>${xml(left)}</system-out>`]
    return [`  <testsuite${head}>`, ...cases, ...note, '  </testsuite>'].join('\n')
  })
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${attributes({ name: 'millrace', ...counts(reports) })}>`,
    ...suites,
    '</testsuites>',
    '',
  ].join('\n')
}

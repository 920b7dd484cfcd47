import { quarantineSentence, type CheckResult, type Report } from '../../define/report.ts'
import { counted } from '../words.ts'
import { comparisonRows, comparisonSummary } from './comparison.ts'
import {
  countOf,
  headingOf,
  observedText,
  outcomeOf,
  repositoryPlaceText,
  shown,
  sourcesOf,
  titleOf,
  worstFirst,
  type Outcome,
  type RenderOptions,
} from './subject.ts'

/** A step summary beyond 1,024 KiB is refused whole; the rest is for what others append. */
const maxBytes = 1000 * 1024

const marks: Record<Outcome, string> = { error: '❌', fail: '❌', warn: '⚠️', info: 'ℹ️', skipped: '⏭️', pass: '✅' }

/** Inside a table cell: nothing from data becomes markup. */
function cell(text: string): string {
  return shown(text)
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/[\\`*_[\]|~#@!]/g, found => `&#${found.charCodeAt(0)};`)
}

function row(check: CheckResult, options: RenderOptions): string {
  const place = repositoryPlaceText(check, options)
  const sources = sourcesOf(check, 3, options.folder)
  const cells = [
    marks[outcomeOf(check)],
    cell(titleOf(check)),
    cell(check.message) + (sources ? `<br>at ${cell(sources)}` : '') + (place ? `<br><sub>${cell(place)}</sub>` : ''),
    cell(observedText(check)),
    cell(check.threshold),
  ]
  return `| ${cells.join(' | ')} |`
}

function section(report: Report, options: RenderOptions): string[] {
  const broken = worstFirst(report.checks).filter(check => outcomeOf(check) !== 'pass')
  const left = quarantineSentence(report)
  const passed = report.checks.length - broken.length
  return [
    `### ${marks[report.status]} ${cell(headingOf(report))}`,
    '',
    ...(broken.length === 0
      ? []
      : [
          '| | check | what happened | observed | expected |',
          '|---|---|---|---|---|',
          ...broken.map(one => row(one, options)),
          '',
        ]),
    `${passed} of ${report.checks.length} checks passed.`,
    '',
    ...(left === undefined ? [] : [`${cell(left)}.`, '']),
  ]
}

function comparisonSection(report: Report, { comparisons }: RenderOptions): string[] {
  const comparison = comparisons?.get(report.id)
  if (!comparison) return []
  const rows = comparisonRows(comparison)
  return [
    `**Compared with ${cell(comparison.with)}:** ${comparisonSummary(comparison)}.`,
    '',
    ...(rows.length === 0
      ? []
      : ['| | check | then | now |', '|---|---|---|---|', ...rows.map(row => `| ${row.map(cell).join(' | ')} |`), '']),
  ]
}

/** A Markdown summary for `$GITHUB_STEP_SUMMARY` or a comment, cut at a line so that it stays below 1,024 KiB. */
export function render(reports: readonly Report[], options: RenderOptions = {}): string {
  const failed = countOf(reports, 'fail', 'error')
  const warned = countOf(reports, 'warn')
  const told = countOf(reports, 'info')
  const all = reports.reduce((sum, report) => sum + report.checks.length, 0)
  const head =
    failed > 0
      ? `${marks.fail} ${failed} of ${all} checks failed`
      : `${marks.pass} ${all - warned - told} of ${all} checks passed`
  const further = [...(warned > 0 ? [counted(warned, 'warning')] : []), ...(told > 0 ? [`${told} info`] : [])]
  const lines = [
    `## Millrace: ${[head, ...further].join(', ')}`,
    '',
    ...reports.flatMap(report => [...section(report, options), ...comparisonSection(report, options)]),
  ]
  const kept: string[] = []
  let bytes = 0
  for (const [index, line] of lines.entries()) {
    bytes += Buffer.byteLength(line) + 1
    if (bytes > maxBytes) {
      kept.push('', `Cut here: ${lines.length - index} further lines are in the JUnit and JSON reports.`)
      break
    }
    kept.push(line)
  }
  return `${kept.join('\n')}\n`
}

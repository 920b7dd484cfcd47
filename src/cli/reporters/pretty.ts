import colors from 'picocolors'
import { quarantineSentence, type CheckResult, type Report } from '../../define/report.ts'
import type { Change } from '../../stages/validate/compare.ts'
import { counted } from '../words.ts'
import { comparisonRows, comparisonSummary } from './comparison.ts'
import {
  headingOf,
  outcomeOf,
  placeOf,
  shown,
  sourcesOf,
  titleOf,
  valuesOf,
  worstFirst,
  type Outcome,
  type RenderOptions,
} from './subject.ts'
import { grouped } from '../../internal/grouped.ts'

const marks: Record<Outcome, string> = { error: '✗', fail: '✗', warn: '!', info: 'i', skipped: '-', pass: '✓' }

type Paint = (outcome: Outcome, text: string) => string

function painter(color: boolean): Paint {
  const { red, yellow, cyan, dim, green } = colors.createColors(color)
  const by: Record<Outcome, (text: string) => string> = {
    error: red,
    fail: red,
    warn: yellow,
    info: cyan,
    skipped: dim,
    pass: green,
  }
  return (outcome, text) => by[outcome](text)
}

function summary(report: Report): string {
  const count = (...outcomes: readonly Outcome[]): number =>
    report.checks.filter(check => outcomes.includes(outcomeOf(check))).length
  const parts: string[] = []
  const failed = count('fail', 'error')
  if (failed > 0) parts.push(`${failed} of ${counted(report.checks.length, 'check')} failed`)
  if (count('warn') > 0) parts.push(counted(count('warn'), 'warning'))
  if (count('info') > 0) parts.push(`${count('info')} info`)
  if (count('skipped') > 0) parts.push(`${count('skipped')} skipped`)
  if (parts.length === 0)
    return report.checks.length === 0 ? 'nothing to check' : `${counted(report.checks.length, 'check')} passed`
  if (failed === 0) parts.push(`${counted(count('pass'), 'check')} passed`)
  return parts.join(', ')
}

/** Breaking values with their counts, most frequent first, at most six. */
function values({ distinctBad, sample, bad }: CheckResult): string | undefined {
  if (distinctBad && distinctBad.length > 0) {
    const some = distinctBad
      .slice(0, 6)
      .map(({ value, count }) => `${shown(JSON.stringify(value))}${count > 1 ? ` ×${grouped(count)}` : ''}`)
    return `values: ${some.join(', ')}${distinctBad.length > 6 ? ', …' : ''}`
  }
  const [first] = sample ?? []
  return first === undefined ? undefined : `${bad > 1 ? 'first row' : 'row'}: ${shown(JSON.stringify(valuesOf(first)))}`
}

function checkLines(check: CheckResult, width: number, paint: Paint, options: RenderOptions): string[] {
  const outcome = outcomeOf(check)
  const lines = [`  ${paint(outcome, marks[outcome])} ${shown(titleOf(check)).padEnd(width)}  ${shown(check.message)}`]
  if (outcome === 'pass' || outcome === 'skipped') return lines
  const indent = ' '.repeat(width + 6)
  const place = placeOf(check, options.root)
  const places = sourcesOf(check, 3)
  const further = [
    values(check),
    places && `at ${places}`,
    check.failuresUri && `all of them: ${check.failuresUri}`,
    place && `declared at ${place}`,
  ].filter((line): line is string => Boolean(line))
  return [...lines, ...further.map(line => indent + paint('skipped', line))]
}

/** What became worse first; nothing of what is as before. */
function comparisonLines(report: Report, paint: Paint, { comparisons }: RenderOptions): string[] {
  const comparison = comparisons?.get(report.id)
  if (!comparison) return []
  const rows = comparisonRows(comparison)
  const widths = [0, 1, 2].map(i => Math.max(0, ...rows.map(row => (row[i] as string).length)))
  const colour: Record<Change, Outcome> = {
    worse: 'fail',
    changed: 'warn',
    new: 'warn',
    gone: 'skipped',
    better: 'pass',
    same: 'skipped',
  }
  return [
    `  compared with ${shown(comparison.with)}: ${comparisonSummary(comparison)}`,
    ...rows.map(([change, title, before, now]) => {
      const cells = [title.padEnd(widths[1] ?? 0), before.padEnd(widths[2] ?? 0)]
      return `    ${paint(colour[change], change.padEnd(widths[0] ?? 0))}  ${cells.join('  ')}  → ${now}`
    }),
  ]
}

/** For people at a terminal: one block a report, what failed first, in sentences; what passed only with `verbose`. */
export function render(reports: readonly Report[], options: RenderOptions = {}): string {
  const paint = painter(options.color ?? false)
  const blocks = reports.map(report => {
    const { status } = report
    const all = worstFirst(report.checks)
    const listed = options.verbose ? all : all.filter(check => outcomeOf(check) !== 'pass')
    const width = Math.min(40, Math.max(0, ...listed.map(check => shown(titleOf(check)).length)))
    const head = `${paint(status, marks[status])} ${shown(headingOf(report))}: ${summary(report)}`
    const left = quarantineSentence(report)
    return [
      head,
      ...(left === undefined ? [] : [`  ${shown(left)}`]),
      ...listed.flatMap(check => checkLines(check, width, paint, options)),
      ...comparisonLines(report, paint, options),
    ].join('\n')
  })
  return blocks.length === 0 ? 'Nothing was checked.\n' : `${blocks.join('\n\n')}\n`
}

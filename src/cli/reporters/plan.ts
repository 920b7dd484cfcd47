import { columnsOfMetric } from '../../define/expectation/metric.ts'
import { describe } from '../../define/expression/node.ts'
import { inWords } from '../../stages/validate/plan.ts'
import type { TakenStep } from '../../stages/validate/measurer.ts'

const names = {
  footer: 'rows and nulls',
  values: 'count values',
  counted: 'values',
  together: 'count values',
  scan: 'one scan',
  query: 'own query',
  nulls: 'count nulls',
  read: 'read rows',
  rule: 'rows',
  failures: 'rows that fail',
} as const

const short = (text: string): string => (text.length > 60 ? `${text.slice(0, 59)}…` : text)

function what(step: TakenStep): string {
  if (step.says) return short(`${names[step.kind]}: ${step.says}`)
  if (step.columns) return short(`${names[step.kind]} of ${inWords(step.columns, step.derived)} together`)
  if (step.of) return `${names[step.kind]} of ${step.of.name}`
  const [metric] = step.metrics
  if (step.kind !== 'query' || !metric) return names[step.kind]
  const of = 'of' in metric ? describe(metric.of) : columnsOfMetric(metric).join(', ')
  return short(`${metric.fn} of ${of}`)
}

/** How the measures of a validation were planned, and what each step took beside what was expected. */
export function renderPlan(dataset: string, steps: readonly TakenStep[]): string {
  const rows = steps.map(step => [
    what(step),
    String(step.metrics.length),
    step.estimateMs === 0 ? '' : `${step.estimateMs} ms`,
    `${step.milliseconds.toFixed(1)} ms`,
    step.remembered > 0 ? `${step.remembered} parts known from before; ${step.because}` : step.because,
  ])
  const head = ['step', 'measures', 'expected', 'took', 'because']
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map(row => (row[i] as string).length)))
  const line = (row: readonly string[]) =>
    row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] as number))).join('  ')
  const total = steps.reduce((sum, step) => sum + step.milliseconds, 0)
  return [`plan of ${dataset}: ${steps.length} steps, ${total.toFixed(0)} ms`, line(head), ...rows.map(line)].join('\n')
}

import { cellsOf, unreadableName } from '../../define/expectation/kinds/readable.ts'
import { columnsOfMetric, metricId, type Metric } from '../../define/expectation/metric.ts'
import type { ColumnNode } from '../../define/expression/node.ts'
import { answeredByValues } from './from-values.ts'
import { hasFewValues, inFooter, type PlanFacts, type PlanStep } from './plan.ts'

/** How a database answers without giving its rows away; or why its rows are needed. */
export type InPlacePlan = { readonly steps: readonly PlanStep[] } | { readonly because: string }

/** Nanoseconds a row that a database takes to group a column by its values. */
const grouping = 250

const number = (n: number): string => n.toLocaleString('en-US')

/** Whether the counts of a column's values answer a measure without the engine. */
function isOf(metric: Metric, column: string): boolean {
  return answeredByValues(metric) && columnsOfMetric(metric).every(name => name === column)
}

/** Why the values of a column alone do not answer a measure; undefined where they do. */
function needsRows(metric: Metric, facts: PlanFacts): string | undefined {
  const columns = columnsOfMetric(metric)
  const [column, other] = new Set(columns.map(cellsOf))
  if (facts.rows === 0) return 'there are none to count'
  if (column === undefined) return 'a measure reads no column'
  if (other !== undefined) return `${columns.join(' and ')} are looked at together`
  // conditions are put to the counted values by the engine; the rest is worked out from the counts of the column itself
  if (metric.fn !== 'rows' && !isOf(metric, column)) return `${metric.fn} of ${column} needs rows`
  const known = facts.columns.get(column)
  if (known && hasFewValues(known, facts.rows)) return undefined
  return `${column} has ${number(known?.sampledDistinct ?? 0)} different values in ${number(known?.sampledRows ?? 0)} rows, too many to count`
}

/**
 * Plans measures of a table that stands in its database: the number of rows and of nulls, and the counts of the values of
 * columns that have few. A single measure beyond these needs the rows, and then all are taken from them.
 */
export function planInPlace(metrics: readonly Metric[], facts: PlanFacts): InPlacePlan {
  const unique = [...new Map(metrics.map(metric => [metricId(metric), metric])).values()]
  const stated = unique.filter(metric => inFooter(metric, facts))
  const byColumn = new Map<string, Metric[]>()
  for (const metric of unique) {
    if (stated.includes(metric)) continue
    const because = needsRows(metric, facts)
    if (because) return { because }
    const column = cellsOf(columnsOfMetric(metric)[0] as string)
    byColumn.set(column, [...(byColumn.get(column) ?? []), metric])
  }
  const steps: PlanStep[] = []
  if (stated.length > 0)
    steps.push({ kind: 'footer', metrics: stated, estimateMs: 1, because: 'the database counted them' })
  for (const [name, own] of byColumn) {
    const { type, sampledDistinct } = facts.columns.get(name) ?? { type: 'text', sampledDistinct: 0 }
    const of: ColumnNode = { op: 'column', name, type }
    if (facts.counted.has(name) && own.every(metric => isOf(metric, name))) {
      steps.push({ kind: 'counted', of, metrics: own, estimateMs: 0, because: 'they were counted before' })
      continue
    }
    steps.push({
      kind: 'values',
      of,
      metrics: own,
      estimateMs: Math.ceil((grouping * facts.rows) / 1e6),
      because: `about ${number(sampledDistinct)} different values: the database counts them, and they answer all of these`,
    })
  }
  return { steps }
}

/** The plan if the database told the nulls of every column that has many values, and of which of these it has to be asked. */
export function withNullsOf(
  metrics: readonly Metric[],
  facts: PlanFacts,
): { readonly plan: InPlacePlan; readonly nulls: readonly string[] } {
  const many = [...facts.columns].flatMap(([name, known]) => (hasFewValues(known, facts.rows) ? [] : [name]))
  const unasked = many.filter(name => !facts.footerNulls?.has(name))
  const all = unasked.flatMap(name => [name, unreadableName(name)].map(one => [one, 0] as const))
  const plan = planInPlace(metrics, { ...facts, footerNulls: new Map([...(facts.footerNulls ?? []), ...all]) })
  const read = new Set(metrics.flatMap(columnsOfMetric).map(cellsOf))
  return { plan, nulls: unasked.filter(name => read.has(name)) }
}

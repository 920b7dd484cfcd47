import { columnsOfMetric, metricId, type Metric } from '../../define/expectation/metric.ts'
import { describe, type ColumnNode } from '../../define/expression/node.ts'
import type { ColumnType } from '../../ports/data-engine.ts'
import { nullsByFooter } from './footer-nulls.ts'
import { overDerived, type DerivedColumn } from './derived.ts'
import { answeredByValues } from './from-values.ts'
import { grouped } from '../../internal/grouped.ts'

/** What is known of a column before anything is measured. */
export interface ColumnFacts {
  readonly type: ColumnType
  /** Different values among the rows that were looked at. */
  readonly sampledDistinct: number
  readonly sampledRows: number
}

export interface PlanFacts {
  readonly rows: number
  readonly columns: ReadonlyMap<string, ColumnFacts>
  /** Number of nulls by column, where metadata states it. */
  readonly footerNulls: ReadonlyMap<string, number> | undefined
  /** What states the number of rows and of nulls; undefined where the rows themselves do. */
  readonly statedBy?: 'file metadata' | 'the database' | undefined
  /** Columns whose values were counted before. */
  readonly counted: ReadonlySet<string>
  /** Expressions over one column that were found to have few values, and what is known of these by the name of their column. */
  readonly derived?: ReadonlyMap<string, DerivedColumn>
}

export type StepKind = 'footer' | 'values' | 'counted' | 'together' | 'scan' | 'query'

/** One look at the data, and the measures that it answers. */
export interface PlanStep {
  readonly kind: StepKind
  /** The column whose values are counted, or were. */
  readonly of?: ColumnNode
  /** The columns whose values are counted together. */
  readonly columns?: readonly string[]
  /** Those of them that are made of others. */
  readonly derived?: ReadonlyMap<string, DerivedColumn>
  readonly metrics: readonly Metric[]
  /** Values of the columns of a query of its own are few. */
  readonly fewValues?: boolean
  /** Expected CPU time. */
  readonly estimateMs: number
  /** Why it is done so. */
  readonly because: string
}

/** Nanoseconds a row, measured on one core of 2020s hardware; only their ratios decide. */
const cost = {
  values: { int: 12, float: 18, text: 12, bool: 8, timestamp: 14, vector: 200 },
  condition: { int: 3, float: 4, text: 12, bool: 2, timestamp: 4, vector: 4 },
  moments: 25,
  extremes: 4,
  comoments: 60,
  distinct: 90,
  approximateDistinct: 20,
  topValues: 110,
  quantiles: 130,
  ownValues: 40,
  pairs: 80,
  ranks: 900,
  ranksOfFew: 80,
} as const

/** A column whose values are worth counting: few enough in a sample to be few in all. */
export function hasFewValues({ sampledDistinct, sampledRows }: ColumnFacts, rows: number): boolean {
  if (sampledRows >= rows) return sampledDistinct <= 20_000
  return sampledDistinct <= 0.05 * sampledRows
}

/** Whether all columns that a measure reads have few values. */
function areFew(metric: Metric, facts: PlanFacts): boolean {
  return columnsOfMetric(metric).every(column => {
    const known = facts.columns.get(column)
    return known !== undefined && hasFewValues(known, facts.rows)
  })
}

/** A condition costs what its columns cost to look at, and more for patterns and long lists. */
function conditionCost(metric: Metric, facts: PlanFacts): number {
  let sum = 0
  for (const column of columnsOfMetric(metric)) sum += cost.condition[facts.columns.get(column)?.type ?? 'int']
  return sum
}

function scanCost(metric: Metric, facts: PlanFacts): number {
  const condition = conditionCost(metric, facts)
  switch (metric.fn) {
    case 'rows':
      return condition
    case 'moments':
    case 'extremes':
    case 'comoments':
    case 'distinct':
    case 'approximateDistinct':
    case 'topValues':
      return condition + cost[metric.fn]
    case 'quantiles':
      return condition + cost.quantiles + 20 * metric.q.length
    case 'values':
      return condition + cost.ownValues
    case 'pairs':
      return condition + cost.pairs
    case 'rankCorrelation':
      return condition + (areFew(metric, facts) ? cost.ranksOfFew : cost.ranks)
  }
}

/** What a statement costs however few the rows are. */
const fixed = 4

/** Measures that stand in a scan with others need no statement of their own. */
const isFused = ({ fn }: Metric): boolean =>
  fn === 'rows' || fn === 'moments' || fn === 'extremes' || fn === 'comoments'

/** What the measures of a column cost when its values are not counted. */
function separately(metrics: readonly Metric[], facts: PlanFacts): number {
  const statements = metrics.filter(metric => !isFused(metric)).length
  return (
    milliseconds(
      metrics.reduce((sum, metric) => sum + scanCost(metric, facts), 0),
      facts.rows,
    ) +
    fixed * statements
  )
}

const milliseconds = (perRow: number, rows: number): number => Math.ceil((perRow * rows) / 1e6)

const stated = ({ statedBy }: PlanFacts): string => (statedBy ? `${statedBy} states it` : 'one count of all rows')

export function inFooter(metric: Metric, facts: PlanFacts): boolean {
  if (metric.fn === 'rows' && metric.where === undefined) return true
  return nullsByFooter(metric, facts.footerNulls) !== undefined
}

function byColumn(metrics: readonly Metric[]): Map<string, Metric[]> {
  const found = new Map<string, Metric[]>()
  for (const metric of metrics) {
    const [column, other] = columnsOfMetric(metric)
    if (column === undefined || other !== undefined || !(metric.fn === 'rows' || answeredByValues(metric))) continue
    const known = found.get(column)
    if (known) known.push(metric)
    else found.set(column, [metric])
  }
  return found
}

/** A group of values of several columns, and one more column in it, cost so much a row. */
const together = { group: 10, column: 12 } as const

/** Of so many rows at least one combination of values stands for. */
const leastRowsTogether = 8

/** Whether a measure is answered by the combinations of values of its columns with their counts. */
export function answeredTogether({ fn }: Metric): boolean {
  return fn !== 'comoments' && fn !== 'rankCorrelation' && fn !== 'pairs'
}

/** A column whose values tell rows apart as a category does. */
export function isCategory(known: ColumnFacts, rows: number): boolean {
  return known.type !== 'float' && known.type !== 'timestamp' && hasFewValues(known, rows)
}

/** How many combinations of their values some columns have at most; undefined where one of them has many, or is no category. */
function combinations(columns: readonly string[], facts: PlanFacts): number | undefined {
  let product = 1
  for (const column of columns) {
    const known = facts.columns.get(column)
    if (!known || !isCategory(known, facts.rows)) return undefined
    product *= Math.max(1, known.sampledDistinct)
  }
  return product
}

/** Columns and what is derived of them, as one says them. */
export function inWords(columns: readonly string[], derived: ReadonlyMap<string, DerivedColumn> | undefined): string {
  const words = new Map([...(derived?.values() ?? [])].map(({ column, node }) => [column.name, describe(node)]))
  return columns.map(name => words.get(name) ?? name).join(' and ')
}

interface CountedSet {
  columns: readonly string[]
  readonly metrics: Metric[]
}

const countingCost = (columns: readonly string[], facts: PlanFacts): number =>
  milliseconds(together.group + together.column * columns.length, facts.rows) + fixed

/** Combinations that answer as quickly as one column's values do. */
const fewCombinations = 50_000

/** Joins sets that together have few combinations still: the rows are gone through once less. */
function joined(sets: readonly CountedSet[], facts: PlanFacts): CountedSet[] {
  const left: CountedSet[] = []
  for (const set of sets.toSorted((a, b) => b.columns.length - a.columns.length)) {
    const most = Math.min(fewCombinations, facts.rows / leastRowsTogether)
    const other = left.find(one => {
      if (set.columns.every(column => one.columns.includes(column))) return true
      const size = combinations([...new Set([...one.columns, ...set.columns])], facts)
      return size !== undefined && size <= most
    })
    if (other) {
      other.columns = [...new Set([...other.columns, ...set.columns])].sort()
      other.metrics.push(...set.metrics)
    } else left.push({ columns: set.columns, metrics: [...set.metrics] })
  }
  return left
}

/**
 * Measures of several columns with few values each, or of what is derived of a column with many: where they have few
 * combinations, these are counted once, and answer every measure of the same columns or of some of them.
 */
function countedTogether(metrics: readonly Metric[], facts: PlanFacts): PlanStep[] {
  const derived = facts.derived ?? new Map<string, DerivedColumn>()
  const sets = new Map<string, CountedSet>()
  for (const metric of metrics) {
    if (!answeredTogether(metric)) continue
    const over = overDerived(metric, derived)
    const columns = columnsOfMetric(over)
    if (columns.length < (over === metric ? 2 : 1)) continue
    const size = combinations(columns, facts)
    if (size === undefined || size * leastRowsTogether > facts.rows) continue
    const set = sets.get(columns.join())
    if (set) set.metrics.push(metric)
    else sets.set(columns.join(), { columns, metrics: [metric] })
  }
  return joined([...sets.values()], facts).flatMap(({ columns, metrics: own }) => {
    const estimateMs = countingCost(columns, facts)
    if (separately(own, facts) <= estimateMs) return []
    const made = new Map([...derived].filter(([, { column }]) => columns.includes(column.name)))
    const because = `few combinations of ${inWords(columns, made)}: counted once, they answer all of these`
    return [
      {
        kind: 'together' as const,
        columns,
        ...(made.size > 0 ? { derived: made } : {}),
        metrics: own,
        estimateMs,
        because,
      },
    ]
  })
}

/**
 * Decides how each measure is taken. What file metadata states costs nothing; a column with few values is reduced once to
 * the exact counts of its values, which answer every measure of that column alone; columns with few combinations of values
 * are counted together; what is left shares one scan, except measures that need an order or a grouping of their own.
 */
export function planMeasures(metrics: readonly Metric[], facts: PlanFacts): PlanStep[] {
  const unique = [...new Map(metrics.map(metric => [metricId(metric), metric])).values()]
  const steps: PlanStep[] = []
  const footer = unique.filter(metric => inFooter(metric, facts))
  if (footer.length > 0) steps.push({ kind: 'footer', metrics: footer, estimateMs: 1, because: stated(facts) })
  const answered = new Set(footer)
  for (const [column, own] of byColumn(unique.filter(metric => !answered.has(metric)))) {
    const known = facts.columns.get(column)
    if (!known || !hasFewValues(known, facts.rows)) continue
    const of: ColumnNode = { op: 'column', name: column, type: known.type }
    if (facts.counted.has(column)) {
      const again = own.filter(answeredByValues)
      for (const metric of again) answered.add(metric)
      if (again.length > 0)
        steps.push({ kind: 'counted', of, metrics: again, estimateMs: 0, because: 'they were counted before' })
      continue
    }
    const counting = cost.values[known.type]
    if (separately(own, facts) <= milliseconds(counting, facts.rows) + fixed) continue
    for (const metric of own) answered.add(metric)
    steps.push({
      kind: 'values',
      of,
      metrics: own,
      estimateMs: milliseconds(counting, facts.rows),
      because: `about ${grouped(known.sampledDistinct)} different values: counted once, they answer all of these`,
    })
  }
  for (const step of countedTogether(
    unique.filter(metric => !answered.has(metric)),
    facts,
  )) {
    for (const metric of step.metrics) answered.add(metric)
    steps.push(step)
  }
  const left = unique.filter(metric => !answered.has(metric))
  const fused = left.filter(isFused)
  if (fused.length > 0)
    steps.push({
      kind: 'scan',
      metrics: fused,
      estimateMs: milliseconds(
        fused.reduce((sum, metric) => sum + scanCost(metric, facts), 0),
        facts.rows,
      ),
      because: 'several columns, or columns with many values: one pass for all of these',
    })
  for (const metric of left)
    if (!fused.includes(metric))
      steps.push({
        kind: 'query',
        metrics: [metric],
        ...(areFew(metric, facts) ? { fewValues: true } : {}),
        estimateMs: milliseconds(scanCost(metric, facts), facts.rows),
        because: 'needs an order or a grouping of its own',
      })
  return steps
}

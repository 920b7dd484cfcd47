import {
  columnsOfMetric,
  metricId,
  type Metric,
  type MetricResult,
  type ValueCounts,
} from '../../define/expectation/metric.ts'
import { cellsOf } from '../../define/expectation/kinds/readable.ts'
import { where } from '../../define/expectation/where.ts'
import { toSql } from '../../define/expression/index.ts'
import type { ColumnNode } from '../../define/expression/node.ts'
import { isMillraceError } from '../../errors/index.ts'
import { ulid } from '../../internal/ids.ts'
import { messageOf } from '../../internal/message-of.ts'
import { rowColumn, rowsOfFile, type DataEngine, type Footer, type Row } from '../../ports/data-engine.ts'
import { fragment, maxValues, ownQuery, partColumn, type Fragment } from './metric-sql.ts'
import { overDerived, type DerivedColumn } from './derived.ts'
import { nullsByFooter } from './footer-nulls.ts'
import { fromValues } from './from-values.ts'
import type { PlanStep } from './plan.ts'
import { isMergeable } from './state.ts'
import type { Unread } from './table.ts'

/** What measures are taken of: one or more parts with the same columns. */
export interface Measurable {
  readonly sql: string
  readonly numbered: string
  /** Number of files; measures that add up are taken by file. */
  readonly parts: number
  readonly footer?: Footer
  /** A table that was not read yet: `sql` and `numbered` fail until it is. */
  readonly unread?: Unread
  /** SELECT of about so many of its `total` rows, where that is cheaper than the dialect's own sampling. */
  readonly sample?: (rows: number, total: number) => string
  /** The same with some of the columns alone, where it has so many that a statement pays for those that it does not ask for. */
  readonly narrow?: (columns: ReadonlySet<string>) => { readonly sql: string; readonly numbered: string }
  /** The same of some of its parts, by their index. */
  readonly only?: (parts: readonly number[]) => Promise<Measurable>
}

/** The result for each part, or one for all parts together where results do not add up. */
export type Measurement =
  | { readonly parts: readonly MetricResult[] }
  | { readonly whole: MetricResult }
  | { readonly error: string }

export type Measurements = Map<string, Measurement>

/** A refused query, what the engine does not take, a user's check, a definition that only the rows show to be at fault. */
const ofOne: ReadonlySet<string> = new Set(['MR2003', 'MR2011', 'MR2030', 'MR2077', 'MR1005'])

/**
 * Why one expectation alone is at fault. Throws on what lies in the source or the machine; an error of JavaScript's own is
 * the fault of whatever ran, and costs the others nothing.
 */
export function ownFault(error: unknown): string {
  if (!isMillraceError(error)) return `an error within Millrace: ${messageOf(error)}`
  if (!ofOne.has(error.code)) throw error
  return String(error.details.reason ?? error.message)
}

function partSql(engine: DataEngine, target: Measurable): string | undefined {
  if (target.parts === 1) return undefined
  return engine.dialect.wholeDivision(engine.dialect.identifier(rowColumn), rowsOfFile)
}

/** The rows of a result by part; a part without rows has none. */
function rowsByPart(rows: readonly Row[], target: Measurable): Row[][] {
  if (target.parts === 1) return [[...rows]]
  const found: Row[][] = Array.from({ length: target.parts }, () => [])
  for (const row of rows) found[Number(row[partColumn])]?.push(row)
  return found
}

interface MetricPart {
  readonly metric: Metric
  readonly part: Fragment
}

/** One SELECT for all of them; when the engine refuses it, halves until the one at fault stands alone. */
async function fused(
  engine: DataEngine,
  from: string,
  asked: readonly MetricPart[],
  target: Measurable,
  partKey: string | undefined,
  found: Measurements,
): Promise<void> {
  if (asked.length === 0) return
  const columns = asked.flatMap(({ part }, i) => part.columns.map((sql, j) => `${sql} AS m${i}_${j}`))
  const key = partKey ? `${partKey} AS ${partColumn}, ` : ''
  try {
    const rows = await engine.rows(
      `SELECT ${key}${columns.join(', ')} FROM ${from}${partKey ? ` GROUP BY ${partColumn}` : ''}`,
    )
    const byPart = rowsByPart(rows, target)
    asked.forEach(({ metric, part }, i) => {
      // an aggregate over no rows: its count is 0
      const read = (row: Row | undefined) =>
        part.read(row ? part.columns.map((_, j) => row[`m${i}_${j}`] ?? null) : [0])
      found.set(metricId(metric), { parts: byPart.map(([row]) => read(row)) })
    })
  } catch (error) {
    const reason = ownFault(error)
    const [only, ...others] = asked
    if (only && others.length === 0) {
      found.set(metricId(only.metric), { error: reason })
      return
    }
    const middle = asked.length >> 1
    await fused(engine, from, asked.slice(0, middle), target, partKey, found)
    await fused(engine, from, asked.slice(middle), target, partKey, found)
  }
}

function askedOf(engine: DataEngine, metrics: readonly Metric[], weight?: string): MetricPart[] {
  return metrics.flatMap(metric => {
    const part = fragment(metric, engine.dialect, weight)
    return part ? [{ metric, part }] : []
  })
}

/** The engine takes more than twice as long for twice as many aggregates beyond this. */
const maxAggregates = 96

/** What some measures ask of a target with many columns. */
export function narrowed(target: Measurable, metrics: readonly Metric[]): Measurable {
  if (!target.narrow) return target
  return { ...target, ...target.narrow(new Set(metrics.flatMap(columnsOfMetric).map(cellsOf))) }
}

/** One SELECT, or several where there is too much for one: measures of the same columns stay together. */
async function scan(engine: DataEngine, step: PlanStep, target: Measurable, found: Measurements): Promise<void> {
  const key = partSql(engine, target)
  const take = (some: readonly MetricPart[]) => {
    const { sql, numbered } = narrowed(
      target,
      some.map(one => one.metric),
    )
    return fused(engine, `(${key ? numbered : sql})`, some, target, key, found)
  }
  const asked = askedOf(engine, step.metrics)
  if (asked.length <= maxAggregates) return take(asked)
  const columns = new Map(asked.map(one => [one, columnsOfMetric(one.metric).join()]))
  const ordered = asked.toSorted((a, b) => ((columns.get(a) as string) < (columns.get(b) as string) ? -1 : 1))
  for (let i = 0; i < ordered.length; i += maxAggregates) await take(ordered.slice(i, i + maxAggregates))
}

async function own(
  engine: DataEngine,
  metric: Metric,
  target: Measurable,
  found: Measurements,
  fewValues = false,
): Promise<void> {
  const adds = metric.fn === 'values' || metric.fn === 'pairs'
  const key = adds ? partSql(engine, target) : undefined
  try {
    const query = ownQuery(metric, key ? target.numbered : target.sql, engine.dialect, { part: key, fewValues })
    const rows = await engine.rows(query.sql)
    if (adds && rows.length > maxValues)
      found.set(metricId(metric), {
        error: `there are more than ${maxValues.toLocaleString('en-US')} different values`,
      })
    else
      found.set(
        metricId(metric),
        adds ? { parts: rowsByPart(rows, target).map(part => query.read(part)) } : { whole: query.read(rows) },
      )
  } catch (error) {
    found.set(metricId(metric), { error: ownFault(error) })
  }
}

/** Most values of a column that are taken out of the engine. */
const maxLevels = 50_000

/** The column that says for how many rows a counted value stands. */
const weight = 'millrace_n'

/** Whether there are infinite times: they are values, but have no microseconds to be told apart by. */
async function hasInfinite(engine: DataEngine, table: string, of: ColumnNode): Promise<boolean> {
  const { dialect } = engine
  const name = dialect.identifier(of.name)
  return (await engine.rows(`SELECT 1 FROM ${table} WHERE NOT ${dialect.isFiniteTime(name)} LIMIT 1`)).length > 0
}

/**
 * Counts a column's values once: conditions are answered over the counts, and the counts themselves are taken out for what
 * else is asked. A column with more values than thought leaves the rest unanswered.
 */
async function values(engine: DataEngine, step: PlanStep, target: Measurable, found: Measurements): Promise<void> {
  const { dialect } = engine
  const of = step.of as ColumnNode
  const table = dialect.identifier(`values_${ulid()}`)
  const key = partSql(engine, target)
  if (!target.unread)
    await engine.execute(
      `CREATE TABLE ${table} AS SELECT ${key ? `${key} AS ${partColumn}, ` : ''}${dialect.identifier(of.name)}, count(*) AS ${weight} FROM (${key ? target.numbered : target.sql}) GROUP BY ${key ? '1, 2' : '1'}`,
    )
  else if (!(await target.unread.count(of.name, table, weight, maxLevels))) return
  try {
    const part = key ? partColumn : undefined
    const conditions = step.metrics.filter(metric => metric.fn === 'rows')
    await fused(engine, table, askedOf(engine, conditions, weight), target, part, found)
    if (step.metrics.every(metric => metric.fn === 'rows')) return
    if (of.type === 'timestamp' && (await hasInfinite(engine, table, of))) return
    const counted: Metric = { fn: 'values', of }
    const query = ownQuery(counted, `SELECT * FROM ${table}`, dialect, { part, weight, most: maxLevels })
    const rows = await engine.rows(query.sql)
    if (rows.length <= maxLevels)
      found.set(metricId(counted), { parts: rowsByPart(rows, target).map(one => query.read(one)) })
  } finally {
    await engine.execute(`DROP TABLE IF EXISTS ${table}`)
  }
}

/** A measure that no aggregate over counts gives: by the values of what it is of, each with its number of rows. */
async function byCounts(
  engine: DataEngine,
  metric: Metric,
  table: string,
  target: Measurable,
  part: string | undefined,
): Promise<Measurement> {
  if (!('of' in metric)) throw new TypeError(`${metric.fn} is not read from the counts of values`)
  const { where: condition, ...plain } = metric
  const counted: Metric = { fn: 'values', of: metric.of, ...where(condition) }
  const adds = isMergeable(metric)
  const query = ownQuery(counted, `SELECT * FROM ${table}`, engine.dialect, {
    part: adds ? part : undefined,
    weight,
    most: Number.MAX_SAFE_INTEGER,
  })
  const rows = await engine.rows(query.sql)
  const of: ColumnNode = { op: 'column', name: 'v', type: metric.of.type }
  const read = (some: readonly Row[]) => fromValues({ ...plain, of }, 'v', query.read(some) as ValueCounts)
  return adds ? { parts: rowsByPart(rows, target).map(read) } : { whole: read(rows) }
}

/** Counts the combinations of values of some columns once, and answers measures over the counts. */
async function together(engine: DataEngine, step: PlanStep, target: Measurable, found: Measurements): Promise<void> {
  const { dialect } = engine
  const table = dialect.identifier(`together_${ulid()}`)
  const key = partSql(engine, target)
  const derived = step.derived ?? new Map<string, DerivedColumn>()
  const made = new Map([...derived.values()].map(({ column, node }) => [column.name, toSql(node, dialect)]))
  const columns = (step.columns ?? []).map(name => {
    const sql = made.get(name)
    return sql === undefined ? dialect.identifier(name) : `${sql} AS ${dialect.identifier(name)}`
  })
  const part = key ? `${key} AS ${partColumn}, ` : ''
  const named = [...(key ? [partColumn] : []), ...(step.columns ?? []).map(dialect.identifier)].join(', ')
  try {
    await engine.execute(
      `CREATE TABLE ${table} AS SELECT ${named}, count(*) AS ${weight} FROM (SELECT ${part}${columns.join(', ')} FROM (${key ? target.numbered : target.sql})) GROUP BY ${named}`,
    )
  } catch (error) {
    ownFault(error)
    await takeByScan(engine, step.metrics, target, found)
    return
  }
  try {
    const over = new Map(step.metrics.map(metric => [overDerived(metric, derived), metric]))
    const taken: Measurements = new Map()
    const asked = askedOf(engine, [...over.keys()], weight)
    await fused(engine, table, asked, target, key ? partColumn : undefined, taken)
    for (const [metric, as] of over) {
      const known = taken.get(metricId(metric))
      if (known) found.set(metricId(as), known)
      else {
        const counted = byCounts(engine, metric, table, target, key ? partColumn : undefined)
        found.set(metricId(as), await counted.catch((error: unknown) => ({ error: ownFault(error) })))
      }
    }
  } finally {
    await engine.execute(`DROP TABLE IF EXISTS ${table}`)
  }
}

async function footer(engine: DataEngine, step: PlanStep, target: Measurable, found: Measurements): Promise<void> {
  let rows = target.footer?.rows
  if (rows === undefined) rows = Number((await engine.rows(`SELECT count(*) AS n FROM (${target.sql})`))[0]?.n ?? 0)
  for (const metric of step.metrics)
    found.set(metricId(metric), { whole: nullsByFooter(metric, target.footer?.nulls) ?? rows })
}

/** Takes measures by looking at the rows, whatever the plan had thought of their columns. */
export async function takeByScan(
  engine: DataEngine,
  metrics: readonly Metric[],
  target: Measurable,
  found: Measurements,
): Promise<void> {
  const step: PlanStep = { kind: 'scan', metrics, estimateMs: 0, because: '' }
  await scan(engine, step, target, found)
  for (const metric of metrics) if (!found.has(metricId(metric))) await own(engine, metric, target, found)
}

/** Takes one step of a plan. What cannot be measured is an error of that measure alone. */
export async function takeStep(
  engine: DataEngine,
  step: PlanStep,
  whole: Measurable,
  found: Measurements,
): Promise<void> {
  if (step.kind === 'footer') return footer(engine, step, whole, found)
  if (step.kind === 'scan') return scan(engine, step, whole, found)
  const target = narrowed(whole, step.metrics)
  if (step.kind === 'values') await values(engine, step, target, found)
  else if (step.kind === 'together') await together(engine, step, target, found)
  else for (const metric of step.metrics) await own(engine, metric, target, found, step.fewValues)
}

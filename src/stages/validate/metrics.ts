import { toSql } from '../../define/expression/index.ts'
import type {
  AggregateExpectation,
  ExpectationSpec,
  GroupExpectation,
  RowExpectation,
} from '../../define/expectation/spec.ts'
import { isMillraceError } from '../../errors/index.ts'
import type { DataEngine, Dialect, Row, Value } from '../../ports/data-engine.ts'

/** One aggregate of the fused scan. */
export interface Metric {
  readonly id: string
  readonly sql: string
}

export type MetricValue = { readonly value: Value } | { readonly error: string }

/** SQL that is true for the rows an expectation is applied to. */
export function applies(expectation: ExpectationSpec, dialect: Dialect): string {
  return expectation.when ? `coalesce(${toSql(expectation.when, dialect)}, false)` : 'true'
}

/** SQL that is true for the rows that break a row expectation. Never null. */
export function breaks(expectation: RowExpectation, dialect: Dialect): string {
  const good = toSql(expectation.good, dialect)
  const bad = expectation.nulls === 'bad' ? `(${good}) IS NOT TRUE` : `(${good}) IS FALSE`
  return expectation.when ? `(${applies(expectation, dialect)} AND ${bad})` : `(${bad})`
}

export function rowMetrics(expectation: RowExpectation, dialect: Dialect): Metric[] {
  const evaluated =
    expectation.nulls === 'ignore'
      ? `${applies(expectation, dialect)} AND (${toSql(expectation.good, dialect)}) IS NOT NULL`
      : applies(expectation, dialect)
  const all = expectation.nulls !== 'ignore' && !expectation.when
  return [
    { id: `${expectation.id}/bad`, sql: `count(*) FILTER (WHERE ${breaks(expectation, dialect)})` },
    { id: `${expectation.id}/evaluated`, sql: all ? 'count(*)' : `count(*) FILTER (WHERE ${evaluated})` },
  ]
}

/** Aggregates ignore nulls, and non-finite floats: one NaN never hides a column's mean. */
export function aggregateMetrics(expectation: AggregateExpectation, dialect: Dialect): Metric[] {
  const where = applies(expectation, dialect)
  const one = (name: string, sql: string): Metric => ({ id: `${expectation.id}/${name}`, sql })
  if (!expectation.of)
    return [one('observed', `count(*) FILTER (WHERE ${where})`), one('evaluated', `count(*) FILTER (WHERE ${where})`)]
  const value = toSql(expectation.of, dialect)
  const finite =
    expectation.of.type === 'float'
      ? `${where} AND ${value} IS NOT NULL AND ${dialect.isFinite(value)}`
      : `${where} AND ${value} IS NOT NULL`
  const evaluated = one(
    'evaluated',
    `count(*) FILTER (WHERE ${expectation.aggregate === 'nullShare' ? where : finite})`,
  )
  const filter = `FILTER (WHERE ${finite})`
  const number = dialect.cast(value, 'float')
  switch (expectation.aggregate) {
    case 'nullShare':
      return [
        one(
          'observed',
          `count(*) FILTER (WHERE ${where} AND ${value} IS NULL) / nullif(CAST(count(*) FILTER (WHERE ${where}) AS DOUBLE), 0)`,
        ),
        evaluated,
      ]
    case 'distinctCount':
      return [one('observed', `count(DISTINCT ${value}) ${filter}`), evaluated]
    case 'std':
      return [one('observed', `stddev_pop(${number}) ${filter}`), evaluated]
    case 'mean':
      return [one('observed', `avg(${number}) ${filter}`), evaluated]
    case 'median':
    case 'quantile':
      return [one('observed', `${dialect.quantile(number, expectation.q ?? 0.5, true)} ${filter}`), evaluated]
    default:
      return [one('observed', `${expectation.aggregate}(${number}) ${filter}`), evaluated]
  }
}

/** Where an expectation's rows are, with null keys left out: for whole rows nulls are values like others. */
export function groupWhere(expectation: GroupExpectation, over: readonly string[], dialect: Dialect): string {
  const known = expectation.over.length === 0 ? '' : ` AND ${over.map(column => `${column} IS NOT NULL`).join(' AND ')}`
  return `${applies(expectation, dialect)}${known}`
}

/**
 * Rows in groups of more than one; for whole rows only those after the first of their group. Groups are found by a
 * 64-bit hash first and only the few that share one are compared by value, so the verdict is exact.
 */
export function groupSql(
  expectation: GroupExpectation,
  columns: readonly string[],
  base: string,
  dialect: Dialect,
): string {
  const over = (expectation.over.length > 0 ? expectation.over : columns).map(dialect.identifier)
  const where = groupWhere(expectation, over, dialect)
  const bad = expectation.over.length === 0 ? 'sum(n - 1)' : 'sum(n)'
  const hashed = dialect.rowHash(over)
  const suspects = `SELECT ${hashed} AS h FROM (${base}) WHERE ${where} GROUP BY 1 HAVING count(*) > 1`
  const groups = `SELECT count(*) AS n FROM (${base}) WHERE ${where} AND ${hashed} IN (${suspects}) GROUP BY ${over.join(', ')} HAVING count(*) > 1`
  return `SELECT coalesce(${bad}, 0)::BIGINT AS bad, (SELECT count(*) FROM (${base}) WHERE ${where})::BIGINT AS evaluated FROM (${groups})`
}

/** One scan for all metrics; when the engine refuses it, halves until the one at fault stands alone. */
export async function measure(
  engine: DataEngine,
  base: string,
  metrics: readonly Metric[],
): Promise<Map<string, MetricValue>> {
  const found = new Map<string, MetricValue>()
  if (metrics.length === 0) return found
  try {
    const [row] = (await engine.rows(
      `SELECT ${metrics.map((metric, i) => `${metric.sql} AS m${i}`).join(', ')} FROM (${base})`,
    )) as [Row]
    metrics.forEach((metric, i) => found.set(metric.id, { value: row[`m${i}`] ?? null }))
    return found
  } catch (error) {
    if (!isMillraceError(error) || error.code === 'MR2002') throw error
    if (metrics.length === 1)
      return found.set((metrics[0] as Metric).id, { error: String(error.details.reason ?? error.message) })
    const middle = metrics.length >> 1
    for (const half of [metrics.slice(0, middle), metrics.slice(middle)])
      for (const [id, value] of await measure(engine, base, half)) found.set(id, value)
    return found
  }
}

import type { Dialect } from '../../ports/data-engine.ts'
import { datasetRows, versionColumns, versionsSql, type DatasetRows } from '../log/dataset-rows.ts'
import { channelSql, eventMicros, keyPresentSql, type ViewPlan } from './channels.ts'

/**
 * SELECT of a view's events, a row a version: key columns, `millrace_seq`, `millrace_event` (double), the columns of `versionColumns`, and for
 * each channel `millrace_value0` … (double, NaN for none, also of what was taken back), `millrace_told0` …, whether the row told it, and
 * `millrace_declared0` …, from when it counts by declaration.
 */
export function eventsSql(
  plan: ViewPlan,
  rows: DatasetRows,
  dialect: Dialect,
  further: readonly string[] = [],
): string {
  const { place, row, known, gone } = versionColumns
  const keys = plan.keys.map(dialect.identifier)
  const event = `CAST(${eventMicros(plan, dialect)} AS DOUBLE)`
  const channels = plan.channels.map((channel, i) => {
    const sql = channelSql(plan, channel, dialect)
    const value = `CASE WHEN ${gone} THEN 'NaN'::DOUBLE ELSE ${sql.value} END`
    const told = channel.told.map(name => `${dialect.identifier(name)} IS NOT NULL`)
    const isTold = told.length === 0 ? 'false' : `(NOT ${gone} AND ${told.join(' AND ')})`
    return `${value} AS millrace_value${i}, ${isTold} AS millrace_told${i}, CASE WHEN isnan(${value}) AND NOT ${isTold} THEN ${event} + 1 ELSE ${sql.visible} END AS millrace_declared${i}`
  })
  const kept = [...keys, ...further, 'millrace_seq', place, row, known, gone, `${event} AS millrace_event`, ...channels]
  return `SELECT ${kept.join(', ')} FROM (${versionsSql(rows)}) WHERE ${keyPresentSql(plan, dialect)} AND ${event} IS NOT NULL`
}

/**
 * The same with `millrace_visible0` … and `millrace_until0` …: from when and until when each version counts, as `spansOfVersions` has it. Without a log
 * every version counts from its declared time on, for ever.
 */
export function countedSql(plan: ViewPlan, given: string | DatasetRows, dialect: Dialect): string {
  const rows = datasetRows(given)
  const events = eventsSql(plan, rows, dialect)
  const { place, row, known, gone } = versionColumns
  const channels = plan.channels.map((_, i) => i)
  const declared = channels.map(
    i => `millrace_declared${i} AS millrace_visible${i}, 'infinity'::DOUBLE AS millrace_until${i}`,
  )
  if (rows.versions === undefined) return `SELECT *, ${declared.join(', ')} FROM (${events})`
  const late = (i: number): string => `greatest(millrace_declared${i}, coalesce(${known}, millrace_declared${i}))`
  const alone = `SELECT *, ${channels.map(i => `${late(i)} AS millrace_visible${i}, 'infinity'::DOUBLE AS millrace_until${i}`).join(', ')} FROM versions WHERE ${row} IS NULL`
  const order = `PARTITION BY ${row} ORDER BY coalesce(${known}, '-infinity'::DOUBLE), millrace_seq`
  const same = ['millrace_event', ...plan.keys.map(dialect.identifier)].map(
    column => `lag(${column}) OVER (${order}) = ${column}`,
  )
  const sameAsBefore = `coalesce(${same.join(' AND ')} AND NOT lag(${gone}) OVER (${order}), false)`
  const starts = channels.map(i => {
    const before = `count(*) FILTER (WHERE millrace_told${i}) OVER (${order} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)`
    const isLateValue = plan.declares[i] ? `${before} = 0 AND ${sameAsBefore}` : 'false'
    const from = `greatest(millrace_declared${i}, coalesce(lag(${known}) OVER (${order}), millrace_declared${i}))`
    return `CASE WHEN ${isLateValue} THEN ${from} ELSE ${late(i)} END AS millrace_visible${i}`
  })
  const started = `SELECT *, ${starts.join(', ')} FROM versions WHERE ${row} IS NOT NULL`
  const ends = channels.map(
    i =>
      `coalesce(min(millrace_visible${i}) FILTER (WHERE ${place} > 0) OVER (${order} ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING), 'infinity'::DOUBLE) AS millrace_until${i}`,
  )
  return `WITH versions AS (${events}) ${alone} UNION ALL BY NAME SELECT *, ${ends.join(', ')} FROM (${started})`
}

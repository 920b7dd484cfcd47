import type { DataEngine, Dialect } from '../../ports/data-engine.ts'
import { datasetRows, versionsSql, type DatasetRows } from '../log/dataset-rows.ts'
import { eventMicros, keyPresentSql, withCommonKey, type ViewPlan } from './channels.ts'
import { featureColumns, featureTable, type FeatureTable } from './offline.ts'
import { knownBy, momentAfter } from './verify.ts'

/** SELECT of a view's features by their own names and of their own types, vectors as lists, from a table that has them as `view.feature`. */
export function vectorColumns(plan: ViewPlan, dialect: Dialect): readonly string[] {
  const read = featureColumns([plan], dialect)
  return plan.features.map(({ name, spec }) => {
    const value = read(`${plan.view.name}.${name}`)
    return `${spec.type === 'vector' ? dialect.vectorList(value) : value} AS ${dialect.identifier(name)}`
  })
}

/**
 * The vectors of all entities as training computes them when everything that had happened counts: what the online store is
 * about to answer. A row an entity, with its key.
 */
export async function currentVectors(
  engine: DataEngine,
  plan: ViewPlan,
  given: string | DatasetRows,
  { until, now }: { readonly until: number; readonly now: number },
): Promise<FeatureTable> {
  const { dialect } = engine
  const rows = knownBy(datasetRows(given), eventMicros(plan, dialect), until)
  const at = await momentAfter(engine, plan, rows, until, now)
  const keys = plan.asks.map(({ key }) => dialect.identifier(key)).join(', ')
  const all = versionsSql(withCommonKey(plan, rows, dialect))
  const labels =
    plan.asks.length === 0
      ? `SELECT 0 AS millrace_ordinal, ${at} AS millrace_at`
      : `SELECT ${keys}, row_number() OVER (ORDER BY ${keys}) - 1 AS millrace_ordinal, ${at} AS millrace_at FROM (SELECT DISTINCT ${keys} FROM (${all}) WHERE ${keyPresentSql(plan, dialect)})`
  const table = await featureTable(engine, plan, rows, labels)
  const columns = [...(keys === '' ? [] : [keys]), ...vectorColumns(plan, dialect)].join(', ')
  return { sql: `SELECT ${columns} FROM (${labels}) JOIN (${table.sql}) USING (millrace_ordinal)`, drop: table.drop }
}

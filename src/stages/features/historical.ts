import type { DataEngine } from '../../ports/data-engine.ts'
import { fail } from '../../errors/index.ts'
import { datasetRows, type DatasetRows } from '../log/dataset-rows.ts'
import { eventMicros, type ViewPlan } from './channels.ts'
import { momentsSql, within } from './frame.ts'
import type { Labels } from './labels.ts'
import { featureColumns, featureTable, type FeatureTable } from './offline.ts'
import { asked } from './asked.ts'

/** A view with the rows of its dataset that its features are computed from. */
export interface HistoricalSource {
  readonly plan: ViewPlan
  readonly rows: DatasetRows
}

/** Columns that would have two of one name: engines and files do not tell upper from lower case. */
function requireOwnNames(shown: string, labels: readonly string[], plans: readonly ViewPlan[]): void {
  const taken = new Set(labels.map(name => name.toLowerCase()))
  if (taken.has(asked.ordinal))
    throw fail('labelsUnusable', { file: shown, reason: `its column '${asked.ordinal}' has a name of Millrace's own` })
  for (const plan of plans)
    for (const { name } of plan.features) {
      const column = `${plan.view.name}.${name}`
      if (taken.has(column.toLowerCase()))
        throw fail('labelsUnusable', {
          file: shown,
          reason: `its column '${column}' has the name of a feature that is to stand beside it`,
        })
    }
}

/** A table of labels with their features. */
export interface HistoricalFeatures extends FeatureTable {
  /** Its columns but for `millrace_ordinal`. */
  readonly columns: readonly string[]
  /** Those of them that are vectors. */
  readonly vectors: ReadonlySet<string>
}

/**
 * Features of views at the moments of labels, as a training frame has them: SELECT of `millrace_ordinal`, which tells their order,
 * every column of the labels, and a column a feature, `view.feature`. A row a label.
 */
export async function historicalFeatures(
  engine: DataEngine,
  sources: readonly HistoricalSource[],
  labels: Labels,
  shown: string,
): Promise<HistoricalFeatures> {
  const { dialect } = engine
  const plans = sources.map(one => one.plan)
  requireOwnNames(shown, labels.columns, plans)
  const tables: FeatureTable[] = []
  const drop = async (): Promise<void> => {
    for (const table of tables) await table.drop()
  }
  try {
    for (const { plan, rows } of sources) {
      const reach = Math.max(plan.horizon, plan.view.ttl ?? 0)
      const event = eventMicros(plan, dialect)
      const near =
        Number.isFinite(reach) && plan.view.from.eventTime !== undefined
          ? within(datasetRows(rows), `${event} >= ${labels.oldest - reach} AND ${event} <= ${labels.newest}`)
          : rows
      tables.push(await featureTable(engine, plan, near, momentsSql(plan, labels.table, dialect)))
    }
    const read = featureColumns(plans, dialect)
    const features = plans.flatMap(plan => plan.features.map(({ name }) => `${plan.view.name}.${name}`))
    const select = [
      asked.ordinal,
      ...labels.columns.map((name, i) => `c${i} AS ${dialect.identifier(name)}`),
      ...features.map(name => `${read(name)} AS ${dialect.identifier(name)}`),
    ]
    const joins = tables.map(({ sql }, i) => `JOIN (${sql}) features${i} USING (${asked.ordinal})`)
    return {
      columns: [...labels.columns, ...features],
      vectors: new Set([
        ...labels.vectors,
        ...plans.flatMap(({ view }) =>
          Object.entries(view.features).flatMap(([name, { type }]) =>
            type === 'vector' ? [`${view.name}.${name}`] : [],
          ),
        ),
      ]),
      sql: `SELECT ${select.join(', ')} FROM ${labels.table} ${joins.join(' ')}`,
      drop,
    }
  } catch (error) {
    await drop()
    throw error
  }
}

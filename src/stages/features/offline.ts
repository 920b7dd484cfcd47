import type { AggregationName } from '../../define/features.ts'
import { ulid } from '../../internal/ids.ts'
import type { DataEngine } from '../../ports/data-engine.ts'
import type { DatasetRows } from '../log/dataset-rows.ts'
import { keyPresentSql, type ViewPlan } from './channels.ts'
import { absentValue } from './entity-window.ts'
import { valueFigures } from './exact-sum-sql.ts'
import { JoinedMoments, type JoinedFeatures } from './joined-moments.ts'
import { eventSource } from './offline-events.ts'
import { sweptFeatures } from './offline-sweep.ts'
import { asked, recencyOf, WindowJoin } from './window-join.ts'

/**
 * Moments of an entity within a window from which on its events are gone through one after another instead of being joined: an
 * event meets at most twice as many moments in a join.
 */
const maxMomentsTogether = 64

export interface OfflineOptions {
  readonly maxMomentsTogether?: number
}

/** Features for many moments as a table of the engine. */
export interface FeatureTable {
  /** SELECT of `millrace_ordinal` and a column a feature, `view.feature`: a double, NaN for null. A row a moment. */
  readonly sql: string
  drop(): Promise<void>
}

/**
 * Features of a view for many moments. `events` are the dataset's rows, `labels` a SELECT of the key columns, `millrace_ordinal` (0 … n − 1) and `millrace_at`
 * (microseconds, double). Exactly one value a label, whatever the keys.
 *
 * Events are joined with the moments that see them, in the engine. Where moments of one entity lie so close that an event
 * would meet many of them, and where values cannot be added up exactly as whole numbers, one entity after another is swept
 * instead: the same definition, at a cost that does not grow with how many there are.
 */
export async function featureTable(
  engine: DataEngine,
  plan: ViewPlan,
  events: string | DatasetRows,
  labels: string,
  options: OfflineOptions = {},
): Promise<FeatureTable> {
  const { dialect } = engine
  const own: string[] = []
  const table = async (sql: string): Promise<string> => {
    const name = dialect.identifier(`features_${ulid()}`)
    await engine.execute(`CREATE TABLE ${name} AS ${sql}`)
    own.push(name)
    return name
  }
  const drop = async (): Promise<void> => {
    for (const name of own) await engine.execute(`DROP TABLE IF EXISTS ${name}`)
  }
  const keys = plan.keys.map(dialect.identifier)
  try {
    const moments = await table(
      `SELECT ${[...keys, asked.ordinal].join(', ')}, CAST(${asked.at} AS DOUBLE) AS ${asked.at} FROM (${labels}) WHERE ${keyPresentSql(plan, dialect)}`,
    )
    const { joined, swept } = await computed(engine, plan, events, moments, options, own)
    const select = plan.features.map(({ name, spec }, f) => {
      const absent = absentValue(plan, spec)
      const otherwise = Number.isNaN(absent) ? "'NaN'::DOUBLE" : `${absent}::DOUBLE`
      const found = [...(swept ? [`s.f${f}`] : []), ...(joined ? [joined.columns[f] as string] : []), otherwise]
      return `coalesce(${found.join(', ')}) AS ${dialect.identifier(`${plan.view.name}.${name}`)}`
    })
    const joins = [
      ...(joined?.tables ?? []).map(from => `LEFT JOIN ${from} USING (${asked.ordinal})`),
      ...(swept ? [`LEFT JOIN ${swept} s USING (${asked.ordinal})`] : []),
    ]
    const all = `SELECT ${asked.ordinal}, CAST(${asked.at} AS DOUBLE) AS ${asked.at} FROM (${labels})`
    const done = await table(`SELECT ${asked.ordinal}, ${select.join(', ')} FROM (${all}) ${joins.join(' ')}`)
    for (const name of own.splice(0)) if (name !== done) await engine.execute(`DROP TABLE IF EXISTS ${name}`)
    own.push(done)
    return { sql: `SELECT * FROM ${done}`, drop }
  } catch (error) {
    await drop()
    throw error
  }
}

/** The features of moments: those that are joined, and a table of those that were swept. `own` takes the tables that are to go. */
async function computed(
  engine: DataEngine,
  plan: ViewPlan,
  events: string | DatasetRows,
  moments: string,
  options: OfflineOptions,
  own: string[],
): Promise<{ readonly joined?: JoinedFeatures; readonly swept?: string }> {
  const sweepAll = async (from: string) => {
    const swept = await sweptFeatures(engine, plan, events, from)
    if (swept !== undefined) own.push(swept)
    return swept === undefined ? {} : { swept }
  }
  const [span] = await engine.rows(`SELECT count(*) AS n, max(${asked.at}) AS latest FROM ${moments}`)
  if (Number(span?.n) === 0) return {}
  const source = await eventSource(engine, plan, events)
  if (!source) return {}
  const recency = recencyOf(source, source.oldest, Math.max(source.oldest, Number(span?.latest)) + 1)
  const columnsOf = (...names: readonly AggregationName[]): string[] => {
    const read = plan.features.filter(({ spec }) => names.includes(spec.aggregation))
    return [...new Set(read.map(({ channel }) => source.values[channel] as string))]
  }
  if (!recency) return sweepAll(moments)
  const figures = await valueFigures(
    engine,
    source.sql,
    columnsOf('sum', 'mean', 'share', 'min', 'max'),
    new Set(columnsOf('sum', 'mean')),
    source.rows,
  )
  if ([...figures.values()].some(({ way }) => way.kind === 'none')) return sweepAll(moments)
  const join = new WindowJoin(source, engine.dialect, plan.keys.map(engine.dialect.identifier), figures, recency)
  const together = options.maxMomentsTogether ?? maxMomentsTogether
  const joining = new JoinedMoments(engine, plan, source, join, moments, together, own)
  await joining.prepare()
  const joined = await joining.features()
  return { joined, ...(await sweepAll(joining.dense)) }
}

/** The same as arrays: a column a feature, by ordinal, of `count` moments. */
export async function offlineFeatures(
  engine: DataEngine,
  plan: ViewPlan,
  events: string | DatasetRows,
  labels: string,
  count: number,
  options: OfflineOptions = {},
): Promise<Map<string, Float64Array>> {
  const table = await featureTable(engine, plan, events, labels, options)
  try {
    const found = await engine.columns(table.sql)
    const ordinals = found.get(asked.ordinal)?.values ?? []
    const features = new Map<string, Float64Array>()
    for (const { name } of plan.features) {
      const column = `${plan.view.name}.${name}`
      const values = new Float64Array(count)
      const of = found.get(column)?.values as Float64Array
      for (let i = 0; i < of.length; i++) values[Number(ordinals[i])] = of[i] as number
      features.set(column, values)
    }
    return features
  } finally {
    await table.drop()
  }
}

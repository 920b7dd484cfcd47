import { toSql, type Node } from '../../define/expression/index.ts'
import type { AggregationName } from '../../define/features.ts'
import { isTextual } from '../../define/vector.ts'
import { ulid } from '../../internal/ids.ts'
import type { ColumnType, DataEngine, Dialect } from '../../ports/data-engine.ts'
import { datasetRows, type DatasetRows } from '../log/dataset-rows.ts'
import { withBounds } from './aligned-moments.ts'
import { keyPresentSql, withCommonKey, type Channel, type PlannedFeature, type ViewPlan } from './channels.ts'
import { codedTexts, decodedSql } from './coded-texts.ts'
import { absentValue } from './entity-window.ts'
import { valueFigures } from './exact-sum-sql.ts'
import { JoinedMoments, type JoinedFeatures } from './joined-moments.ts'
import { isSweepCheaper } from './join-cost.ts'
import { eventSource } from './offline-events.ts'
import { sweptFeatures } from './offline-sweep.ts'
import { asked } from './asked.ts'
import { isJoined, recencyOf, WindowJoin } from './window-join.ts'

/**
 * Moments of an entity within a window from which on its events are gone through one after another instead of being joined: an
 * event meets at most twice as many moments in a join.
 */
const maxMomentsTogether = 64

export interface OfflineOptions {
  readonly maxMomentsTogether?: number
  /** Of `sweep`. */
  readonly maxLooks?: number
  /** Whether events are swept wherever that is cheaper than joining them (default true). */
  readonly sweepsWhereCheaper?: boolean
}

/** Features for many moments as a table of the engine. */
export interface FeatureTable {
  /** SELECT of `millrace_ordinal` and a column a feature, `view.feature`: a text, or a double, NaN for null. A row a moment. */
  readonly sql: string
  drop(): Promise<void>
}

/**
 * Features of a view for many moments. `events` are the dataset's rows, `labels` a SELECT of the key columns, `millrace_ordinal` (0 … n − 1) and `millrace_at`
 * (microseconds, double). Exactly one value a label, whatever the keys.
 *
 * Events are joined with the moments that see them, in the engine. Where moments of one entity lie so close that an event
 * would meet many of them, where windows hold so many events that it is cheaper, and where values cannot be added up exactly as whole
 * numbers, one entity after another is swept instead: the same definition, at a cost that does not grow with how many there are.
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
  try {
    const rows = withCommonKey(plan, datasetRows(events), dialect)
    const coded = await codedTexts(engine, plan, rows, own)
    const asks = withCommonKey(plan, { sql: labels }, dialect).sql
    const keys = plan.keys.map(dialect.identifier)
    const moments = await table(
      await withBounds(
        engine,
        plan,
        `SELECT ${[...keys, asked.ordinal].join(', ')}, CAST(${asked.at} AS DOUBLE) AS ${asked.at} FROM (${asks}) WHERE ${keyPresentSql(plan, dialect)}`,
        table,
      ),
    )
    const found = await computed(engine, coded, rows, moments, options, own)
    const done = await table(selected(coded, found, labels, dialect))
    for (const name of own.splice(0)) if (name !== done) await engine.execute(`DROP TABLE IF EXISTS ${name}`)
    own.push(done)
    return { sql: `SELECT * FROM ${done}`, drop }
  } catch (error) {
    await drop()
    throw error
  }
}

const nan = "'NaN'::DOUBLE"

/** SELECT of the features by moment, of what was joined and swept; those that are derived are made of the others. */
function selected(plan: ViewPlan, { joined, swept }: ComputedFeatures, labels: string, dialect: Dialect): string {
  const column = (name: string): string => dialect.identifier(`${plan.view.name}.${name}`)
  const select = plan.features.flatMap(({ name, spec, channel, type }, f) => {
    if (spec.aggregation === 'derived') return []
    const absent = absentValue(plan, spec)
    const found = [
      ...swept.flatMap((one, i) => (one.places.includes(f) ? [`s${i}.f${f}`] : [])),
      ...(joined ? [joined.columns[f] as string] : []),
      Number.isNaN(absent) ? nan : `${absent}::DOUBLE`,
    ]
    const value = `coalesce(${found.join(', ')})`
    if (type === 'number') return [`${value} AS ${column(name)}`]
    const text = decodedSql(plan.channels[channel] as Channel, value)
    return [`${isTextual(spec.type) ? text : `coalesce(${dialect.cast(text, 'float')}, ${nan})`} AS ${column(name)}`]
  })
  const joins = [
    ...(joined?.tables ?? []).map(from => `LEFT JOIN ${from} USING (${asked.ordinal})`),
    ...swept.map((one, i) => `LEFT JOIN ${one.table} s${i} USING (${asked.ordinal})`),
  ]
  const presences = [...swept.map((_, i) => `s${i}.swept_present = 1`), ...(joined ? [joined.present] : [])]
  // Of a view with a ttl nothing is derived either where the entity has no features
  const hasTtl = plan.view.ttl !== undefined && plan.derived.length > 0
  const present = hasTtl ? [`coalesce(${[...presences, 'false'].join(', ')}) AS millrace_present`] : []
  const all = `SELECT ${asked.ordinal}, CAST(${asked.at} AS DOUBLE) AS ${asked.at} FROM (${labels})`
  const made = `SELECT ${[asked.ordinal, ...select, ...present].join(', ')} FROM (${all}) ${joins.join(' ')}`
  if (plan.derived.length === 0) return made
  const reach = featureColumns([plan], dialect)
  const features = plan.features.map(({ name, spec }) => {
    if (spec.aggregation !== 'derived') return column(name)
    const sql = toSql(spec.of as Node, dialect, one => reach(`${plan.view.name}.${one}`))
    const value = hasTtl ? `CASE WHEN millrace_present THEN ${sql} END` : sql
    return `${keptSql(value, spec.type, dialect)} AS ${column(name)}`
  })
  return `SELECT ${[asked.ordinal, ...features].join(', ')} FROM (${made})`
}

/** A value as it is kept until it is read: a text, or a double with NaN for null. */
function keptSql(value: string, type: ColumnType, dialect: Dialect): string {
  if (isTextual(type)) return value
  return `coalesce(${dialect.cast(type === 'timestamp' ? dialect.epochMicros(value) : value, 'float')}, ${nan})`
}

/** How a feature is reached once features are joined, as a value of its type: it is a text or a double with NaN for null until here. */
export function featureColumns(plans: readonly ViewPlan[], dialect: Dialect): (name: string) => string {
  const types = new Map<string, ColumnType>()
  for (const plan of plans)
    for (const { name, spec } of plan.features) types.set(`${plan.view.name}.${name}`, spec.type)
  return name => {
    const type = types.get(name)
    const quoted = dialect.identifier(name)
    if (type === undefined || isTextual(type)) return quoted
    const value = `nullif(${quoted}, ${dialect.cast("'NaN'", 'float')})`
    switch (type) {
      case 'int':
        return dialect.whole.from(value)
      case 'bool':
        return `(${value} <> 0)`
      case 'timestamp':
        return dialect.fromEpochMicros(dialect.cast(value, 'int'))
      case 'float':
        return dialect.cast(value, 'float')
    }
  }
}

interface ComputedFeatures {
  readonly joined?: JoinedFeatures
  /** Tables of features that were swept, with the places of these. */
  readonly swept: readonly { readonly table: string; readonly places: readonly number[] }[]
}

/** The features of moments: those that are joined, and tables of those that were swept. `own` takes the tables that are to go. */
async function computed(
  engine: DataEngine,
  plan: ViewPlan,
  events: DatasetRows,
  moments: string,
  options: OfflineOptions,
  own: string[],
): Promise<ComputedFeatures> {
  const places = (which: (feature: PlannedFeature) => boolean): readonly number[] =>
    plan.features.flatMap((feature, f) => (feature.spec.aggregation !== 'derived' && which(feature) ? [f] : []))
  const [span] = await engine.rows(`SELECT count(*) AS n, max(${asked.at}) AS latest FROM ${moments}`)
  if (Number(span?.n) === 0) return { swept: [] }
  const source = await eventSource(engine, plan, events)
  if (!source) return { swept: [] }
  const sweepAll = async (from: string, which: readonly number[]): Promise<ComputedFeatures['swept']> => {
    const table = await sweptFeatures(engine, plan, source, from, which, options.maxLooks)
    if (table !== undefined) own.push(table)
    return table === undefined ? [] : [{ table, places: which }]
  }
  const recency = recencyOf(source, source.oldest, Math.max(source.oldest, Number(span?.latest)) + 1)
  const columnsOf = (...names: readonly AggregationName[]): string[] => {
    const read = plan.features.filter(({ spec }) => names.includes(spec.aggregation))
    return [...new Set(read.map(({ channel }) => source.values[channel] as string))]
  }
  const every = places(() => true)
  const joinable = places(isJoined)
  const entities = `SELECT DISTINCT ${plan.keys.map(engine.dialect.identifier).join(', ')} FROM ${moments}`
  const isCheaper = async (): Promise<boolean> => {
    const [of] = await engine.rows(`SELECT count(*) AS n FROM (${entities})`)
    return isSweepCheaper(plan, source, Number(span?.n), Number(of?.n))
  }
  const sweeps = options.sweepsWhereCheaper !== false && engine.remote !== true
  if (!recency || joinable.length === 0 || (sweeps && (await isCheaper())))
    return { swept: await sweepAll(moments, every) }
  const figures = await valueFigures(
    engine,
    source.sql,
    columnsOf('sum', 'mean', 'share', 'min', 'max'),
    new Set(columnsOf('sum', 'mean')),
    source.rows,
  )
  if ([...figures.values()].some(({ way }) => way.kind === 'none')) return { swept: await sweepAll(moments, every) }
  const join = new WindowJoin(plan, source, engine.dialect, figures, recency)
  const together = options.maxMomentsTogether ?? maxMomentsTogether
  const joining = new JoinedMoments(engine, plan, source, join, moments, together, own)
  await joining.prepare()
  const joined = await joining.features()
  const others = places(feature => !isJoined(feature))
  return {
    joined,
    swept: [
      ...(await sweepAll(joining.dense, joinable)),
      ...(others.length > 0 ? await sweepAll(moments, others) : []),
    ],
  }
}

/** A column of features, by ordinal: numbers with NaN for null, or texts. */
export type FeatureValues = Float64Array | (string | null)[]

/** The same as arrays: a column a feature, by ordinal, of `count` moments. */
export async function offlineFeatures(
  engine: DataEngine,
  plan: ViewPlan,
  events: string | DatasetRows,
  labels: string,
  count: number,
  options: OfflineOptions = {},
): Promise<Map<string, FeatureValues>> {
  const table = await featureTable(engine, plan, events, labels, options)
  try {
    const found = await engine.columns(table.sql)
    const ordinals = found.get(asked.ordinal)?.values ?? []
    const features = new Map<string, FeatureValues>()
    for (const { name, spec } of plan.features) {
      const column = `${plan.view.name}.${name}`
      if (isTextual(spec.type)) {
        const values = Array.from<string | null>({ length: count }).fill(null)
        const { values: texts = [], nulls } = found.get(column) ?? {}
        for (let i = 0; i < texts.length; i++) values[Number(ordinals[i])] = nulls?.[i] ? null : (texts[i] as string)
        features.set(column, values)
        continue
      }
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

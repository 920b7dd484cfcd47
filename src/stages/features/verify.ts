import { personalColumns } from '../../define/dataset.ts'
import type { DataEngine, Row, Value } from '../../ports/data-engine.ts'
import type { OnlineStore } from '../../ports/online-store.ts'
import { seeded } from '../../math/random/seeded.ts'
import { datasetRows, versionColumns, versionsSql, type DatasetRows } from '../log/dataset-rows.ts'
import { eventMicros, keyIn, keyPresentSql, timeless, withCommonKey, type ViewPlan } from './channels.ts'
import { asTrained, ComparedValues, type ComparedFeature } from './compared-values.ts'
import { featureValue } from './entity-window.ts'
import { offlineFeatures } from './offline.ts'
import { OnlineView } from './online.ts'

export interface Verification {
  readonly view: string
  readonly compared: number
  readonly mismatches: number
  /** Moments that the store does not reach back to: it says so, and there is nothing to compare. */
  readonly uncovered: number
  /** How both sides are spread, by feature. */
  readonly features: readonly ComparedFeature[]
  /** The first few, for people; of an entity whose key is personal `•••`. */
  readonly examples: readonly {
    readonly key: string
    readonly at: number
    readonly feature: string
    readonly online: Value
    readonly offline: Value
  }[]
}

export interface VerifyOptions {
  /** The moment that was materialised to: files count up to it, the log whole. */
  readonly until: number
  readonly now: number
  /** Moments that are compared. */
  readonly sample: number
  readonly seed: number
}

/** An entity by its key columns, and a moment (microseconds). */
export interface AskedMoment {
  readonly entity: Row
  readonly at: number
}

/** Features of entities at moments as training computes them: a vector each, in the plan's order. */
export async function offlineVectors(
  engine: DataEngine,
  plan: ViewPlan,
  rows: DatasetRows,
  asked: readonly AskedMoment[],
): Promise<readonly (readonly Value[])[]> {
  if (asked.length === 0) return []
  const { dialect } = engine
  const asks = plan.asks.map(({ key }) => key)
  const literal = (value: unknown, name: string): string =>
    dialect.literal(value as never, plan.view.entity.keys[name]?.type ?? 'text')
  const labels = asked.map(
    (one, i) => `(${[...asks.map(name => literal(one.entity[name], name)), i, `${one.at}::DOUBLE`].join(', ')})`,
  )
  const found = await offlineFeatures(
    engine,
    plan,
    rows,
    `SELECT * FROM (VALUES ${labels.join(', ')}) t(${[...asks.map(dialect.identifier), 'millrace_ordinal', 'millrace_at'].join(', ')})`,
    asked.length,
  )
  return asked.map((_, i) =>
    plan.features.map(({ name, spec }) => {
      const value = found.get(`${plan.view.name}.${name}`)?.[i]
      const isText = typeof value === 'string' || value === null
      return featureValue(spec, isText ? Number.NaN : (value as number), isText ? value : null)
    }),
  )
}

/** The rows that the records were made of: of files those up to `until`, and what was pushed. */
export function knownBy(rows: DatasetRows, event: string, until: number): DatasetRows {
  const { place } = versionColumns
  return {
    sql: `SELECT * FROM (${rows.sql}) WHERE ${event} <= ${until}`,
    ...(rows.versions === undefined
      ? {}
      : { versions: `SELECT * FROM (${rows.versions}) WHERE ${event} <= ${until} OR ${place} > 0` }),
  }
}

/** The first moment at which everything that had happened by `now` counts; of rows without an event time, which are corrected at any time, `now`. */
export async function momentAfter(
  engine: DataEngine,
  plan: ViewPlan,
  rows: DatasetRows,
  until: number,
  now: number,
): Promise<number> {
  const event = eventMicros(plan, engine.dialect)
  const all = versionsSql(withCommonKey(plan, rows, engine.dialect))
  const [newest] = await engine.rows(`SELECT max(${event}) AS at FROM (${all}) WHERE ${event} <= ${now}`)
  // Records keep what windows ending at the newest event can see, so that moments are asked for from there on
  const last = Number(newest?.at ?? until)
  return last === timeless ? now : Math.max(until, last) + 1
}

/**
 * Answers features from the online store for random entities at random moments of the hour after the newest event, recomputes the
 * same moments from the offline data, and compares them as float32.
 */
export async function verifyView(
  engine: DataEngine,
  plan: ViewPlan,
  given: string | DatasetRows,
  online: OnlineStore,
  { until, now, sample, seed }: VerifyOptions,
): Promise<Verification> {
  const view = new OnlineView(plan, online)
  const { dialect } = engine
  const event = eventMicros(plan, dialect)
  const rows = knownBy(datasetRows(given), event, until)
  const all = versionsSql(withCommonKey(plan, rows, dialect))
  const keys = plan.keys.map(dialect.identifier)
  const entities = await engine.rows(
    `SELECT DISTINCT ${keys.join(', ')} FROM (${all}) WHERE ${keyPresentSql(plan, dialect)} ORDER BY ${keys.join(', ')}`,
  )
  const from = await momentAfter(engine, plan, rows, until, now)
  const random = seeded(seed)
  const asked = Array.from({ length: entities.length === 0 ? 0 : sample }, () => ({
    entity: entities[random.below(entities.length)] as (typeof entities)[number],
    at: from + random.below(3_600_000_000),
  }))
  const compared = new ComparedValues(plan)
  const offline = await offlineVectors(engine, plan, rows, asked)
  const entityKeys = asked.map(one => keyIn(plan, name => one.entity[name]))
  const windows = await view.load(entityKeys)
  const isPersonal = plan.keys.some(name => personalColumns(plan.view.from).has(name))
  const row = new Float64Array(plan.features.length)
  const texts: (string | null)[] = []
  const examples: Verification['examples'][number][] = []
  let mismatches = 0
  let uncovered = 0
  asked.forEach((one, i) => {
    if (view.compute(windows[i], one.at, row, 0, texts) === 'uncovered') {
      uncovered++
      return
    }
    const online = plan.features.map(({ spec }, f) => featureValue(spec, row[f] as number, texts[f]))
    const there = offline[i] ?? []
    for (const f of compared.add(online, there)) {
      mismatches++
      if (examples.length < 10)
        examples.push({
          key: isPersonal ? '•••' : (entityKeys[i] ?? ''),
          at: one.at,
          feature: plan.features[f]?.name ?? '',
          online: asTrained(online[f] ?? null),
          offline: asTrained(there[f] ?? null),
        })
    }
  })
  return {
    view: plan.view.name,
    compared: (asked.length - uncovered) * plan.features.length,
    mismatches,
    uncovered,
    features: compared.features(),
    examples,
  }
}

import type { DataEngine, Value } from '../../ports/data-engine.ts'
import type { OnlineStore } from '../../ports/online-store.ts'
import { seeded } from '../../math/random/seeded.ts'
import { datasetRows, versionColumns, versionsSql, type DatasetRows } from '../log/dataset-rows.ts'
import { eventMicros, keyIn, keyPresentSql, timeless, withCommonKey, type ViewPlan } from './channels.ts'
import { featureValue } from './entity-window.ts'
import { offlineFeatures } from './offline.ts'
import { OnlineView } from './online.ts'

export interface Verification {
  readonly view: string
  readonly compared: number
  readonly mismatches: number
  /** Moments that the store does not reach back to: it says so, and there is nothing to compare. */
  readonly uncovered: number
  /** The first few, for people. */
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

/** The rows that the records were made of: of files those up to `until`, and what was pushed. */
function known(rows: DatasetRows, event: string, until: number): DatasetRows {
  const { place } = versionColumns
  return {
    sql: `SELECT * FROM (${rows.sql}) WHERE ${event} <= ${until}`,
    ...(rows.versions === undefined
      ? {}
      : { versions: `SELECT * FROM (${rows.versions}) WHERE ${event} <= ${until} OR ${place} > 0` }),
  }
}

/** A value as a model sees it. */
const asTrained = (value: Value): Value => (typeof value === 'number' ? Math.fround(value) : value)

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
  const rows = known(datasetRows(given), event, until)
  const all = versionsSql(withCommonKey(plan, rows, dialect))
  const keys = plan.keys.map(dialect.identifier)
  const asks = plan.asks.map(({ key }) => key)
  const entities = await engine.rows(
    `SELECT DISTINCT ${keys.join(', ')} FROM (${all}) WHERE ${keyPresentSql(plan, dialect)} ORDER BY ${keys.join(', ')}`,
  )
  const [newest] = await engine.rows(`SELECT max(${event}) AS at FROM (${all}) WHERE ${event} <= ${now}`)
  // Records keep what windows ending at the newest event can see, so that moments are asked for from there on
  const last = Number(newest?.at ?? until)
  // Rows without an event time are corrected at any time: what counts is now
  const from = last === timeless ? now : Math.max(until, last) + 1
  const random = seeded(seed)
  const asked = Array.from({ length: entities.length === 0 ? 0 : sample }, () => ({
    entity: entities[random.below(entities.length)] as (typeof entities)[number],
    at: from + random.below(3_600_000_000),
  }))
  const literal = (value: unknown, name: string): string =>
    dialect.literal(value as never, plan.view.entity.keys[name]?.type ?? 'text')
  if (asked.length === 0) return { view: plan.view.name, compared: 0, mismatches: 0, uncovered: 0, examples: [] }
  const labels = asked.map(
    (one, i) => `(${[...asks.map(name => literal(one.entity[name], name)), i, `${one.at}::DOUBLE`].join(', ')})`,
  )
  const offline = await offlineFeatures(
    engine,
    plan,
    rows,
    `SELECT * FROM (VALUES ${labels.join(', ')}) t(${[...asks.map(dialect.identifier), 'millrace_ordinal', 'millrace_at'].join(', ')})`,
    asked.length,
  )
  const entityKeys = asked.map(one => keyIn(plan, name => one.entity[name]))
  const windows = await view.load(entityKeys)
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
    plan.features.forEach(({ name, spec }, f) => {
      const found = offline.get(`${plan.view.name}.${name}`)?.[i]
      const isText = typeof found === 'string' || found === null
      const online = featureValue(spec, row[f] as number, texts[f])
      const trained = featureValue(spec, isText ? Number.NaN : (found as number), isText ? found : null)
      const [here, there] = [asTrained(online), asTrained(trained)]
      if (Object.is(here, there) || here === there) return
      mismatches++
      if (examples.length < 10)
        examples.push({ key: entityKeys[i] ?? '', at: one.at, feature: name, online: here, offline: there })
    })
  })
  const compared = (asked.length - uncovered) * plan.features.length
  return { view: plan.view.name, compared, mismatches, uncovered, examples }
}

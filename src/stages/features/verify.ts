import type { DataEngine } from '../../ports/data-engine.ts'
import type { OnlineStore } from '../../ports/online-store.ts'
import { seeded } from '../../math/random/seeded.ts'
import { datasetRows, versionColumns, versionsSql, type DatasetRows } from '../log/dataset-rows.ts'
import { keyIn, keyPresentSql, type ViewPlan } from './channels.ts'
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
    readonly online: number
    readonly offline: number
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
  const event = dialect.epochMicros(dialect.identifier(plan.view.from.eventTime as string))
  const rows = known(datasetRows(given), event, until)
  const all = versionsSql(rows)
  const keys = plan.keys.map(dialect.identifier)
  const entities = await engine.rows(
    `SELECT DISTINCT ${keys.join(', ')} FROM (${all}) WHERE ${keyPresentSql(plan, dialect)} ORDER BY ${keys.join(', ')}`,
  )
  const [newest] = await engine.rows(`SELECT max(${event}) AS at FROM (${all}) WHERE ${event} <= ${now}`)
  // Records keep what windows ending at the newest event can see, so that moments are asked for from there on
  const from = Math.max(until, Number(newest?.at ?? until)) + 1
  const random = seeded(seed)
  const asked = Array.from({ length: entities.length === 0 ? 0 : sample }, () => ({
    entity: entities[random.below(entities.length)] as (typeof entities)[number],
    at: from + random.below(3_600_000_000),
  }))
  const literal = (value: unknown, name: string): string =>
    dialect.literal(value as never, plan.view.entity.keys[name]?.type ?? 'text')
  if (asked.length === 0) return { view: plan.view.name, compared: 0, mismatches: 0, uncovered: 0, examples: [] }
  const labels = asked.map(
    (one, i) => `(${plan.keys.map(name => literal(one.entity[name], name)).join(', ')}, ${i}, ${one.at}::DOUBLE)`,
  )
  const offline = await offlineFeatures(
    engine,
    plan,
    rows,
    `SELECT * FROM (VALUES ${labels.join(', ')}) t(${keys.join(', ')}, millrace_ordinal, millrace_at)`,
    asked.length,
  )
  const entityKeys = asked.map(one => keyIn(plan, name => one.entity[name]))
  const windows = await view.load(entityKeys)
  const row = new Float64Array(plan.features.length)
  const examples: Verification['examples'][number][] = []
  let mismatches = 0
  let uncovered = 0
  asked.forEach((one, i) => {
    if (view.compute(windows[i], one.at, row) === 'uncovered') {
      uncovered++
      return
    }
    plan.features.forEach(({ name }, f) => {
      const [here, there] = [
        Math.fround(row[f] as number),
        Math.fround(offline.get(`${plan.view.name}.${name}`)?.[i] as number),
      ]
      if (Object.is(here, there) || here === there) return
      mismatches++
      if (examples.length < 10)
        examples.push({ key: entityKeys[i] ?? '', at: one.at, feature: name, online: here, offline: there })
    })
  })
  const compared = (asked.length - uncovered) * plan.features.length
  return { view: plan.view.name, compared, mismatches, uncovered, examples }
}

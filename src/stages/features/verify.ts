import type { DataEngine } from '../../ports/data-engine.ts'
import type { OnlineStore } from '../../ports/online-store.ts'
import { seeded } from '../../math/random/seeded.ts'
import { encodeKey, type ViewPlan } from './channels.ts'
import { offlineFeatures } from './offline.ts'
import { OnlineView } from './online.ts'

export interface Verification {
  readonly view: string
  readonly compared: number
  readonly mismatches: number
  /** The first few, for people. */
  readonly examples: readonly {
    readonly key: string
    readonly at: number
    readonly feature: string
    readonly online: number
    readonly offline: number
  }[]
}

/**
 * Answers features from the online store for random entities at random moments up to `until`, recomputes the same
 * moments from the offline data, and compares them as float32. `until` is the moment that was materialised to.
 */
export async function verifyView(
  engine: DataEngine,
  plan: ViewPlan,
  events: string,
  until: number,
  online: OnlineStore,
  sample: number,
  seed: number,
): Promise<Verification> {
  const view = new OnlineView(plan, online)
  const { dialect } = engine
  const keys = plan.keys.map(dialect.identifier)
  const entities = await engine.rows(
    `SELECT DISTINCT ${keys.join(', ')} FROM (${events}) WHERE ${keys.map(key => `${key} IS NOT NULL`).join(' AND ')} ORDER BY ${keys.join(', ')}`,
  )
  const random = seeded(seed)
  // Records keep what windows ending at `until` can see, so that moments are asked for from there on
  const asked = Array.from({ length: entities.length === 0 ? 0 : sample }, () => ({
    entity: entities[random.below(entities.length)] as (typeof entities)[number],
    at: until + 1 + random.below(3_600_000_000),
  }))
  const literal = (value: unknown, name: string): string =>
    dialect.literal(value as never, plan.view.entity.keys[name]?.type ?? 'text')
  if (asked.length === 0) return { view: plan.view.name, compared: 0, mismatches: 0, examples: [] }
  const labels = asked.map(
    (one, i) => `(${plan.keys.map(name => literal(one.entity[name], name)).join(', ')}, ${i}, ${one.at}::DOUBLE)`,
  )
  const known = `SELECT * FROM (${events}) WHERE ${dialect.epochMicros(dialect.identifier(plan.view.from.eventTime as string))} <= ${until}`
  const offline = await offlineFeatures(
    engine,
    plan,
    known,
    `SELECT * FROM (VALUES ${labels.join(', ')}) t(${keys.join(', ')}, millrace_ordinal, millrace_at)`,
    asked.length,
  )
  const row = new Float64Array(plan.features.length)
  const examples: Verification['examples'][number][] = []
  let mismatches = 0
  asked.forEach((one, i) => {
    const key = encodeKey(plan.keys.map(name => one.entity[name] ?? null)) as string
    view.read(key, one.at, row)
    plan.features.forEach(({ name }, f) => {
      const [here, there] = [
        Math.fround(row[f] as number),
        Math.fround(offline.get(`${plan.view.name}.${name}`)?.[i] as number),
      ]
      if (Object.is(here, there) || here === there) return
      mismatches++
      if (examples.length < 10) examples.push({ key, at: one.at, feature: name, online: here, offline: there })
    })
  })
  return { view: plan.view.name, compared: asked.length * plan.features.length, mismatches, examples }
}

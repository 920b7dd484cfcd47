import type { Column, DataEngine } from '../../ports/data-engine.ts'
import { ulid } from '../../internal/ids.ts'
import { datasetRows, type DatasetRows } from '../log/dataset-rows.ts'
import type { ViewPlan } from './channels.ts'
import type { FeatureSpec } from '../../define/features.ts'
import type { Aggregate } from './aggregates.ts'
import { absentValue } from './entity-window.ts'
import { sweep, type EventColumns, type LabelColumns } from './sweep.ts'
import { countedSql } from './version-sql.ts'
import { asked } from './asked.ts'

const [isPresent, isMissing, isStale] = [0, 1, 2]

/** Moments that are written at a time. */
const batchMoments = 100_000

/** Rows of a sorted stream as numbers, entity by entity; the columns are doubles. */
class Entities {
  readonly #stream: AsyncIterator<ReadonlyMap<string, Column>>
  readonly #names: readonly string[]
  #batch: readonly Float64Array[] = []
  #at = 0

  constructor(stream: AsyncIterable<ReadonlyMap<string, Column>>, names: readonly string[]) {
    this.#stream = stream[Symbol.asyncIterator]()
    this.#names = names
  }

  async #more(): Promise<boolean> {
    while (this.#at >= (this.#batch[0]?.length ?? 0)) {
      const { value, done } = await this.#stream.next()
      if (done) return false
      this.#batch = this.#names.map(name => (value as ReadonlyMap<string, Column>).get(name)?.values as Float64Array)
      this.#at = 0
    }
    return true
  }

  /** The rows of the next entities up to and with `code`: those of `code`, and none of the ones before it. */
  async of(code: number): Promise<readonly Float64Array[]> {
    const parts: (readonly Float64Array[])[] = []
    while (await this.#more()) {
      const codes = this.#batch[0] as Float64Array
      while (this.#at < codes.length && (codes[this.#at] as number) < code) this.#at++
      const from = this.#at
      while (this.#at < codes.length && codes[this.#at] === code) this.#at++
      if (this.#at > from) parts.push(this.#batch.map(column => column.slice(from, this.#at)))
      if (this.#at < codes.length) break
    }
    return this.#names.map((_, i) => joined(parts.map(part => part[i] as Float64Array)))
  }

  async close(): Promise<void> {
    await this.#stream.return?.()
  }
}

function joined(parts: readonly Float64Array[]): Float64Array {
  const [only] = parts
  if (only && parts.length === 1) return only
  const all = new Float64Array(parts.reduce((sum, one) => sum + one.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

/**
 * The features of moments that lie close together in their entities, by going through the events of one entity at a time: what each
 * costs does not depend on how many moments see it. `moments` is a table of `asked`, `places` are those of the features; gives a table with
 * a column for each, `f0` …, and `swept_present`, 1 where the view has features at all, or undefined where there are no moments. Whoever
 * asks drops it.
 */
export async function sweptFeatures(
  engine: DataEngine,
  plan: ViewPlan,
  events: string | DatasetRows,
  moments: string,
  places: readonly number[],
): Promise<string | undefined> {
  const { dialect } = engine
  const keys = plan.keys.map(dialect.identifier)
  const entities = dialect.identifier(`entities_${ulid()}`)
  await engine.execute(
    `CREATE TABLE ${entities} AS SELECT ${keys.join(', ')}, CAST(row_number() OVER () - 1 AS DOUBLE) AS millrace_code FROM (SELECT DISTINCT ${keys.join(', ')} FROM ${moments})`,
  )
  const [found] = await engine.rows(`SELECT count(*) AS n FROM ${entities}`)
  const count = Number(found?.n)
  const isVersioned = datasetRows(events).versions !== undefined
  const channels = plan.channels.map((_, i) => i)
  const kept = channels.flatMap(i => [
    `millrace_value${i}`,
    `millrace_visible${i}`,
    ...(isVersioned ? [`millrace_until${i}`] : []),
  ])
  const on = keys.map(key => `e.${key} = k.${key}`).join(' AND ')
  const ofEvents = ['code', 'millrace_event', ...kept]
  const eventRows = new Entities(
    engine.stream(
      `SELECT k.millrace_code AS ${ofEvents.join(', ')} FROM (${countedSql(plan, events, dialect)}) e JOIN ${entities} k ON ${on} ORDER BY code, millrace_event, millrace_seq`,
    ),
    ofEvents,
  )
  const momentRows = new Entities(
    engine.stream(
      `SELECT k.millrace_code AS code, CAST(e.${asked.ordinal} AS DOUBLE) AS ordinal, e.${asked.at} AS moment FROM ${moments} e JOIN ${entities} k ON ${on} ORDER BY code, moment, ordinal`,
    ),
    ['code', 'ordinal', 'moment'],
  )
  const name = `swept_${ulid()}`
  let table: string | undefined
  let ready: Float64Array[][] = []
  let waiting = 0
  const write = async (): Promise<void> => {
    if (waiting === 0) return
    const columns = [asked.ordinal, 'swept_present', ...places.map(f => `f${f}`)].map(
      (column, c): Column => ({
        name: column,
        type: 'float',
        values: joined(ready.map(one => one[c] as Float64Array)),
      }),
    )
    table = (await engine.load(name, columns, table !== undefined)).sql
    ready = []
    waiting = 0
  }
  try {
    for (let code = 0; code < count; code++) {
      const [, ordinals = new Float64Array(0), time = new Float64Array(0)] = await momentRows.of(code)
      const [, event = new Float64Array(0), ...columns] = await eventRows.of(code)
      ready.push([ordinals, ...featuresOf(plan, places, event, columns, time, isVersioned)])
      waiting += ordinals.length
      if (waiting >= batchMoments) await write()
    }
    await write()
  } finally {
    await Promise.all([eventRows.close(), momentRows.close()])
    await engine.execute(`DROP TABLE ${entities}`)
  }
  return table
}

/** Whether there are features, and a column a feature, by moment. */
function featuresOf(
  plan: ViewPlan,
  places: readonly number[],
  event: Float64Array,
  columns: readonly Float64Array[],
  time: Float64Array,
  isVersioned: boolean,
): Float64Array[] {
  const moments: LabelColumns = { offsets: Int32Array.of(0, time.length), time }
  const each = isVersioned ? 3 : 2
  const eventsOf = (channel: number): EventColumns => {
    const [value, visible, until] = columns.slice(channel * each) as [Float64Array, Float64Array, Float64Array]
    return { offsets: Int32Array.of(0, event.length), event, visible, value, ...(isVersioned ? { until } : {}) }
  }
  const state = statuses(plan, eventsOf(0), moments)
  const present = Float64Array.from(state, one => (one === isPresent ? 1 : Number.NaN))
  const features = places.map(place => {
    const { spec, channel } = plan.features[place] as ViewPlan['features'][number]
    const values = sweep(spec.aggregation as Aggregate, spec, eventsOf(channel), moments)
    const absent = absentValue(plan, spec)
    return values.map((value, i) => (state[i] === isPresent ? value : state[i] === isMissing ? absent : Number.NaN))
  })
  return [present, ...features]
}

const unbounded: FeatureSpec = { aggregation: 'count', type: 'int', nullable: false }

/** Whether there is an event before the moment that counts then, and whether the newest one is older than the view's ttl. */
function statuses(plan: ViewPlan, events: EventColumns, moments: LabelColumns): Uint8Array {
  const state = new Uint8Array(moments.time.length)
  const ttl = plan.view.ttl ?? Number.POSITIVE_INFINITY
  const newest = sweep('newest', unbounded, events, moments)
  newest.forEach((event, label) => {
    if (Number.isNaN(event)) state[label] = isMissing
    else if ((moments.time[label] as number) - event > ttl) state[label] = isStale
  })
  return state
}

import type { Column, DataEngine } from '../../ports/data-engine.ts'
import { ulid } from '../../internal/ids.ts'
import type { ViewPlan } from './channels.ts'
import type { FeatureSpec } from '../../define/features.ts'
import type { Aggregate } from './aggregates.ts'
import { absentValue } from './entity-window.ts'
import { sweep, type EventColumns, type LabelColumns } from './sweep.ts'
import type { EventSource, Visibility } from './offline-events.ts'
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
      if (this.#at > from) parts.push(this.#batch.map(column => column.subarray(from, this.#at)))
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

/** Bytes of events that are sorted at a time. */
const maxPartBytes = 400_000_000

/** What a sweep reads of the events of a source: each time of it once, and no column that is the same for all rows. */
class SweptColumns {
  readonly #source: EventSource
  readonly names: readonly string[]

  constructor(source: EventSource, channels: readonly number[]) {
    this.#source = source
    const wanted = [...new Set([0, ...channels])]
    const values = wanted.flatMap(c => (c === 0 && source.shared ? [] : [source.values[c] as string]))
    const times = wanted.flatMap(c => {
      const { from, until, atOnce } = this.#visibility(c)
      return [...(atOnce ? [] : [from]), ...(until === undefined ? [] : [until])]
    })
    this.names = [...values, ...new Set(times)]
  }

  #visibility(channel: number): Visibility {
    return this.#source.visibilities[this.#source.visibilityOf[channel] as number] as Visibility
  }

  /** The events of one entity by channel; `columns` are those of `names`. */
  of(event: Float64Array, columns: readonly Float64Array[]): (channel: number) => EventColumns {
    const column = (name: string): Float64Array | undefined => columns[this.names.indexOf(name)]
    const offsets = Int32Array.of(0, event.length)
    let atOnceTimes: Float64Array | undefined
    return channel => {
      const { from, until, atOnce } = this.#visibility(channel)
      if (atOnce) atOnceTimes ??= event.map(time => time + 1)
      return {
        offsets,
        event,
        value: column(this.#source.values[channel] as string) ?? new Float64Array(event.length),
        visible: (atOnce ? atOnceTimes : column(from)) as Float64Array,
        ...(until === undefined ? {} : { until: column(until) as Float64Array }),
      }
    }
  }
}

/**
 * The features of moments by going through the events of one entity at a time: what each costs does not depend on how many moments
 * see it. `moments` is a table of `asked`, `places` are those of the features; gives a table with a column for each, `f0` …, and
 * `swept_present`, 1 where the view has features at all, or undefined where there are no moments. Whoever asks drops it.
 */
export async function sweptFeatures(
  engine: DataEngine,
  plan: ViewPlan,
  source: EventSource,
  moments: string,
  places: readonly number[],
  maxLooks?: number,
): Promise<string | undefined> {
  const { dialect } = engine
  const keys = plan.keys.map(dialect.identifier)
  const entities = dialect.identifier(`entities_${ulid()}`)
  await engine.execute(
    `CREATE TABLE ${entities} AS SELECT ${keys.join(', ')}, CAST(row_number() OVER () - 1 AS DOUBLE) AS millrace_code FROM (SELECT DISTINCT ${keys.join(', ')} FROM ${moments})`,
  )
  const [found] = await engine.rows(`SELECT count(*) AS n FROM ${entities}`)
  const count = Number(found?.n)
  const columns = new SweptColumns(
    source,
    places.map(place => plan.features[place]?.channel as number),
  )
  const on = keys.map(key => `e.${key} = k.${key}`).join(' AND ')
  const ofEvents = ['code', 'millrace_event', ...columns.names]
  const rowsOf = async function* (from: number, to: number): AsyncGenerator<Swept> {
    const its = `(SELECT * FROM ${entities} WHERE millrace_code >= ${from} AND millrace_code < ${to})`
    const eventRows = new Entities(
      engine.stream(
        `SELECT k.millrace_code AS ${ofEvents.join(', ')} FROM (${source.sql}) e JOIN ${its} k ON ${on} ORDER BY code, millrace_event, millrace_row`,
      ),
      ofEvents,
    )
    const momentRows = new Entities(
      engine.stream(
        `SELECT k.millrace_code AS code, CAST(e.${asked.ordinal} AS DOUBLE) AS ordinal, e.${asked.at} AS moment FROM ${moments} e JOIN ${its} k ON ${on} ORDER BY code, moment, ordinal`,
      ),
      ['code', 'ordinal', 'moment'],
    )
    try {
      for (let code = from; code < to; code++) {
        const [, ordinals, time] = (await momentRows.of(code)) as [Float64Array, Float64Array, Float64Array]
        const [, event, ...its] = (await eventRows.of(code)) as [Float64Array, Float64Array, ...Float64Array[]]
        yield { ordinals, time, eventsOf: columns.of(event, its) }
      }
    } finally {
      await Promise.all([eventRows.close(), momentRows.close()])
    }
  }
  const name = `swept_${ulid()}`
  let table: string | undefined
  let ready: Float64Array[][] = []
  let waiting = 0
  const write = async (): Promise<void> => {
    if (waiting === 0) return
    const made = [asked.ordinal, 'swept_present', ...places.map(f => `f${f}`)].map(
      (column, c): Column => ({
        name: column,
        type: 'float',
        values: joined(ready.map(one => one[c] as Float64Array)),
      }),
    )
    table = (await engine.load(name, made, table !== undefined)).sql
    ready = []
    waiting = 0
  }
  const parts = Math.max(1, Math.ceil((source.rows * (ofEvents.length + 1) * 8) / maxPartBytes))
  const each = Math.max(1, Math.ceil(count / parts))
  try {
    for (let from = 0; from < count; from += each)
      for await (const one of rowsOf(from, Math.min(count, from + each))) {
        ready.push([one.ordinals, ...featuresOf(plan, places, one, maxLooks)])
        waiting += one.ordinals.length
        if (waiting >= batchMoments) await write()
      }
    await write()
  } finally {
    await engine.execute(`DROP TABLE ${entities}`)
  }
  return table
}

/** The moments of one entity, and its events by channel. */
interface Swept {
  readonly ordinals: Float64Array
  readonly time: Float64Array
  readonly eventsOf: (channel: number) => EventColumns
}

/** Whether there are features, and a column a feature, by moment. */
function featuresOf(
  plan: ViewPlan,
  places: readonly number[],
  { time, eventsOf }: Swept,
  maxLooks: number | undefined,
): Float64Array[] {
  const moments: LabelColumns = { offsets: Int32Array.of(0, time.length), time }
  const state = statuses(plan, eventsOf(0), moments, maxLooks)
  const present = Float64Array.from(state, one => (one === isPresent ? 1 : Number.NaN))
  const features = places.map(place => {
    const { spec, channel } = plan.features[place] as ViewPlan['features'][number]
    const values = sweep(spec.aggregation as Aggregate, spec, eventsOf(channel), moments, maxLooks)
    const absent = absentValue(plan, spec)
    for (let i = 0; i < values.length; i++)
      if (state[i] !== isPresent) values[i] = state[i] === isMissing ? absent : Number.NaN
    return values
  })
  return [present, ...features]
}

const unbounded: FeatureSpec = { aggregation: 'count', type: 'int', nullable: false }

/** Whether there is an event before the moment that counts then, and whether the newest one is older than the view's ttl. */
function statuses(
  plan: ViewPlan,
  events: EventColumns,
  moments: LabelColumns,
  maxLooks: number | undefined,
): Uint8Array {
  const state = new Uint8Array(moments.time.length)
  const ttl = plan.view.ttl ?? Number.POSITIVE_INFINITY
  const newest = sweep('newest', unbounded, events, moments, maxLooks)
  newest.forEach((event, label) => {
    if (Number.isNaN(event)) state[label] = isMissing
    else if ((moments.time[label] as number) - event > ttl) state[label] = isStale
  })
  return state
}

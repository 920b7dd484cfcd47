import { fail } from '../../errors/index.ts'
import type { DataEngine, Value } from '../../ports/data-engine.ts'
import type { OnlineStore } from '../../ports/online-store.ts'
import { channelEvaluator, channelSql, encodeKey, type ViewPlan } from './channels.ts'
import { computeAll, EntityWindow } from './entity-window.ts'

/** A row of the source as it is pushed: declared columns by name, times in microseconds. */
export type PushedRow = Readonly<Record<string, Value>>

/** Late requests may ask for a moment this long before the newest event. */
const slack = 3_600_000_000

/** The online side of one view: answers feature vectors at any moment from the entity's recent events. */
export class OnlineView {
  readonly plan: ViewPlan
  readonly #store: OnlineStore
  readonly #windows = new Map<string, EntityWindow>()
  readonly #dirty = new Set<string>()
  readonly #channels: readonly ReturnType<typeof channelEvaluator>[]
  readonly #values: Float64Array
  readonly #visibles: Float64Array

  constructor(plan: ViewPlan, store: OnlineStore) {
    this.plan = plan
    this.#store = store
    this.#channels = plan.channels.map(channelEvaluator)
    this.#values = new Float64Array(plan.channels.length)
    this.#visibles = new Float64Array(plan.channels.length)
  }

  get name(): string {
    return this.plan.view.name
  }

  #window(key: string): EntityWindow | undefined {
    const cached = this.#windows.get(key)
    if (cached) return cached
    const bytes = this.#store.get(this.plan.records, key)
    const window = bytes ? EntityWindow.decode(bytes, this.plan.channels.length) : undefined
    if (bytes && !window) throw fail('viewOutdated', { view: this.name })
    if (window) this.#windows.set(key, window)
    return window
  }

  /** Adds events to memory; `flush` makes them durable. A row without its key is skipped: no entity to count it for. */
  push(rows: Iterable<PushedRow>): void {
    const eventTime = this.plan.view.from.eventTime as string
    for (const row of rows) {
      const key = encodeKey(this.plan.keys.map(name => row[name] ?? null))
      const at = row[eventTime]
      if (key === undefined || at === null || at === undefined) continue
      const event = Number(at)
      const read = (name: string): Value => row[name] ?? null
      this.#channels.forEach((channel, c) => {
        const value = channel.value(read)
        this.#values[c] = value === null ? Number.NaN : Number(value)
        let visible = event + 1
        for (const known of channel.known) {
          const time = known(read)
          visible = Math.max(visible, time === null ? 9e18 : Number(time))
        }
        this.#visibles[c] = visible
      })
      let window = this.#window(key)
      if (!window) {
        window = new EntityWindow(this.plan.channels.length)
        this.#windows.set(key, window)
      }
      window.push(event, this.#values, this.#visibles)
      window.prune(event - this.plan.horizon - slack)
      this.#dirty.add(key)
    }
  }

  /** Resolves when everything pushed so far survives a crash. */
  async flush(): Promise<void> {
    const keys = [...this.#dirty]
    this.#dirty.clear()
    await this.#store.putMany(
      this.plan.records,
      keys.map(key => [key, (this.#windows.get(key) as EntityWindow).encode()] as const),
    )
  }

  /** All features at `t` (microseconds) into `out`, in declared order, NaN for null. */
  read(key: string | undefined, t: number, out: Float64Array, offset = 0): 'present' | 'missing' | 'stale' {
    return computeAll(this.plan, key === undefined ? undefined : this.#window(key), t, out, offset)
  }

  /** Forgets what is in memory, so that the next read takes the stored records. */
  forget(): void {
    this.#windows.clear()
    this.#dirty.clear()
  }
}

/**
 * Writes the records of all entities from the offline data as it was at `until`: rebuilt whole, so that running it again,
 * or over another interval, gives the same records. Gives the number of entities.
 */
export async function materialise(
  engine: DataEngine,
  plan: ViewPlan,
  events: string,
  until: number,
  store: OnlineStore,
): Promise<number> {
  const { dialect } = engine
  const keys = plan.keys.map(dialect.identifier)
  const event = `CAST(${dialect.epochMicros(dialect.identifier(plan.view.from.eventTime as string))} AS DOUBLE)`
  const channels = plan.channels.map(channel => channelSql(plan, channel, dialect))
  const from = until - plan.horizon - slack
  const since = Number.isFinite(from) ? ` AND event >= ${from}` : ''
  const keyed = keys.map((key, i) => `CAST(${key} AS VARCHAR) AS key${i}`)
  const inner = `SELECT ${keyed.join(', ')}, millrace_seq, ${event} AS event, ${channels.map((sql, i) => `${sql.value} AS value${i}, ${sql.visible} AS visible${i}`).join(', ')} FROM (${events})`
  const known = keys.map((_, i) => `key${i} IS NOT NULL`).join(' AND ')
  // An entity whose events are all older than the horizon keeps its newest one: its age tells stale from missing
  const rank = `row_number() OVER (PARTITION BY ${keys.map((_, i) => `key${i}`).join(', ')} ORDER BY event DESC)`
  const recent = Number.isFinite(from)
    ? `SELECT * FROM (SELECT *, ${rank} AS newest FROM (${inner}) WHERE event <= ${until}) WHERE ${known} AND (newest = 1${since.replace(' AND', ' OR')})`
    : `SELECT * FROM (${inner}) WHERE ${known} AND event <= ${until}`
  const windows = new Map<string, EntityWindow>()
  const values = new Float64Array(channels.length)
  const visibles = new Float64Array(channels.length)
  for await (const batch of engine.stream(`${recent} ORDER BY event, millrace_seq`)) {
    const at = batch.get('event')?.values as Float64Array
    const keyColumns = keys.map((_, i) => batch.get(`key${i}`)?.values as readonly string[])
    const value = channels.map((_, i) => batch.get(`value${i}`)?.values as Float64Array)
    const visible = channels.map((_, i) => batch.get(`visible${i}`)?.values as Float64Array)
    for (let r = 0; r < at.length; r++) {
      const key = encodeKey(keyColumns.map(column => column[r] as string)) as string
      let window = windows.get(key)
      if (!window) {
        window = new EntityWindow(channels.length)
        windows.set(key, window)
      }
      for (let c = 0; c < channels.length; c++) {
        values[c] = (value[c] as Float64Array)[r] as number
        visibles[c] = (visible[c] as Float64Array)[r] as number
      }
      window.push(at[r] as number, values, visibles)
    }
  }
  await store.dropView(plan.records)
  await store.putMany(
    plan.records,
    [...windows].map(([key, window]) => [key, window.encode()] as const),
  )
  return windows.size
}

import { fail, isMillraceError } from '../../errors/index.ts'
import type { Row, Value } from '../../ports/data-engine.ts'
import type { OnlineStore, Revision } from '../../ports/online-store.ts'
import type { RowVersion } from '../log/row-version.ts'
import { channelEvaluator, keyIn, timeless, type ViewPlan } from './channels.ts'
import { computeAll, EntityWindow, type EventVersion, type FeatureStatus } from './entity-window.ts'
import { encodeKey, rowNumberOf } from '../log/keys.ts'

/** Late requests may ask for a moment this long before the newest event. */
export const slack = 3_600_000_000

/** Events kept decoded in memory, over all entities of a view. */
const maxCachedEvents = 500_000

/** So often in a row another writer may be quicker before a write is given up: each time one of them came through. */
const maxAttempts = 1_000

/** So long after the store did not answer nobody asks it again: a time-out is paid once, not by each request. */
const restMs = 1_000

/** Records of entities, in the order asked. */
export interface LoadedWindows {
  /** Undefined where there is none. */
  readonly windows: readonly (EntityWindow | undefined)[]
  /** The store does not answer: they are those that were read last, and of the others nothing is known. */
  readonly isKept: boolean
}

export interface OnlineViewOptions {
  readonly keepMs?: number
  /** What is done where the store does not answer: it is thrown (default), or what was read last is used. */
  readonly unreachable?: 'refuse' | 'stale'
}

interface EntityOfVersion {
  /** Undefined where a part of it is null. */
  readonly key: string | undefined
  readonly alone: boolean
}

interface CachedWindow {
  readonly revision: Revision
  readonly window: EntityWindow
}

/** Which row of its dataset it is; NaN where the dataset has no key. */
export function rowOf(plan: ViewPlan, read: (name: string) => Value | undefined): number {
  const { key, columns } = plan.view.from
  if (key.length === 0) return Number.NaN
  const text = encodeKey(
    key.map(read),
    key.map(name => columns[name]?.type ?? 'text'),
  )
  return text === undefined ? Number.NaN : rowNumberOf(text)
}

/** The online side of one view: answers feature vectors at any moment from the entity's recent events. */
export class OnlineView {
  readonly plan: ViewPlan
  readonly #store: OnlineStore
  readonly #keepMs: number | undefined
  readonly #unreachable: 'refuse' | 'stale'
  #away: { readonly error: unknown; readonly until: number } | undefined
  /** By key, the one that was read the longest ago first. */
  readonly #cache = new Map<string, CachedWindow>()
  #cachedEvents = 0
  readonly #entities = new WeakMap<RowVersion, EntityOfVersion>()
  readonly #channels: readonly ReturnType<typeof channelEvaluator>[]

  constructor(plan: ViewPlan, store: OnlineStore, { keepMs, unreachable = 'refuse' }: OnlineViewOptions = {}) {
    this.plan = plan
    this.#store = store
    this.#keepMs = keepMs
    this.#unreachable = unreachable
    this.#channels = plan.channels.map(channelEvaluator)
  }

  get name(): string {
    return this.plan.view.name
  }

  #forget(key: string): void {
    const found = this.#cache.get(key)
    if (!found) return
    this.#cachedEvents -= found.window.length
    this.#cache.delete(key)
  }

  #remember(key: string, cached: CachedWindow): void {
    this.#forget(key)
    this.#cache.set(key, cached)
    this.#cachedEvents += cached.window.length
    for (const oldest of this.#cache.keys()) {
      if (this.#cachedEvents <= maxCachedEvents || oldest === key) break
      this.#forget(oldest)
    }
  }

  /** What the store has of the keys now, in the order asked. The store is asked each time; what has not changed is not sent again. */
  async #current(keys: readonly string[]): Promise<(CachedWindow | undefined)[]> {
    const asks = keys.map(key => {
      const have = this.#cache.get(key)?.revision
      return have === undefined ? { key } : { key, have }
    })
    // What is evicted by another request meanwhile is held here
    const held = keys.map(key => this.#cache.get(key))
    const found = await this.#store.getMany(this.plan.records, asks)
    return keys.map((key, i) => {
      const record = found[i]
      if (record === 'unchanged') return held[i]
      if (!record) {
        this.#forget(key)
        return undefined
      }
      const window = EntityWindow.decode(record.bytes, this.plan.channels.length)
      if (!window) throw fail('viewOutdated', { view: this.name })
      const cached = { revision: record.revision, window }
      this.#remember(key, cached)
      return cached
    })
  }

  /** The windows of those entities, in the order asked; undefined where there is none. One round trip to the store. */
  async load(keys: readonly (string | undefined)[]): Promise<(EntityWindow | undefined)[]> {
    const asked = [...new Set(keys.filter(key => key !== undefined))]
    if (asked.length === 0) return keys.map(() => undefined)
    const current = await this.#current(asked)
    const windows = new Map(asked.map((key, i) => [key, current[i]?.window]))
    return keys.map(key => (key === undefined ? undefined : windows.get(key)))
  }

  /** The same for answers, which do not wait for a store that is away. */
  async loadToAnswer(keys: readonly (string | undefined)[]): Promise<LoadedWindows> {
    try {
      if (this.#away && this.#away.until > performance.now()) throw this.#away.error
      return { windows: await this.load(keys), isKept: false }
    } catch (error) {
      if (!isAway(error)) throw error
      if (this.#away?.error !== error) this.#away = { error, until: performance.now() + restMs }
      if (this.#unreachable === 'refuse') throw error
      return { windows: keys.map(key => (key === undefined ? undefined : this.#cache.get(key)?.window)), isKept: true }
    }
  }

  /** All features at `t` (microseconds) into `out`, in declared order, NaN for null; those that are texts into `texts`. */
  compute(
    window: EntityWindow | undefined,
    t: number,
    out: Float64Array,
    offset = 0,
    texts?: (string | null)[],
  ): FeatureStatus {
    return computeAll(this.plan, window, t, out, offset, texts)
  }

  async read(key: string | undefined, t: number, out: Float64Array, offset = 0): Promise<FeatureStatus> {
    const [window] = await this.load([key])
    return this.compute(window, t, out, offset)
  }

  /** Of whom a version is, and whether all before it were: known of each, so that a row of many versions costs no more. */
  #entityOf(version: RowVersion): EntityOfVersion {
    const unknown: RowVersion[] = []
    let known: EntityOfVersion | undefined
    for (let one: RowVersion | undefined = version; one && !known; one = one.before) {
      known = this.#entities.get(one)
      if (!known) unknown.push(one)
    }
    for (const one of unknown.toReversed()) {
      const key = keyIn(this.plan, name => one.row[name])
      known = { key, alone: known === undefined || (known.alone && known.key === key) }
      this.#entities.set(one, known)
    }
    return known as EntityOfVersion
  }

  /** The versions by the entity that hears of them. A row without its key or event time is skipped: nobody to count it for. */
  #byEntity(versions: Iterable<RowVersion>): Map<string, (EventVersion & { at: number; first: boolean })[]> {
    const { eventTime } = this.plan.view.from
    const byKey = new Map<string, (EventVersion & { at: number; first: boolean })[]>()
    const add = (key: string | undefined, version: RowVersion, counts: boolean): void => {
      const read = (name: string): Value => version.row[name] ?? null
      const time = eventTime === undefined ? timeless : read(eventTime)
      if (key === undefined || time === null) return
      const event = Number(time)
      const found = this.#channels.map(channel => {
        return version.gone ? Number.NaN : channel.value(read)
      })
      const told = this.#channels.map(channel => !version.gone && channel.told(read))
      const declared = this.#channels.map((channel, c) => {
        if (Number.isNaN(found[c]) && !told[c]) return event + 1
        const known = channel.known.map(at => at(read)).map(at => (at === null ? 9e18 : Number(at)))
        return Math.max(event + 1, ...known)
      })
      const { seq, at, first } = version
      const known = version.known ?? (first ? Number.NEGATIVE_INFINITY : at)
      // Where the row has left the entity it has no value; that something was told stays known, so that what follows is a correction
      const values = counts ? found : found.map(() => Number.NaN)
      const made = {
        event,
        row: rowOf(this.plan, read),
        seq,
        known,
        values,
        declared,
        told,
        at,
        first: version.known === undefined && first,
      }
      const list = byKey.get(key)
      if (list) list.push(made)
      else byKey.set(key, [made])
    }
    for (const version of versions) {
      const own = this.#entityOf(version)
      if (own.alone) {
        add(own.key, version, true)
        continue
      }
      // An entity that the row has left, or comes to, hears of all its versions
      const all: RowVersion[] = []
      for (let one: RowVersion | undefined = version; one; one = one.before) all.push(one)
      const entities = new Set(all.map(one => this.#entityOf(one).key))
      for (const entity of entities)
        for (const one of all.toReversed()) add(entity, one, this.#entityOf(one).key === entity)
    }
    return byKey
  }

  /**
   * Adds versions of rows, each once however often it comes. Resolves when every reader sees them; `flush` waits until they
   * survive a crash. `now` is the clock's: what is to happen later makes nothing old.
   */
  async push(versions: Iterable<RowVersion>, now: number): Promise<void> {
    const byKey = this.#byEntity(versions)
    await this.#change([...byKey.keys()], (key, window) => {
      const changed = window?.copy() ?? new EntityWindow(this.plan.channels.length)
      let isNew = false
      for (const version of byKey.get(key) ?? []) {
        const follows = version.first && version.seq > 0 && changed.hasOfFile(version.row)
        if (changed.add(follows ? { ...version, known: version.at } : version)) isNew = true
      }
      if (!isNew) return window
      const newest = changed.newestBy(now)
      if (!Number.isNaN(newest)) changed.prune(newest - this.plan.horizon - slack)
      return changed
    })
  }

  /**
   * Puts the records of entities, rebuilt from the log up to `seq`, in the place of those that are there: what came to the log
   * after it stays. Entities without a rebuilt record keep nothing else.
   */
  async replace(rebuilt: ReadonlyMap<string, Uint8Array>, keys: readonly string[], seq: number): Promise<void> {
    const { length } = this.plan.channels
    await this.#change(keys, (key, window) => {
      const made = rebuilt.get(key)
      const later = window ? [...window.after(seq)] : []
      if (later.length === 0) return made
      const changed = (made && EntityWindow.decode(made, length)) ?? new EntityWindow(length)
      for (const version of later) changed.add(version)
      return changed
    })
  }

  /**
   * Changes records one by one, each from what it is at that moment. `change` gives what it was given to leave it, a window, which is
   * likely to be read next, or a record as it is to be written.
   */
  async #change(
    keys: readonly string[],
    change: (key: string, window: EntityWindow | undefined) => EntityWindow | Uint8Array | undefined,
  ): Promise<void> {
    let left = keys
    for (let attempt = 0; left.length > 0; attempt++) {
      if (attempt === maxAttempts)
        throw fail('onlineUnwritable', { view: this.name, reason: 'others write the same records all the time' })
      const current = await this.#current(left)
      const made = left.map((key, i) => change(key, current[i]?.window))
      const differing = left.flatMap((key, i) => (made[i] === current[i]?.window ? [] : [{ key, i }]))
      const written = await this.#store.writeMany(
        this.plan.records,
        differing.map(({ key, i }) => ({
          key,
          bytes: encoded(made[i]),
          after: current[i]?.revision ?? 0,
          ...(this.#keepMs === undefined ? {} : { keepMs: this.#keepMs }),
        })),
      )
      left = differing.flatMap(({ key, i }, place) => {
        const revision = written[place]
        if (revision === undefined) return [key]
        const window = made[i]
        if (window instanceof EntityWindow && revision !== 0) this.#remember(key, { revision, window })
        else this.#forget(key)
        return []
      })
    }
  }

  /** Resolves when everything pushed so far survives a crash. */
  flush(): Promise<void> {
    return this.#store.flush()
  }

  keys(): AsyncIterable<string> {
    return this.#store.keys(this.plan.records)
  }
}

const encoded = (made: EntityWindow | Uint8Array | undefined): Uint8Array | undefined =>
  made instanceof EntityWindow ? made.encode() : made

const awayCode = fail('onlineUnreachable', { store: '', reason: '' }).code
const isAway = (error: unknown): boolean => isMillraceError(error) && error.code === awayCode

/** A row as it is pushed: declared columns by name, times in microseconds. */
export type PushedRow = Row

import type { FeatureSpec } from '../../define/features.ts'
import { isTextual } from '../../define/vector.ts'
import type { Value } from '../../ports/data-engine.ts'
import { emptyValue, type Aggregate } from './aggregates.ts'
import type { ViewPlan } from './channels.ts'
import { lookAt } from './look.ts'
import { packColumns, unpackColumns } from './record-columns.ts'
import { RecordTexts } from './record-texts.ts'
import { isTold, spansOfVersions, toldBits, toldWords, type Spans } from './row-versions.ts'
import { windowBounds } from './window-bounds.ts'

const formatVersion = 4
/** Records of before, whose columns were all written in full. */
const plainVersion = 3
const headWords = 4

/** One version of an event, as it is added. */
export interface EventVersion {
  readonly event: number
  /** Which row of its dataset it is; NaN where rows have no identity. */
  readonly row: number
  /** Its place in the log of its dataset; 0 for what came by file. */
  readonly seq: number
  /** From when it was known, where that is not what the dataset declares: −Infinity. */
  readonly known: number
  /** By channel: its value, a number or a text, NaN for none, and the declared time from which it counts. */
  readonly values: ArrayLike<number | string>
  readonly declared: ArrayLike<number>
  /** By channel whether the row has the columns whose known times are declared. */
  readonly told: ArrayLike<boolean>
}

/** Makes so many columns in one piece of memory: a window is small, and there are many of them. */
function columnMaker(columns: number, capacity: number): () => Float64Array {
  const bytes = capacity * Float64Array.BYTES_PER_ELEMENT
  const buffer = new ArrayBuffer(columns * bytes)
  let next = 0
  return () => new Float64Array(buffer, bytes * next++, capacity)
}

/** Versions of events as columns, in the order in which a window keeps them: by event, then by place in the log. */
export interface VersionBlock {
  readonly event: Float64Array
  readonly row: Float64Array
  readonly seq: Float64Array
  readonly known: Float64Array
  /** By channel: numbers, or texts and NaN where there is none. */
  readonly value: readonly (Float64Array | readonly (string | number)[])[]
  readonly declared: readonly Float64Array[]
  /** Which channels the row told, in words. */
  readonly told: readonly Float64Array[]
}

const blockColumns = new WeakMap<VersionBlock, readonly Float64Array[]>()

/** In the order of a record. */
const columnsOf = ({ event, row, seq, known, value, declared, told }: VersionBlock): VersionBlock['value'] => [
  event,
  row,
  seq,
  known,
  ...value,
  ...declared,
  ...told,
]

function encodeRecord(
  channels: number,
  since: number,
  columns: readonly Float64Array[],
  from: number,
  to: number,
  texts?: string,
): Uint8Array {
  const numbers = packColumns(columns, from, to)
  const tail = texts === undefined ? undefined : new TextEncoder().encode(texts)
  const words = headWords + numbers.length
  const out = new Float64Array(words + (tail === undefined ? 0 : 1 + Math.ceil(tail.length / 8)))
  out[0] = formatVersion
  out[1] = to - from
  out[2] = channels
  out[3] = since
  out.set(numbers, headWords)
  const bytes = new Uint8Array(out.buffer)
  if (tail) {
    out[words] = tail.length
    bytes.set(tail, (words + 1) * 8)
  }
  return bytes
}

/**
 * The recent events of one entity, by event time, each with its versions: enough to compute every feature of its view exactly at
 * any moment that it covers. One record of numbers in the online store, whatever the number of features.
 */
export class EntityWindow {
  readonly #channels: number
  #length = 0
  /** Every event at or after it is here; −Infinity where nothing was left out. */
  #since = Number.NEGATIVE_INFINITY
  #event: Float64Array
  #row: Float64Array
  #seq: Float64Array
  #known: Float64Array
  #value: Float64Array[]
  #declared: Float64Array[]
  #told: Float64Array[]
  #spans: Spans | undefined
  /** Values of channels of texts are places in it. */
  #texts = new RecordTexts()

  constructor(channels: number, capacity = 16) {
    const column = columnMaker(4 + 2 * channels + toldWords(channels), capacity)
    this.#channels = channels
    this.#event = column()
    this.#row = column()
    this.#seq = column()
    this.#known = column()
    this.#value = Array.from({ length: channels }, column)
    this.#declared = Array.from({ length: channels }, column)
    this.#told = Array.from({ length: toldWords(channels) }, column)
  }

  get length(): number {
    return this.#length
  }

  get since(): number {
    return this.#since
  }

  /** Says that events before it are not here. */
  leaveOut(before: number): void {
    this.#since = Math.max(this.#since, before)
  }

  #columns(): Float64Array[] {
    return [this.#event, this.#row, this.#seq, this.#known, ...this.#value, ...this.#declared, ...this.#told]
  }

  #resize(capacity: number): void {
    const column = columnMaker(this.#columns().length, capacity)
    const resized = (from: Float64Array) => {
      const to = column()
      to.set(from.subarray(0, Math.min(from.length, capacity)))
      return to
    }
    this.#event = resized(this.#event)
    this.#row = resized(this.#row)
    this.#seq = resized(this.#seq)
    this.#known = resized(this.#known)
    this.#value = this.#value.map(resized)
    this.#declared = this.#declared.map(resized)
    this.#told = this.#told.map(resized)
  }

  copy(): EntityWindow {
    const made = new EntityWindow(this.#channels, Math.max(16, this.#length + 8))
    const columns = made.#columns()
    for (const [c, from] of this.#columns().entries()) {
      const to = columns[c] as Float64Array
      // Windows are short: a view of each column would cost more than its values
      for (let i = 0; i < this.#length; i++) to[i] = from[i] as number
    }
    made.#length = this.#length
    made.#since = this.#since
    made.#texts = this.#texts.copy()
    return made
  }

  /** Whether a version of that row came by file. */
  hasOfFile(row: number): boolean {
    for (let i = 0; i < this.#length; i++) if (this.#row[i] === row && this.#seq[i] === 0) return true
    return false
  }

  /** Adds a version after all that are not later than it; gives false for one that is here already. */
  add(version: EventVersion): boolean {
    const { event, row, seq, known, values, declared, told } = version
    if (seq > 0)
      for (let i = 0; i < this.#length; i++) if (this.#seq[i] === seq && Object.is(this.#row[i], row)) return false
    if (this.#length === this.#event.length) this.#resize(this.#event.length * 2)
    let at = this.#length
    while (at > 0 && this.#isAfter(at - 1, event, seq)) at--
    if (at < this.#length) for (const column of this.#columns()) column.copyWithin(at + 1, at, this.#length)
    this.#event[at] = event
    this.#row[at] = row
    this.#seq[at] = seq
    this.#known[at] = known
    for (let c = 0; c < this.#channels; c++) {
      const value = values[c] as number | string
      ;(this.#value[c] as Float64Array)[at] = typeof value === 'string' ? this.#texts.placeOf(c, value) : value
      ;(this.#declared[c] as Float64Array)[at] = declared[c] as number
    }
    for (const [w, bits] of toldBits(told).entries()) (this.#told[w] as Float64Array)[at] = bits
    this.#length++
    this.#spans = undefined
    return true
  }

  /** Adds those of a block from `from` to before `to`, of which none is here and none is earlier than what is here. */
  append(block: VersionBlock, from: number, to: number): void {
    const at = this.#length
    const length = at + to - from
    if (length > this.#event.length) this.#resize(Math.max(length, at === 0 ? 0 : this.#event.length * 2))
    const put = (into: Float64Array, column: Float64Array): void => into.set(column.subarray(from, to), at)
    put(this.#event, block.event)
    put(this.#row, block.row)
    put(this.#seq, block.seq)
    put(this.#known, block.known)
    for (const [c, column] of block.value.entries()) {
      const into = this.#value[c] as Float64Array
      if (column instanceof Float64Array) put(into, column)
      else
        for (let i = from; i < to; i++) {
          const value = column[i] as string | number
          into[at + i - from] = typeof value === 'string' ? this.#texts.placeOf(c, value) : value
        }
    }
    for (const [c, column] of block.declared.entries()) put(this.#declared[c] as Float64Array, column)
    for (const [w, column] of block.told.entries()) put(this.#told[w] as Float64Array, column)
    this.#length = length
    this.#spans = undefined
  }

  #isAfter(at: number, event: number, seq: number): boolean {
    const there = this.#event[at] as number
    return there > event || (there === event && (this.#seq[at] as number) > seq)
  }

  /** The versions that a rebuilt record cannot know of, because they came to the log after it was read. */
  *after(seq: number): Generator<EventVersion> {
    for (let i = 0; i < this.#length; i++)
      if ((this.#seq[i] as number) > seq)
        yield {
          event: this.#event[i] as number,
          row: this.#row[i] as number,
          seq: this.#seq[i] as number,
          known: this.#known[i] as number,
          values: this.#value.map((column, c) => this.#texts.read(c, column[i] as number)),
          declared: this.#declared.map(column => column[i] as number),
          told: this.#declared.map((_, c) => isTold(this.#told, c, i)),
        }
  }

  /**
   * Forgets events before `oldest`, but never the newest one: its age decides whether the entity is stale. Moving is worth
   * it only when much has gone.
   */
  prune(oldest: number): void {
    let gone = 0
    while (gone < this.#length - 1 && (this.#event[gone] as number) < oldest) gone++
    if (gone < 32 || gone * 4 < this.#length) return
    for (const column of this.#columns()) column.copyWithin(0, gone, this.#length)
    this.#length -= gone
    this.#spans = undefined
    this.leaveOut(oldest)
  }

  /** Time of the newest event that is not after `now`; NaN when there is none. */
  newestBy(now: number): number {
    for (let i = this.#length - 1; i >= 0; i--) if ((this.#event[i] as number) <= now) return this.#event[i] as number
    return Number.NaN
  }

  #counted(declares: readonly boolean[]): Spans {
    return (this.#spans ??= spansOfVersions(
      {
        event: this.#event,
        row: this.#row,
        seq: this.#seq,
        known: this.#known,
        value: this.#value,
        declared: this.#declared,
        told: this.#told,
      },
      this.#length,
      declares,
    ))
  }

  /** Event time of the newest event before `t` that counts then; NaN when there is none. Channel 0 is that of bare events. */
  newest(t: number, declares: readonly boolean[]): number {
    const { from, until } = this.#counted(declares)
    const value = this.#value[0] as Float64Array
    for (let i = this.#length - 1; i >= 0; i--)
      if (
        (this.#event[i] as number) < t &&
        ((from[0] as Float64Array)[i] as number) <= t &&
        !(until && ((until[0] as Float64Array)[i] as number) <= t) &&
        !Number.isNaN(value[i] as number)
      )
        return this.#event[i] as number
    return Number.NaN
  }

  /** A feature at `t`; NaN for null, of texts a place for `text`. The same rules as in `sweep`, of events that are looked at anew. */
  compute(spec: FeatureSpec, channel: number, t: number, declares: readonly boolean[]): number {
    const { from, until } = this.#counted(declares)
    const events = {
      event: this.#event,
      visible: from[channel] as Float64Array,
      until: until?.[channel],
      value: this.#value[channel] as Float64Array,
    }
    const compare = this.#texts.has(channel) ? this.#texts.compareAs(spec.type) : undefined
    return lookAt(spec.aggregation as Aggregate, spec, windowBounds(spec), events, 0, this.#length, t, compare)
  }

  /** The text that a feature of texts is. */
  text(place: number): string | null {
    return this.#texts.text(place)
  }

  encode(): Uint8Array {
    const n = this.#length
    const { texts, values } = this.#texts.packed(this.#value, n)
    const columns = this.#columns().map(column => values.get(column) ?? column)
    const json = texts === undefined ? undefined : JSON.stringify(texts)
    return encodeRecord(this.#channels, this.#since, columns, 0, n, json)
  }

  /**
   * The record of an entity whose versions are those of a block from `from` to before `to`, of which no value is a text; every event
   * at or after `since` is among them.
   */
  static encodeBlock(block: VersionBlock, from: number, to: number, since: number): Uint8Array {
    const columns = (blockColumns.get(block) ?? columnsOf(block)) as readonly Float64Array[]
    if (!blockColumns.has(block)) blockColumns.set(block, columns)
    return encodeRecord(block.value.length, since, columns, from, to)
  }

  /** Undefined when the bytes are of another layout (a view that has changed): they must be materialised anew. */
  static decode(bytes: Uint8Array, channels: number): EntityWindow | undefined {
    if (bytes.byteLength % 8 !== 0) return undefined
    const all = new Float64Array(new Uint8Array(bytes).buffer)
    const n = all[1] as number
    if ((all[0] !== formatVersion && all[0] !== plainVersion) || all[2] !== channels) return undefined
    const window = new EntityWindow(channels, Math.max(16, n))
    const columns = window.#columns()
    const end = unpackColumns(all, headWords, columns, n, all[0] === formatVersion)
    if (end === undefined) return undefined
    if (all.length > end) {
      const length = all[end] as number
      if (all.length !== end + 1 + Math.ceil(length / 8)) return undefined
      const texts = new Uint8Array(all.buffer, (end + 1) * 8, length)
      window.#texts = RecordTexts.unpacked(new TextDecoder().decode(texts))
    }
    window.#length = n
    window.#since = all[3] as number
    return window
  }
}

/**
 * What a feature is of an entity that has no event: counts and sums are 0, the rest null. With a ttl all are null: nothing of it
 * is known, be it that its last event is too old or that it never had one.
 */
export function absentValue({ view }: Pick<ViewPlan, 'view'>, spec: FeatureSpec): number {
  return view.ttl === undefined && spec.aggregation !== 'derived' ? emptyValue(spec.aggregation) : Number.NaN
}

/**
 * `stale`: the newest event is older than the view's ttl, and no feature has a value. `uncovered`: the record does not reach back
 * as far as the features of that moment look, and no feature has a value.
 */
export type FeatureStatus = 'present' | 'missing' | 'stale' | 'uncovered'

/** A feature as a value of its type, of how it is kept: a number, NaN for null, and of a text the text. */
export function featureValue(
  { type }: Pick<FeatureSpec, 'type'>,
  value: number,
  text: string | null | undefined,
): Value {
  if (isTextual(type)) return text ?? null
  if (Number.isNaN(value)) return null
  if (type === 'bool') return value !== 0
  return type === 'int' && Math.abs(value) >= 2 ** 63 ? null : value
}

/** A value as it is kept. */
const keptNumber = (value: Value): number => (value === null || typeof value === 'string' ? Number.NaN : Number(value))

/**
 * All features of a view at `t`, in declared order, into `out` from `offset` on; those that are texts into `texts`, where somebody
 * reads them.
 */
export function computeAll(
  plan: ViewPlan,
  window: EntityWindow | undefined,
  t: number,
  out: Float64Array,
  offset: number,
  texts?: (string | null)[],
): FeatureStatus {
  const { declares, features } = plan
  const status = statusAt(plan, window, t)
  const isThere = status === 'present'
  const own = texts ?? (plan.derived.length > 0 ? [] : undefined)
  for (const [i, { spec, channel, type }] of features.entries()) {
    if (spec.aggregation === 'derived') continue
    const value = isThere
      ? (window as EntityWindow).compute(spec, channel, t, declares)
      : status === 'missing'
        ? absentValue(plan, spec)
        : Number.NaN
    if (type === 'number') out[offset + i] = value
    else {
      const text = Number.isNaN(value) ? null : (window as EntityWindow).text(value)
      out[offset + i] = isTextual(spec.type) || text === null ? Number.NaN : Number(text)
      if (own && isTextual(spec.type)) own[offset + i] = text
    }
  }
  const isKnown = isThere || (status === 'missing' && plan.view.ttl === undefined)
  for (const { place, evaluate } of plan.derived) {
    const read = (name: string): Value => {
      const at = plan.placeOf.get(name) as number
      const { spec } = features[at] as ViewPlan['features'][number]
      return featureValue(spec, out[offset + at] as number, own?.[offset + at])
    }
    const value = isKnown ? evaluate(read) : null
    out[offset + place] = keptNumber(value)
    if (own && isTextual(features[place]?.spec.type ?? 'float')) own[offset + place] = value as string | null
  }
  return status
}

function statusAt(plan: ViewPlan, window: EntityWindow | undefined, t: number): FeatureStatus {
  if (!window) return 'missing'
  const { since } = window
  const { ttl } = plan.view
  if (t - plan.horizon < since) return 'uncovered'
  const newest = window.newest(t, plan.declares)
  if (!Number.isNaN(newest)) return ttl !== undefined && t - newest > ttl ? 'stale' : 'present'
  if (since === Number.NEGATIVE_INFINITY) return 'missing'
  // What is here was taken back, and events before were left out: how old these are is known only beyond the ttl
  return ttl === undefined ? 'present' : t - ttl >= since ? 'stale' : 'uncovered'
}

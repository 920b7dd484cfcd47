import type { FeatureSpec } from '../../define/features.ts'
import { ExactSum } from './exact-sum.ts'
import type { ViewPlan } from './channels.ts'

const formatVersion = 1

/**
 * The recent events of one entity, by event time: enough to compute every feature of its view exactly at any moment.
 * One record of fixed-width numbers in the online store, whatever the number of features.
 */
export class EntityWindow {
  readonly #channels: number
  #length = 0
  #event: Float64Array
  /** Channel-major: value and visible time of each event. */
  #value: Float64Array[]
  #visible: Float64Array[]
  readonly #sum = new ExactSum()

  constructor(channels: number, capacity = 16) {
    this.#channels = channels
    this.#event = new Float64Array(capacity)
    this.#value = Array.from({ length: channels }, () => new Float64Array(capacity))
    this.#visible = Array.from({ length: channels }, () => new Float64Array(capacity))
  }

  get length(): number {
    return this.#length
  }

  #grow(): void {
    const wider = (from: Float64Array) => {
      const to = new Float64Array(from.length * 2)
      to.set(from)
      return to
    }
    this.#event = wider(this.#event)
    this.#value = this.#value.map(wider)
    this.#visible = this.#visible.map(wider)
  }

  /** Adds an event after all that are not later than it. */
  push(event: number, values: ArrayLike<number>, visibles: ArrayLike<number>): void {
    if (this.#length === this.#event.length) this.#grow()
    let at = this.#length
    while (at > 0 && (this.#event[at - 1] as number) > event) at--
    if (at < this.#length) {
      this.#event.copyWithin(at + 1, at, this.#length)
      for (let c = 0; c < this.#channels; c++) {
        this.#value[c]?.copyWithin(at + 1, at, this.#length)
        this.#visible[c]?.copyWithin(at + 1, at, this.#length)
      }
    }
    this.#event[at] = event
    for (let c = 0; c < this.#channels; c++) {
      ;(this.#value[c] as Float64Array)[at] = values[c] as number
      ;(this.#visible[c] as Float64Array)[at] = visibles[c] as number
    }
    this.#length++
  }

  /** Forgets events before `oldest`, but never the newest one: its age decides whether the entity is stale. */
  prune(oldest: number): void {
    let gone = 0
    while (gone < this.#length - 1 && (this.#event[gone] as number) < oldest) gone++
    // Moving is worth it only when much has gone
    if (gone < 32 || gone * 4 < this.#length) return
    this.#event.copyWithin(0, gone, this.#length)
    for (let c = 0; c < this.#channels; c++) {
      this.#value[c]?.copyWithin(0, gone, this.#length)
      this.#visible[c]?.copyWithin(0, gone, this.#length)
    }
    this.#length -= gone
  }

  /** Event time of the newest event before `t`; NaN when there is none. */
  newest(t: number): number {
    for (let i = this.#length - 1; i >= 0; i--) if ((this.#event[i] as number) < t) return this.#event[i] as number
    return Number.NaN
  }

  /** A feature at `t`; NaN for null. The same definition as `sweep`, added up anew. */
  compute(spec: FeatureSpec, channel: number, t: number): number {
    const oldest = t - (spec.window ?? Number.POSITIVE_INFINITY)
    const value = this.#value[channel] as Float64Array
    const visible = this.#visible[channel] as Float64Array
    const event = this.#event
    let n = 0
    let best = Number.NaN
    let lastEvent = Number.NaN
    let lastVisible = Number.NEGATIVE_INFINITY
    this.#sum.clear()
    for (let i = this.#length - 1; i >= 0; i--) {
      const at = event[i] as number
      if (at >= t) continue
      if (at < oldest) break
      const x = value[i] as number
      if ((visible[i] as number) > t || Number.isNaN(x)) continue
      switch (spec.aggregation) {
        case 'min':
          if (n === 0 || x < best) best = x
          break
        case 'max':
          if (n === 0 || x > best) best = x
          break
        case 'last':
          if (n > 0 && at < lastEvent) return best
          if (n === 0 || (visible[i] as number) > lastVisible) {
            best = x
            lastEvent = at
            lastVisible = visible[i] as number
          }
          break
        case 'count':
        case 'sum':
        case 'mean':
        case 'share':
          this.#sum.add(x)
          break
        default:
          throw new TypeError(`there is no aggregate '${spec.aggregation satisfies never}'`)
      }
      n++
    }
    switch (spec.aggregation) {
      case 'count':
        return n
      case 'sum':
        return n === 0 ? 0 : this.#sum.value
      case 'mean':
      case 'share':
        return n === 0 ? Number.NaN : this.#sum.value / n
      case 'min':
      case 'max':
      case 'last':
        return best
      default:
        throw new TypeError(`there is no aggregate '${spec.aggregation satisfies never}'`)
    }
  }

  encode(): Uint8Array {
    const n = this.#length
    const out = new Float64Array(3 + n * (1 + 2 * this.#channels))
    out[0] = formatVersion
    out[1] = n
    out[2] = this.#channels
    out.set(this.#event.subarray(0, n), 3)
    for (let c = 0; c < this.#channels; c++) {
      out.set((this.#value[c] as Float64Array).subarray(0, n), 3 + n * (1 + 2 * c))
      out.set((this.#visible[c] as Float64Array).subarray(0, n), 3 + n * (2 + 2 * c))
    }
    return new Uint8Array(out.buffer)
  }

  /** Undefined when the bytes are of another layout (a view that has changed): they must be materialised anew. */
  static decode(bytes: Uint8Array, channels: number): EntityWindow | undefined {
    if (bytes.byteLength % 8 !== 0) return undefined
    const all = new Float64Array(new Uint8Array(bytes).buffer)
    const n = all[1] as number
    if (all[0] !== formatVersion || all[2] !== channels || all.length !== 3 + n * (1 + 2 * channels)) return undefined
    const window = new EntityWindow(channels, Math.max(16, n * 2))
    window.#length = n
    window.#event.set(all.subarray(3, 3 + n))
    for (let c = 0; c < channels; c++) {
      window.#value[c]?.set(all.subarray(3 + n * (1 + 2 * c), 3 + n * (2 + 2 * c)))
      window.#visible[c]?.set(all.subarray(3 + n * (2 + 2 * c), 3 + n * (3 + 2 * c)))
    }
    return window
  }
}

/** An entity without events in reach: counts and sums are 0, the rest null. Also what a stale entity gives. */
export function absentValue(spec: FeatureSpec): number {
  return spec.aggregation === 'count' || spec.aggregation === 'sum' ? 0 : Number.NaN
}

/** All features of a view at `t`, in declared order, into `out` from `offset` on. */
export function computeAll(
  plan: ViewPlan,
  window: EntityWindow | undefined,
  t: number,
  out: Float64Array,
  offset: number,
): 'present' | 'missing' | 'stale' {
  const newest = window ? window.newest(t) : Number.NaN
  const status = Number.isNaN(newest)
    ? 'missing'
    : plan.view.ttl !== undefined && t - newest > plan.view.ttl
      ? 'stale'
      : 'present'
  plan.features.forEach(({ spec, channel }, i) => {
    out[offset + i] = status === 'present' ? (window as EntityWindow).compute(spec, channel, t) : absentValue(spec)
  })
  return status
}

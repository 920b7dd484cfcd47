import type { AggregationName } from '../../define/features.ts'
import { ExactSum } from './exact-sum.ts'

/** Events of all keys, by key and then by event time. Segment k is [offsets[k], offsets[k + 1]). */
export interface EventColumns {
  readonly offsets: Int32Array
  /** Microseconds. */
  readonly event: Float64Array
  /** First microsecond at which the event counts; never before event + 1. */
  readonly visible: Float64Array
  /** First microsecond at which it counts no more, because another version of its row does. Absent: they count for ever. */
  readonly until?: Float64Array
  /** NaN where there is no value. */
  readonly value: Float64Array
}

/** Moments to compute for, by key and then by time. */
export interface LabelColumns {
  readonly offsets: Int32Array
  readonly time: Float64Array
}

/** `newest`: the time of the newest event that has a value. */
export type Sweep = AggregationName | 'newest'

/** How each aggregate is kept up as the window moves: what enters is added and what leaves taken off, or it is looked for. */
const ways = {
  count: 'slide',
  sum: 'slide',
  mean: 'slide',
  share: 'slide',
  min: 'seek',
  max: 'seek',
  last: 'seek',
  newest: 'seek',
} as const satisfies Record<Sweep, 'slide' | 'seek'>

type Sliding = { [K in Sweep]: (typeof ways)[K] extends 'slide' ? K : never }[Sweep]
type Seeking = Exclude<Sweep, Sliding>

const isSliding = (name: Sweep): name is Sliding => ways[name] === 'slide'

/** One key: its events [from, to) and its labels [first, end). */
interface Segment {
  readonly from: number
  readonly to: number
  readonly first: number
  readonly end: number
}

/**
 * Point-in-time window aggregates for all labels of all keys in one pass: at T the events with T − window ≤ event < T
 * and visible ≤ T < until. Sums slide; extremes and `last` use a segment tree, because events become visible out of order.
 * Cost O((events + labels) log events). Gives NaN for null.
 */
export function sweep(aggregation: Sweep, window: number, events: EventColumns, labels: LabelColumns): Float64Array {
  const out = new Float64Array(labels.time.length)
  const keys = labels.offsets.length - 1
  for (let key = 0; key < keys; key++) {
    const segment = {
      from: events.offsets[key] as number,
      to: events.offsets[key + 1] as number,
      first: labels.offsets[key] as number,
      end: labels.offsets[key + 1] as number,
    }
    if (segment.first === segment.end) continue
    if (isSliding(aggregation)) slide(aggregation, window, events, segment, labels.time, out)
    else seek(aggregation, window, events, segment, labels.time, out)
  }
  return out
}

/** Indexes [from, to) by a time; already in order when every event is visible at once. */
function byTime(time: Float64Array, { from, to }: Segment): Int32Array {
  const order = new Int32Array(to - from)
  let sorted = true
  for (let i = 0; i < order.length; i++) {
    order[i] = from + i
    if (i > 0 && (time[from + i] as number) < (time[from + i - 1] as number)) sorted = false
  }
  // Both may be infinite, and infinity less infinity is no number
  return sorted
    ? order
    : order.sort((a, b) => {
        const [x, y] = [time[a] as number, time[b] as number]
        return x < y ? -1 : x > y ? 1 : a - b
      })
}

function slide(
  aggregation: Sliding,
  window: number,
  events: EventColumns,
  segment: Segment,
  time: Float64Array,
  out: Float64Array,
): void {
  const { event, visible, until, value } = events
  const { from, to, first, end } = segment
  const order = byTime(visible, segment)
  const ends = until && byTime(until, segment)
  const counted = new Uint8Array(to - from)
  const sum = new ExactSum()
  let n = 0
  let arriving = 0
  let ending = 0
  let leaving = from
  const leave = (i: number): void => {
    if (!counted[i - from]) return
    counted[i - from] = 0
    n--
    sum.take(value[i] as number)
  }
  for (let label = first; label < end; label++) {
    const t = time[label] as number
    const oldest = t - window
    while (arriving < order.length && (visible[order[arriving] as number] as number) <= t) {
      const i = order[arriving++] as number
      const x = value[i] as number
      if ((event[i] as number) < oldest || Number.isNaN(x)) continue
      if (until && (until[i] as number) <= t) continue
      counted[i - from] = 1
      n++
      sum.add(x)
    }
    while (leaving < to && (event[leaving] as number) < oldest) leave(leaving++)
    if (until && ends)
      while (ending < ends.length && (until[ends[ending] as number] as number) <= t) leave(ends[ending++] as number)
    out[label] = aggregation === 'count' ? n : aggregation === 'sum' ? sum.value : n === 0 ? Number.NaN : sum.value / n
  }
}

/** The best of any run of places: a tree of places, −1 where there is none. */
class BestOf {
  readonly #tree: Int32Array
  readonly #size: number
  readonly #better: (a: number, b: number) => boolean

  constructor(size: number, better: (a: number, b: number) => boolean) {
    this.#size = size
    this.#better = better
    this.#tree = new Int32Array(2 * Math.max(size, 1)).fill(-1)
  }

  #best(a: number, b: number): number {
    if (a < 0) return b
    return b < 0 || this.#better(a, b) ? a : b
  }

  set(place: number, to: number): void {
    let at = place + this.#size
    this.#tree[at] = to
    for (at >>= 1; at >= 1; at >>= 1)
      this.#tree[at] = this.#best(this.#tree[2 * at] as number, this.#tree[2 * at + 1] as number)
  }

  among(low: number, high: number): number {
    let best = -1
    for (let a = low + this.#size, b = high + this.#size; a < b; a >>= 1, b >>= 1) {
      if (a & 1) best = this.#best(best, this.#tree[a++] as number)
      if (b & 1) best = this.#best(best, this.#tree[--b] as number)
    }
    return best
  }
}

/** Whether the event at one place is to be had before that at another. */
function preference(aggregation: Seeking, { event, visible, value }: EventColumns): (a: number, b: number) => boolean {
  if (aggregation === 'min') return (a, b) => (value[a] as number) < (value[b] as number)
  if (aggregation === 'max') return (a, b) => (value[a] as number) > (value[b] as number)
  // Among events of the same time the one known last wins; after that the one that arrived last
  return (a, b) => {
    if (event[a] !== event[b]) return (event[a] as number) > (event[b] as number)
    return visible[a] === visible[b] ? a > b : (visible[a] as number) > (visible[b] as number)
  }
}

function seek(
  aggregation: Seeking,
  window: number,
  events: EventColumns,
  segment: Segment,
  time: Float64Array,
  out: Float64Array,
): void {
  const { event, visible, until, value } = events
  const { from, to, first, end } = segment
  const size = to - from
  const order = byTime(visible, segment)
  const ends = until && byTime(until, segment)
  const tree = new BestOf(size, preference(aggregation, events))
  let arriving = 0
  let ending = 0
  let low = 0
  let high = 0
  for (let label = first; label < end; label++) {
    const t = time[label] as number
    while (arriving < size && (visible[order[arriving] as number] as number) <= t) {
      const i = order[arriving++] as number
      const isOver = until !== undefined && (until[i] as number) <= t
      if (!isOver && !Number.isNaN(value[i] as number)) tree.set(i - from, i)
    }
    if (until && ends)
      while (ending < ends.length && (until[ends[ending] as number] as number) <= t)
        tree.set((ends[ending++] as number) - from, -1)
    while (low < size && (event[from + low] as number) < t - window) low++
    if (high < low) high = low
    while (high < size && (event[from + high] as number) < t) high++
    const best = tree.among(low, high)
    out[label] = best < 0 ? Number.NaN : ((aggregation === 'newest' ? event : value)[best] as number)
  }
}

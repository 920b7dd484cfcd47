import type { AggregationName } from '../../define/features.ts'
import { ExactSum } from './exact-sum.ts'

/** Events of all keys, by key and then by event time. Segment k is [offsets[k], offsets[k + 1]). */
export interface EventColumns {
  readonly offsets: Int32Array
  /** Microseconds. */
  readonly event: Float64Array
  /** First microsecond at which the event counts; never before event + 1. */
  readonly visible: Float64Array
  /** NaN where there is no value. */
  readonly value: Float64Array
}

/** Moments to compute for, by key and then by time. */
export interface LabelColumns {
  readonly offsets: Int32Array
  readonly time: Float64Array
}

/** How each aggregate is kept up as the window moves: what enters is added and what leaves taken off, or it is looked for. */
const ways = {
  count: 'slide',
  sum: 'slide',
  mean: 'slide',
  share: 'slide',
  min: 'seek',
  max: 'seek',
  last: 'seek',
} as const satisfies Record<AggregationName, 'slide' | 'seek'>

type Sliding = { [K in AggregationName]: (typeof ways)[K] extends 'slide' ? K : never }[AggregationName]

const isSliding = (name: AggregationName): name is Sliding => ways[name] === 'slide'

/**
 * Point-in-time window aggregates for all labels of all keys in one pass: at T the events with T − window ≤ event < T
 * and visible ≤ T. Sums slide; extremes and `last` use a segment tree, because events become visible out of order.
 * Cost O((events + labels) log events). Gives NaN for null.
 */
export function sweep(
  aggregation: AggregationName,
  window: number,
  events: EventColumns,
  labels: LabelColumns,
): Float64Array {
  const out = new Float64Array(labels.time.length)
  const keys = labels.offsets.length - 1
  for (let key = 0; key < keys; key++) {
    const from = events.offsets[key] as number
    const to = events.offsets[key + 1] as number
    const first = labels.offsets[key] as number
    const end = labels.offsets[key + 1] as number
    if (first === end) continue
    if (isSliding(aggregation)) slide(aggregation, window, events, from, to, labels.time, first, end, out)
    else seek(aggregation, window, events, from, to, labels.time, first, end, out)
  }
  return out
}

/** Indexes [from, to) by visible time; already in order when every event is visible at once. */
function byVisible(visible: Float64Array, from: number, to: number): Int32Array {
  const order = new Int32Array(to - from)
  let sorted = true
  for (let i = 0; i < order.length; i++) {
    order[i] = from + i
    if (i > 0 && (visible[from + i] as number) < (visible[from + i - 1] as number)) sorted = false
  }
  return sorted ? order : order.sort((a, b) => (visible[a] as number) - (visible[b] as number) || a - b)
}

function slide(
  aggregation: AggregationName,
  window: number,
  events: EventColumns,
  from: number,
  to: number,
  time: Float64Array,
  first: number,
  end: number,
  out: Float64Array,
): void {
  const { event, visible, value } = events
  const order = byVisible(visible, from, to)
  const counted = new Uint8Array(to - from)
  const sum = new ExactSum()
  let n = 0
  let arriving = 0
  let leaving = from
  for (let label = first; label < end; label++) {
    const t = time[label] as number
    const oldest = t - window
    while (arriving < order.length && (visible[order[arriving] as number] as number) <= t) {
      const i = order[arriving++] as number
      const x = value[i] as number
      if ((event[i] as number) < oldest || Number.isNaN(x)) continue
      counted[i - from] = 1
      n++
      sum.add(x)
    }
    while (leaving < to && (event[leaving] as number) < oldest) {
      if (counted[leaving - from]) {
        n--
        sum.add(-(value[leaving] as number))
        if (n === 0) sum.clear()
      }
      leaving++
    }
    out[label] = aggregation === 'count' ? n : aggregation === 'sum' ? sum.value : n === 0 ? Number.NaN : sum.value / n
  }
}

function seek(
  aggregation: 'min' | 'max' | 'last',
  window: number,
  events: EventColumns,
  from: number,
  to: number,
  time: Float64Array,
  first: number,
  end: number,
  out: Float64Array,
): void {
  const { event, visible, value } = events
  const size = to - from
  const order = byVisible(visible, from, to)
  const sign = aggregation === 'min' ? -1 : 1
  const tree = new Float64Array(2 * Math.max(size, 1)).fill(Number.NEGATIVE_INFINITY)
  let arriving = 0
  let low = 0
  let high = 0
  for (let label = first; label < end; label++) {
    const t = time[label] as number
    while (arriving < size && (visible[order[arriving] as number] as number) <= t) {
      const i = order[arriving++] as number
      if (Number.isNaN(value[i] as number)) continue
      let at = i - from + size
      tree[at] = aggregation === 'last' ? i : sign * (value[i] as number)
      for (at >>= 1; at >= 1; at >>= 1) tree[at] = Math.max(tree[2 * at] as number, tree[2 * at + 1] as number)
    }
    while (low < size && (event[from + low] as number) < t - window) low++
    if (high < low) high = low
    while (high < size && (event[from + high] as number) < t) high++
    let best = Number.NEGATIVE_INFINITY
    for (let a = low + size, b = high + size; a < b; a >>= 1, b >>= 1) {
      if (a & 1) best = Math.max(best, tree[a++] as number)
      if (b & 1) best = Math.max(best, tree[--b] as number)
    }
    if (best === Number.NEGATIVE_INFINITY) out[label] = Number.NaN
    else out[label] = aggregation === 'last' ? (value[latestKnown(events, from, best, t)] as number) : sign * best
  }
}

/** Among events of the same time the one known last wins; after that the one that arrived last. */
function latestKnown(events: EventColumns, from: number, best: number, t: number): number {
  const { event, visible, value } = events
  let winner = best
  for (let i = best - 1; i >= from && event[i] === event[best]; i--)
    if (
      (visible[i] as number) <= t &&
      !Number.isNaN(value[i] as number) &&
      (visible[i] as number) > (visible[winner] as number)
    )
      winner = i
  return winner
}

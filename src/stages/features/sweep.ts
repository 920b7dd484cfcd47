import type { FeatureSpec } from '../../define/features.ts'
import type { Aggregate } from './aggregates.ts'
import { enoughFor, MovingWindow } from './kept.ts'
import { lookAt } from './look.ts'
import { windowBounds, type WindowBounds } from './window-bounds.ts'

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

/** One key: its events [from, to) and its labels [first, end). */
interface Segment {
  readonly from: number
  readonly to: number
  readonly first: number
  readonly end: number
}

/** To let an event come and go costs as much as to look at so many. */
const looksForMove = 8

/**
 * Point-in-time window aggregates for all labels of all keys in one pass: at T the events of the window with visible ≤ T < until.
 * Where each label sees few of them it looks at these; else each event comes once and goes once, at a cost of
 * O((events + labels) log events). Gives NaN for null.
 */
export function sweep(
  aggregate: Aggregate,
  spec: FeatureSpec,
  events: EventColumns,
  labels: LabelColumns,
  maxLooks = looksForMove,
): Float64Array {
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
    const seen = seenBy(aggregate, spec, events, segment, labels.time, maxLooks)
    if (seen === undefined) slide(aggregate, spec, events, segment, labels.time, out)
    else {
      const bounds = windowBounds(spec)
      for (let label = segment.first; label < segment.end; label++) {
        const [from, to] = [seen.from[label - segment.first] as number, seen.to[label - segment.first] as number]
        out[label] = lookAt(aggregate, spec, bounds, events, from, to, labels.time[label] as number)
      }
    }
  }
  return out
}

/** Which events lie in the window of each label; undefined where they are more than are worth looking at. */
function seenBy(
  aggregate: Aggregate,
  spec: FeatureSpec,
  { event }: EventColumns,
  { from, to, first, end }: Segment,
  time: Float64Array,
  maxLooks: number,
): { readonly from: Int32Array; readonly to: Int32Array } | undefined {
  const bounds = windowBounds(spec)
  const enough = enoughFor(aggregate, spec)
  const most = maxLooks * (to - from + end - first)
  const seen = { from: new Int32Array(end - first), to: new Int32Array(end - first) }
  let [low, high] = [from, from]
  let looks = 0
  for (let label = first; label < end; label++) {
    const t = time[label] as number
    const [oldest, newest] = [bounds.start(t), bounds.end(t)]
    while (low < to && (event[low] as number) < oldest) low++
    while (high < to && (event[high] as number) < newest) high++
    looks += Math.min(Math.max(0, high - low), 2 * enough)
    if (looks > most) return undefined
    seen.from[label - first] = low
    seen.to[label - first] = high
  }
  return seen
}

/** Indexes [from, to) by a time; already in order when every event is visible at once. */
function byTime(time: Float64Array, from: number, to: number): Int32Array {
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

/** From when each event is in the window, as far as it is not too old: when it counts, and the window has come to its end. */
function entries({ event, visible }: EventColumns, { from, to }: Segment, bounds: WindowBounds): Float64Array {
  const times = visible.slice(from, to)
  for (let i = 0; i < times.length; i++)
    times[i] = Math.max(times[i] as number, bounds.entersAt(event[from + i] as number))
  return times
}

function slide(
  aggregate: Aggregate,
  spec: FeatureSpec,
  events: EventColumns,
  segment: Segment,
  time: Float64Array,
  out: Float64Array,
): void {
  const { event, until, value } = events
  const { from, to, first, end } = segment
  const bounds = windowBounds(spec)
  const entry = entries(events, segment, bounds)
  const order = byTime(entry, 0, to - from)
  const ends = until && byTime(until, from, to)
  const counted = new Uint8Array(to - from)
  const window = new MovingWindow(aggregate, spec, events, from, to)
  let arriving = 0
  let ending = 0
  let leaving = from
  const leave = (i: number): void => {
    if (!counted[i - from]) return
    counted[i - from] = 0
    window.take(i)
  }
  for (let label = first; label < end; label++) {
    const t = time[label] as number
    const oldest = bounds.start(t)
    while (arriving < order.length && (entry[order[arriving] as number] as number) <= t) {
      const i = from + (order[arriving++] as number)
      if ((event[i] as number) < oldest || Number.isNaN(value[i] as number)) continue
      if (until && (until[i] as number) <= t) continue
      counted[i - from] = 1
      window.add(i)
    }
    while (leaving < to && (event[leaving] as number) < oldest) leave(leaving++)
    if (until && ends)
      while (ending < ends.length && (until[ends[ending] as number] as number) <= t) leave(ends[ending++] as number)
    out[label] = window.value(t)
  }
}

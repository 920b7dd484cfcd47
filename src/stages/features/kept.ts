import type { FeatureSpec } from '../../define/features.ts'
import { aggregateRules, emptyValue, type Aggregate, type EventValues, type RankedPlaces } from './aggregates.ts'
import { ExactSpread } from './exact-spread.ts'
import { ExactSum, exactSumOf } from './exact-sum.ts'

/** Events as they are ranked: by recency of two events at one time the one that was known last is newer, then the one that arrived last. */
export interface RankedEvents extends EventValues {
  readonly visible: ArrayLike<number>
}

type Compare = (a: number, b: number) => number

const numeric: Compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0)

/** The order of events by place. */
function orderOf(by: 'value' | 'recency', { event, visible, value }: RankedEvents): Compare {
  if (by === 'value')
    return (a, b) => {
      const [x, y] = [value[a] as number, value[b] as number]
      // What has no value is never there, and may stand anywhere; but an order has to be one
      return numeric(x, y) || Number(Number.isNaN(x)) - Number(Number.isNaN(y))
    }
  return (a, b) =>
    numeric(event[a] as number, event[b] as number) || numeric(visible[a] as number, visible[b] as number) || a - b
}

/** The ranks of events that come and go, of which all are known beforehand: counts of them in a tree by rank. */
class MovingRanks implements RankedPlaces {
  readonly #order: Int32Array
  readonly #rank: Int32Array
  readonly #from: number
  readonly #tree: Int32Array
  readonly #top: number
  size = 0

  constructor(compare: Compare, from: number, to: number) {
    const n = to - from
    this.#from = from
    this.#order = Int32Array.from({ length: n }, (_, i) => from + i).sort(compare)
    this.#rank = new Int32Array(n)
    this.#order.forEach((place, rank) => {
      this.#rank[place - from] = rank
    })
    this.#tree = new Int32Array(n + 1)
    this.#top = n === 0 ? 0 : 2 ** Math.floor(Math.log2(n))
  }

  #change(place: number, by: 1 | -1): void {
    this.size += by
    for (let i = (this.#rank[place - this.#from] as number) + 1; i < this.#tree.length; i += i & -i)
      this.#tree[i] = (this.#tree[i] as number) + by
  }

  add(place: number): void {
    this.#change(place, 1)
  }

  take(place: number): void {
    this.#change(place, -1)
  }

  readonly at = (rank: number): number => {
    let below = rank
    let i = 0
    for (let step = this.#top; step > 0; step >>= 1)
      if (i + step < this.#tree.length && (this.#tree[i + step] as number) <= below) {
        i += step
        below -= this.#tree[i] as number
      }
    return this.#order[i] as number
  }
}

/** The ranks of listed events; in order only where somebody asks for one between the first and the last. */
class ListedRanks implements RankedPlaces {
  #places: Int32Array = new Int32Array(0)
  #events: RankedEvents = { event: [], visible: [], value: [] }
  #by: 'value' | 'recency' = 'value'
  #isSorted = false
  size = 0

  begin(by: 'value' | 'recency', events: RankedEvents, places: Int32Array, size: number): void {
    this.#by = by
    this.#events = events
    this.#places = places
    this.#isSorted = false
    this.size = size
  }

  readonly at = (rank: number): number => {
    const places = this.#places
    if (this.#isSorted) return places[rank] as number
    if (rank === 0 || rank === this.size - 1) return this.#by === 'value' ? this.#extreme(rank) : this.#end(rank)
    places.subarray(0, this.size).sort(orderOf(this.#by, this.#events))
    this.#isSorted = true
    return places[rank] as number
  }

  #extreme(rank: number): number {
    const { value } = this.#events
    let best = this.#places[0] as number
    for (let i = 1; i < this.size; i++) {
      const place = this.#places[i] as number
      const [x, y] = [value[place] as number, value[best] as number]
      if (rank === 0 ? x < y : x > y) best = place
    }
    return best
  }

  #end(rank: number): number {
    const compare = orderOf(this.#by, this.#events)
    let best = this.#places[0] as number
    for (let i = 1; i < this.size; i++) {
      const order = compare(this.#places[i] as number, best)
      if (rank === 0 ? order < 0 : order > 0) best = this.#places[i] as number
    }
    return best
  }
}

/** What there is of a window's events, by what is kept of them. */
class Kept {
  readonly sum = new ExactSum()
  readonly spread = new ExactSpread()
  readonly tally = new Map<number, number>()
  size = 0
}

/** The events of a window that moves along: they come as they are known, and go as they grow too old or are corrected. */
export class MovingWindow {
  readonly #kept = new Kept()
  readonly #ranks: MovingRanks | undefined
  readonly #aggregate: Aggregate
  readonly #spec: FeatureSpec
  readonly #events: RankedEvents

  /** Of the events at the places [from, to). */
  constructor(aggregate: Aggregate, spec: FeatureSpec, events: RankedEvents, from: number, to: number) {
    const rule = aggregateRules[aggregate]
    this.#aggregate = aggregate
    this.#spec = spec
    this.#events = events
    this.#ranks = rule.keeps === 'ranked' ? new MovingRanks(orderOf(rule.by, events), from, to) : undefined
  }

  add(place: number): void {
    const x = this.#events.value[place] as number
    const kept = this.#kept
    kept.size++
    switch (aggregateRules[this.#aggregate].keeps) {
      case 'size':
        return
      case 'sum':
        return kept.sum.add(x)
      case 'spread':
        return kept.spread.add(x)
      case 'tally':
        return void kept.tally.set(x, (kept.tally.get(x) ?? 0) + 1)
      case 'ranked':
        return this.#ranks?.add(place)
    }
  }

  take(place: number): void {
    const x = this.#events.value[place] as number
    const kept = this.#kept
    kept.size--
    switch (aggregateRules[this.#aggregate].keeps) {
      case 'size':
        return
      case 'sum':
        return kept.sum.take(x)
      case 'spread':
        return kept.spread.take(x)
      case 'tally': {
        const n = (kept.tally.get(x) ?? 0) - 1
        return void (n > 0 ? kept.tally.set(x, n) : kept.tally.delete(x))
      }
      case 'ranked':
        return this.#ranks?.take(place)
    }
  }

  value(at: number): number {
    const kept = this.#kept
    if (kept.size === 0) return emptyValue(this.#aggregate)
    const rule = aggregateRules[this.#aggregate]
    switch (rule.keeps) {
      case 'size':
        return rule.of(kept.size)
      case 'sum':
        return rule.of(kept.size, kept.sum.value)
      case 'spread':
        return rule.of(kept.size, kept.spread.deviation)
      case 'tally':
        return rule.of(kept.tally, this.#spec, numeric)
      case 'ranked':
        return rule.of(this.#ranks as MovingRanks, this.#events, at, this.#spec)
    }
  }
}

const scratch = new Kept()
const scratchRanks = new ListedRanks()

/** How many of the newest events are enough for a feature, besides those of the same time as the last of them. */
export function enoughFor(aggregate: Aggregate, spec: FeatureSpec): number {
  const rule = aggregateRules[aggregate]
  return rule.keeps === 'ranked' && rule.newest ? rule.newest(spec) : Number.POSITIVE_INFINITY
}

/**
 * A feature of listed events, those of its window that have a value: the first `size` of `places`, which are put into another order where that
 * is asked for. `compare` orders values where they are no numbers.
 */
export function aggregateOf(
  aggregate: Aggregate,
  spec: FeatureSpec,
  events: RankedEvents,
  places: Int32Array,
  size: number,
  at: number,
  compare: Compare = numeric,
): number {
  if (size === 0) return emptyValue(aggregate)
  const rule = aggregateRules[aggregate]
  const { value } = events
  switch (rule.keeps) {
    case 'size':
      return rule.of(size)
    case 'sum':
      return rule.of(size, exactSumOf(value, places, size))
    case 'spread': {
      const { spread } = scratch
      spread.clear()
      for (let i = 0; i < size; i++) spread.add(value[places[i] as number] as number)
      return rule.of(size, spread.deviation)
    }
    case 'tally': {
      const { tally } = scratch
      tally.clear()
      for (let i = 0; i < size; i++) {
        const x = value[places[i] as number] as number
        tally.set(x, (tally.get(x) ?? 0) + 1)
      }
      return rule.of(tally, spec, compare)
    }
    case 'ranked':
      scratchRanks.begin(rule.by, events, places, size)
      return rule.of(scratchRanks, events, at, spec)
  }
}

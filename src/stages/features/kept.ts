import type { FeatureSpec } from '../../define/features.ts'
import { aggregateRules, emptyValue, type Aggregate, type EventValues, type Ranked } from './aggregates.ts'
import { ExactSpread } from './exact-spread.ts'
import { ExactSum } from './exact-sum.ts'

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
class MovingRanks implements Ranked {
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

/** The ranks of a few events that only come; in order only where somebody asks for one between the first and the last. */
class ListedRanks implements Ranked {
  #places: number[] = []
  #compare: Compare = numeric
  #isSorted = false

  begin(compare: Compare): void {
    this.#places.length = 0
    this.#compare = compare
    this.#isSorted = false
  }

  get size(): number {
    return this.#places.length
  }

  add(place: number): void {
    this.#places.push(place)
  }

  readonly at = (rank: number): number => {
    const places = this.#places
    if (!this.#isSorted && (rank === 0 || rank === places.length - 1)) {
      let best = places[0] as number
      for (const one of places) {
        const order = this.#compare(one, best)
        if (rank === 0 ? order < 0 : order >= 0) best = one
      }
      return best
    }
    if (!this.#isSorted) places.sort(this.#compare)
    this.#isSorted = true
    return places[rank] as number
  }
}

/** What there is of a window's events, by what is kept of them. */
class Kept {
  readonly sum = new ExactSum()
  readonly spread = new ExactSpread()
  readonly tally = new Map<number, number>()
  size = 0

  clear(): void {
    this.size = 0
    this.sum.clear()
    this.spread.clear()
    this.tally.clear()
  }
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
    if (rule.keeps === 'tally') return rule.of(kept.tally, this.#spec, numeric)
    if (rule.keeps === 'ranked') return rule.of(this.#ranks as MovingRanks, this.#events, at, this.#spec)
    return rule.of(kept.size, { sum: kept.sum.value, deviation: kept.spread.deviation })
  }
}

const scratch = new Kept()
const scratchRanks = new ListedRanks()

/**
 * A feature of events that are looked at once, the newest first: `places` gives those of the window that have a value, and stops when it is
 * told that there are enough. `compare` orders values where they are no numbers.
 */
export function aggregateOf(
  aggregate: Aggregate,
  spec: FeatureSpec,
  events: RankedEvents,
  places: (add: (place: number) => void, isEnough: (place: number) => boolean) => void,
  at: number,
  compare: Compare = numeric,
): number {
  const rule = aggregateRules[aggregate]
  const { event, value } = events
  scratch.clear()
  switch (rule.keeps) {
    case 'sum': {
      places(place => {
        scratch.size++
        scratch.sum.add(value[place] as number)
      }, never)
      if (scratch.size === 0) return emptyValue(aggregate)
      return rule.of(scratch.size, { sum: scratch.sum.value, deviation: Number.NaN })
    }
    case 'spread': {
      places(place => {
        scratch.size++
        scratch.spread.add(value[place] as number)
      }, never)
      if (scratch.size === 0) return emptyValue(aggregate)
      return rule.of(scratch.size, { sum: Number.NaN, deviation: scratch.spread.deviation })
    }
    case 'tally': {
      places(place => {
        const x = value[place] as number
        scratch.tally.set(x, (scratch.tally.get(x) ?? 0) + 1)
      }, never)
      return scratch.tally.size === 0 ? emptyValue(aggregate) : rule.of(scratch.tally, spec, compare)
    }
    case 'ranked': {
      const enough = rule.newest?.(spec) ?? Number.POSITIVE_INFINITY
      let last = Number.NaN
      scratchRanks.begin(orderOf(rule.by, events))
      places(
        place => {
          last = event[place] as number
          scratchRanks.add(place)
        },
        // Events of one time are in no order yet
        place => scratchRanks.size >= enough && (event[place] as number) < last,
      )
      return scratchRanks.size === 0 ? emptyValue(aggregate) : rule.of(scratchRanks, events, at, spec)
    }
  }
}

const never = (): boolean => false

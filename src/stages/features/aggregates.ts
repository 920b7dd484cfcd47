import type { AggregationName, FeatureSpec } from '../../define/features.ts'

/** `newest`: the time of the newest event that has a value. */
export type Aggregate = Exclude<AggregationName, 'derived'> | 'newest'

/** The events of a window that have a value, by place. */
export interface RankedPlaces {
  readonly size: number
  /** Place of the event that so many others come before. */
  at(rank: number): number
}

export interface EventValues {
  readonly event: ArrayLike<number>
  readonly value: ArrayLike<number>
}

/** How often each value is there. */
type Tally = ReadonlyMap<number, number>

/**
 * What is kept up of a window's events: `size` how many they are, `sum` their exact sum, `spread` their deviation, `tally` how often each
 * value is there, `ranked` their order, by value or by recency. `of` makes the feature of it, where there is an event with a value.
 */
export type AggregateRule =
  | { readonly keeps: 'size'; readonly of: (size: number) => number }
  | { readonly keeps: 'sum' | 'spread'; readonly of: (size: number, kept: number) => number }
  | {
      readonly keeps: 'tally'
      readonly of: (tally: Tally, spec: FeatureSpec, compare: (a: number, b: number) => number) => number
    }
  | {
      readonly keeps: 'ranked'
      readonly by: 'value' | 'recency'
      /** How many of the newest events are enough (default: all are looked at). */
      readonly newest?: (spec: FeatureSpec) => number
      readonly of: (ranked: RankedPlaces, events: EventValues, at: number, spec: FeatureSpec) => number
    }

/** The value of the most events, and where there are several the least of them. */
function mostFrequent(tally: Tally, { nth = 1 }: FeatureSpec, compare: (a: number, b: number) => number): number {
  if (nth > tally.size) return Number.NaN
  if (nth > 1) return [...tally].sort(([a, n], [b, m]) => m - n || compare(a, b))[nth - 1]?.[0] ?? Number.NaN
  let best = Number.NaN
  let most = 0
  for (const [value, n] of tally)
    if (n > most || (n === most && compare(value, best) < 0)) {
      best = value
      most = n
    }
  return best
}

/** Between the two neighbours of a place among the values, in proportion. */
function quantile(
  { size, at }: RankedPlaces,
  { value }: EventValues,
  _at: number,
  { level = 0.5 }: FeatureSpec,
): number {
  const place = (size - 1) * level
  const below = Math.floor(place)
  const low = value[at(below)] as number
  if (place === below) return low
  const high = value[at(below + 1)] as number
  return low === high ? low : low + (high - low) * (place - below)
}

const valueAt =
  (rank: (size: number, spec: FeatureSpec) => number) =>
  ({ size, at }: RankedPlaces, { value }: EventValues, _at: number, spec: FeatureSpec): number => {
    const found = rank(size, spec)
    return found < 0 ? Number.NaN : (value[at(found)] as number)
  }
const oldest = valueAt(() => 0)
const newest = valueAt(size => size - 1)

/** Every aggregate by what it keeps and makes of it; `aggregate-sql.ts` says the same to the engine. */
export const aggregateRules: { readonly [A in Aggregate]: AggregateRule } = {
  count: { keeps: 'size', of: size => size },
  sum: { keeps: 'sum', of: (_, sum) => sum },
  mean: { keeps: 'sum', of: (size, sum) => sum / size },
  share: { keeps: 'sum', of: (size, sum) => sum / size },
  std: { keeps: 'spread', of: (_, deviation) => deviation },
  distinct: { keeps: 'tally', of: tally => tally.size },
  mostFrequent: { keeps: 'tally', of: mostFrequent },
  min: { keeps: 'ranked', by: 'value', of: oldest },
  max: { keeps: 'ranked', by: 'value', of: newest },
  quantile: { keeps: 'ranked', by: 'value', of: quantile },
  first: { keeps: 'ranked', by: 'recency', of: oldest },
  last: { keeps: 'ranked', by: 'recency', newest: () => 1, of: newest },
  lag: {
    keeps: 'ranked',
    by: 'recency',
    newest: ({ nth = 1 }) => nth + 1,
    of: valueAt((size, { nth = 1 }) => size - 1 - nth),
  },
  secondsSince: {
    keeps: 'ranked',
    by: 'recency',
    newest: () => 1,
    of: ({ size, at }, { event }, moment) => (moment - (event[at(size - 1)] as number)) / 1e6,
  },
  newest: {
    keeps: 'ranked',
    by: 'recency',
    newest: () => 1,
    of: ({ size, at }, { event }) => event[at(size - 1)] as number,
  },
}

/** What a feature is where no event has a value. */
export function emptyValue(aggregation: Aggregate): number {
  return aggregation === 'count' || aggregation === 'sum' || aggregation === 'distinct' ? 0 : Number.NaN
}

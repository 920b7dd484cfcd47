import { normalScores } from '../../math/distribution/normal-scores.ts'
import { normalCdf, normalQuantile } from '../../math/special/normal.ts'
import type { ColumnProfile, NumberProfile, TextProfile } from './profile.ts'

/**
 * `level`: where the values lie, in baseline standard deviations; `spread`: how wide they lie. `share`: share of a category,
 * value or bin among the values. `presence`: share of the rows that are missing, infinite or unseen.
 */
export type DirectionKind = 'level' | 'spread' | 'share' | 'presence'

/** One way in which a column can change: the mean over its rows of a score that each of its counters has. */
export interface Direction {
  /** Its name in a column: `level`, `share ORD`. What is remembered between windows is found by it. */
  readonly name: string
  readonly kind: DirectionKind
  /** What changes, in words: `mean`, `share of ORD`, `missing`. */
  readonly words: string
  /** Score of each counter of the column. */
  readonly scores: Float64Array
  /** Counters [0, among) are the rows that the mean is taken over. */
  readonly among: number
  /**
   * What its mean changes by where the values only moved by `level` standard deviations: that is one change, not several, and
   * days that wander must not look like ever new shapes. Absent where there is no level.
   */
  readonly byLevel?: (level: number) => number
}

/** Text values that have a direction of their own; the others share one. */
const maxCategories = 20

function short(x: number): string {
  return String(Number(x.toPrecision(4)))
}

/** Bins of the baseline that a number's shares are watched by: its test bins, or its values. */
function numberShares(column: NumberProfile): { readonly words: string; readonly bins: readonly number[] }[] {
  if (column.form === 'points') return column.edges.map((value, bin) => ({ words: short(value), bins: [bin] }))
  const groups = new Map<number, number[]>()
  column.coarse.forEach((coarse, bin) => groups.set(coarse, [...(groups.get(coarse) ?? []), bin]))
  return [...groups.values()].map(bins => {
    const from = column.edges[bins[0] as number] as number
    const to = column.edges[(bins.at(-1) as number) + 1] as number
    return { words: `${short(from)} to ${short(to)}`, bins }
  })
}

/** Counters before those that are no values: bins, and for texts the rest of the known values. */
export const valuesOf = (column: ColumnProfile): number => column.counts.length + (column.kind === 'text' ? 1 : 0)

function textShares(column: TextProfile): { readonly words: string; readonly bins: readonly number[] }[] {
  const own = column.categories.slice(0, maxCategories).map((category, bin) => ({ words: category, bins: [bin] }))
  const rest = Array.from({ length: valuesOf(column) - own.length }, (_, i) => own.length + i)
  return [...own, { words: 'any other value', bins: rest }]
}

/** Slots of `presence` after the values, in their order. */
const absences = {
  number: ['missing', '+∞', '-∞', 'values that training did not have'],
  text: ['values that training did not have', 'missing'],
} as const

/** Normal quantiles of the shares of all values up to the beginning and to the end of a run of bins. */
function cutsOf(counts: readonly number[], bins: readonly number[]): readonly [number, number] {
  const total = counts.reduce((sum, count) => sum + count, 0)
  const upTo = (bin: number): number => counts.slice(0, bin).reduce((sum, count) => sum + count, 0)
  return [normalQuantile(upTo(bins[0] as number) / total), normalQuantile(upTo((bins.at(-1) as number) + 1) / total)]
}

function shareByLevel(counts: readonly number[], bins: readonly number[]): (level: number) => number {
  const [from, to] = cutsOf(counts, bins)
  const share = (level: number): number => normalCdf(to - level) - normalCdf(from - level)
  const before = share(0)
  return level => share(level) - before
}

/** The spread score of a normal variable that moved by `level` rises by level² / √2. */
const spreadByLevel = (level: number): number => (level * level) / Math.SQRT2

const made = new WeakMap<ColumnProfile, readonly Direction[]>()

/** Every way in which a column is watched for a change. The same profile gives the same directions. */
export function directionsOf(column: ColumnProfile): readonly Direction[] {
  let directions = made.get(column)
  if (!directions) made.set(column, (directions = makeDirections(column)))
  return directions
}

function makeDirections(column: ColumnProfile): readonly Direction[] {
  const values = valuesOf(column)
  const rows = values + absences[column.kind].length
  const directions: Direction[] = []
  const indicator = (bins: readonly number[]): Float64Array => {
    const scores = new Float64Array(rows)
    for (const bin of bins) scores[bin] = 1
    return scores
  }
  if (column.kind === 'number') {
    const { level, spread } = normalScores(column.counts)
    if (level) directions.push({ name: 'level', kind: 'level', words: 'mean', scores: level, among: values })
    if (spread)
      directions.push({
        name: 'spread',
        kind: 'spread',
        words: 'spread',
        scores: spread,
        among: values,
        byLevel: spreadByLevel,
      })
  }
  const shares = column.kind === 'number' ? numberShares(column) : textShares(column)
  // the only value there is has a share of 1 among the values, whatever happens
  if (shares.length > 1)
    for (const { words, bins } of shares)
      directions.push({
        name: `share ${words}`,
        kind: 'share',
        words: `share of ${words}`,
        scores: indicator(bins),
        among: values,
        ...(directions[0]?.kind === 'level' ? { byLevel: shareByLevel(column.counts, bins) } : {}),
      })
  absences[column.kind].forEach((words, i) => {
    const scores = indicator([values + i])
    directions.push({ name: words, kind: 'presence', words, scores, among: rows })
  })
  return directions
}

/** The mean of a direction over counters of its column, and the rows that it was taken over. NaN without rows. */
function meanOf({ scores, among }: Direction, counters: ArrayLike<number>): { mean: number; rows: number } {
  let rows = 0
  let sum = 0
  for (let i = 0; i < among; i++) {
    const count = counters[i] as number
    rows += count
    sum += count * (scores[i] as number)
  }
  return { mean: sum / rows, rows }
}

export interface Mean {
  readonly mean: number
  readonly rows: number
  /** What of its distance from the baseline the level explains. */
  readonly byLevel: number
}

/** The means of all directions over counters of their column. */
export function meansOf(directions: readonly Direction[], counters: ArrayLike<number>): readonly Mean[] {
  const first = directions[0]
  const level = first?.kind === 'level' ? meanOf(first, counters).mean : 0
  return directions.map(direction => ({
    ...meanOf(direction, counters),
    byLevel: direction.byLevel?.(Number.isNaN(level) ? 0 : level) ?? 0,
  }))
}

/** The counters of the baseline itself, laid out like those of a window. */
export function baselineCounters(column: ColumnProfile): Float64Array {
  const extras =
    column.kind === 'text'
      ? [column.other, 0, column.missing]
      : [column.missing, column.positiveInfinity, column.negativeInfinity, 0]
  return Float64Array.from([...column.counts, ...extras])
}

/** Variance of the score of one row where the mean is `mean`. */
export function rowVariance(kind: DirectionKind, mean: number): number {
  return kind === 'level' || kind === 'spread' ? 1 : Math.max(0, mean * (1 - mean))
}

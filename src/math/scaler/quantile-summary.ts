/**
 * A sample of a column from which its quantiles can be told after merging: points in ascending order, each standing for
 * `weight` of the rows. The rank of any quantile that it gives is off by at most `rankError` of all rows.
 */
export interface QuantileSummary {
  readonly points: readonly number[]
  /** Rows that each point stands for, as many as points; their sum is the number of rows. */
  readonly weights: readonly number[]
  /** Stated bound, as a share of the rows: 0 while every row is kept, 1/4096 more with each time that points were dropped. */
  readonly rankError: number
}

/** Points that a summary keeps at most. */
export const maxPoints = 2048

/** Summarises ascending values. */
export function summarise(sorted: Float64Array): QuantileSummary {
  return compress({ points: sorted, weights: new Float64Array(sorted.length).fill(1), rankError: 0 })
}

interface Loose {
  readonly points: ArrayLike<number>
  readonly weights: ArrayLike<number>
  readonly rankError: number
}

/** Joins summaries of disjoint rows. Merge all parts in one call: each call may drop points once more. */
export function mergeSummaries(parts: readonly QuantileSummary[]): QuantileSummary {
  const points = Float64Array.from(parts.flatMap(part => part.points))
  const weights = parts.flatMap(part => part.weights)
  const order = Uint32Array.from(points.keys()).sort((a, b) => (points[a] as number) - (points[b] as number))
  let rows = 0
  let off = 0
  for (const part of parts) {
    const own = part.weights.reduce((sum, weight) => sum + weight, 0)
    rows += own
    off += own * part.rankError
  }
  return compress({
    points: Float64Array.from(order, at => points[at] as number),
    weights: Float64Array.from(order, at => weights[at] as number),
    rankError: rows === 0 ? 0 : off / rows,
  })
}

/** Keeps the values in the middles of `maxPoints` equal shares of the rows. */
function compress({ points, weights, rankError }: Loose): QuantileSummary {
  const length = points.length
  if (length <= maxPoints) return { points: Array.from(points), weights: Array.from(weights), rankError }
  let rows = 0
  for (let at = 0; at < length; at++) rows += weights[at] as number
  const share = rows / maxPoints
  const kept: number[] = []
  let at = 0
  let upTo = weights[0] as number
  for (let k = 0; k < maxPoints; k++) {
    while (upTo < (k + 0.5) * share && at < length - 1) upTo += weights[++at] as number
    kept.push(points[at] as number)
  }
  return { points: kept, weights: kept.map(() => share), rankError: rankError + 1 / (2 * maxPoints) }
}

/** The quantile at `level`: linear between order statistics while every row is kept, else the point that holds that rank. */
export function quantileOf({ points, weights, rankError }: QuantileSummary, level: number): number {
  if (points.length === 0) return NaN
  if (rankError === 0) return interpolated(points, level)
  let rows = 0
  for (const weight of weights) rows += weight
  let upTo = 0
  for (let at = 0; at < points.length; at++) {
    upTo += weights[at] as number
    if (upTo >= level * rows) return points[at] as number
  }
  return points.at(-1) as number
}

/** Linear interpolation between the order statistics of ascending values, as NumPy does it. */
export function interpolated(sorted: ArrayLike<number>, level: number): number {
  const position = (sorted.length - 1) * level
  const below = Math.floor(position)
  const next = sorted[Math.min(below + 1, sorted.length - 1)] as number
  return between(sorted[below] as number, next, position - below, level)
}

/** NumPy's lerp: from the nearer end, so that both ends are met exactly; its median is the mean of the middle two. */
export function between(low: number, high: number, share: number, level: number): number {
  if (low === high) return low
  const step = high - low
  // Between two that are further apart than the largest number
  if (!Number.isFinite(step)) return low * (1 - share) + high * share
  if (level === 0.5) return share === 0 ? low : Number.isFinite(low + high) ? (low + high) / 2 : low + step / 2
  return share < 0.5 ? low + step * share : high - step * (1 - share)
}

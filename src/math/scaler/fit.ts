import {
  type FeatureStatistics,
  InfiniteValueError,
  type ScalerKind,
  type ScalerParameters,
  scaleOf,
} from './parameters.ts'
import { interpolated, mergeSummaries, type QuantileSummary, summarise } from './quantile-summary.ts'
import { quantilesInPlace } from './select.ts'

/** Columns of one feature each, NaN for missing. */
export type Columns = readonly (Float32Array | Float64Array)[]

export interface FitOptions {
  /**
   * How much each row counts, at least 0: moments as scikit-learn's `sample_weight`, quantiles as NumPy's weighted ones
   * (`inverted_cdf`: interpolation has no agreed weighted form). Rows of weight 0 are not looked at.
   */
  readonly weights?: Float64Array
  /** Keeps a summary of each column's quantiles, so that robust scalers can be merged. Default: false. */
  readonly mergeable?: boolean
}

/**
 * Learns the scale of every feature, as scikit-learn's StandardScaler, MinMaxScaler and RobustScaler do; one kind for
 * all, or one a column. Throws InfiniteValueError naming the first infinite value, SpreadError for a standard scale whose
 * variance is beyond float64 (where scikit-learn silently gives NaN or leaves the feature as it is), and RangeError for
 * weights that are negative, not finite or not as many as rows.
 */
export function fitScaler(
  kind: ScalerKind | readonly ScalerKind[],
  columns: Columns,
  options: FitOptions = {},
): ScalerParameters {
  const kinds = columns.map((_, at) => (typeof kind === 'string' ? kind : (kind[at] ?? 'none')))
  const whole = typeof kind === 'string' ? kind : commonest(kinds)
  const features = columns.map((column, at) => {
    const own = kinds[at] as ScalerKind
    return { ...scaleOf(own, statisticsOf(column, at, options), at), ...(own === whole ? {} : { kind: own }) }
  })
  return { kind: whole, features, approximateQuantiles: false }
}

function commonest(kinds: readonly ScalerKind[]): ScalerKind {
  const counts = new Map<ScalerKind, number>()
  for (const kind of kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  return [...counts].reduce<[ScalerKind, number]>((top, one) => (one[1] > top[1] ? one : top), ['none', 0])[0]
}

const levels = [0.01, 0.25, 0.5, 0.75, 0.99] as const

function statisticsOf(
  column: Float32Array | Float64Array,
  feature: number,
  { weights, mergeable }: FitOptions,
): FeatureStatistics {
  if (weights) return weightedStatisticsOf(column, feature, weights, mergeable ?? false)
  const present = new Float64Array(column.length)
  let count = 0
  let min = Infinity
  let max = -Infinity
  let sum = 0
  for (let row = 0; row < column.length; row++) {
    const value = column[row] as number
    if (value !== value) continue
    if (value === Infinity || value === -Infinity) throw new InfiniteValueError(feature, row)
    present[count++] = value
    sum += value
    if (value < min) min = value
    if (value > max) max = value
  }
  const nullCount = column.length - count
  if (count === 0) return { ...empty, nullCount }
  const values = present.subarray(0, count)
  // Of one value the sum may overflow or round; the value itself does not
  const { mean, m2 } = min === max ? { mean: min, m2: 0 } : momentsOf(values, sum / count)
  const moments = { count, nullCount, min, max, mean, var: m2 / count }
  if (!mergeable) return { ...moments, ...spread(quantilesInPlace(values, levels)) }
  values.sort()
  return {
    ...moments,
    ...spread(levels.map(level => interpolated(values, level))),
    summary: summarise(values),
  }
}

const empty: FeatureStatistics = { count: 0, nullCount: 0, min: 0, max: 0, mean: 0, var: 0, median: 0, iqr: 0 }

function spread(quantiles: readonly number[]): Pick<FeatureStatistics, 'median' | 'iqr' | 'p01' | 'p99'> {
  const [p01, q25, median, q75, p99] = quantiles as [number, number, number, number, number]
  return { median, iqr: q75 - q25, p01, p99 }
}

/** Two passes with the correction of Chan, Golub and LeVeque (1983) for the rounding of the first mean. */
function momentsOf(values: Float64Array, firstMean: number): { mean: number; m2: number } {
  let squares = 0
  let rest = 0
  for (let at = 0; at < values.length; at++) {
    const difference = (values[at] as number) - firstMean
    squares += difference * difference
    rest += difference
  }
  return { mean: firstMean + rest / values.length, m2: nonNegative(squares - (rest * rest) / values.length) }
}

/** Overflow gives infinity, whichever of the terms it happened in. */
function nonNegative(m2: number): number {
  return m2 !== m2 ? Infinity : Math.max(0, m2)
}

function weightedStatisticsOf(
  column: Float32Array | Float64Array,
  feature: number,
  weights: Float64Array,
  mergeable: boolean,
): FeatureStatistics {
  if (weights.length !== column.length)
    throw new RangeError(`there are ${weights.length} weights for ${column.length} rows`)
  const rows: number[] = []
  let nullCount = 0
  let count = 0
  let sum = 0
  for (let row = 0; row < column.length; row++) {
    const value = column[row] as number
    const weight = weights[row] as number
    if (!(weight >= 0 && weight < Infinity)) throw new RangeError(`the weight of row ${row} is ${weight}`)
    if (value === Infinity || value === -Infinity) throw new InfiniteValueError(feature, row)
    if (value !== value) nullCount++
    else if (weight > 0) {
      rows.push(row)
      count += weight
      sum += weight * value
    }
  }
  if (count === 0) return { ...empty, nullCount }
  rows.sort((a, b) => (column[a] as number) - (column[b] as number))
  const first = sum / count
  let squares = 0
  let rest = 0
  for (const row of rows) {
    const difference = (column[row] as number) - first
    squares += (weights[row] as number) * difference * difference
    rest += (weights[row] as number) * difference
  }
  const summary: QuantileSummary = {
    points: rows.map(row => column[row] as number),
    weights: rows.map(row => weights[row] as number),
    rankError: 0,
  }
  const [min, max] = [summary.points[0] as number, summary.points.at(-1) as number]
  return {
    count,
    nullCount,
    min,
    max,
    ...(min === max
      ? { mean: min, var: 0 }
      : { mean: first + rest / count, var: nonNegative(squares - (rest * rest) / count) / count }),
    ...spread(levels.map(level => invertedCdf(summary, level))),
    ...(mergeable ? { summary: mergeSummaries([summary]) } : {}),
  }
}

/** The least point up to which at least that share of the weight lies. */
function invertedCdf({ points, weights }: QuantileSummary, level: number): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  let upTo = 0
  for (let at = 0; at < points.length; at++) {
    upTo += weights[at] as number
    if (upTo / total >= level) return points[at] as number
  }
  return points.at(-1) as number
}

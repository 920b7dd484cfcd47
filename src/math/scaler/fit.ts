import {
  type FeatureScale,
  type FeatureStatistics,
  InfiniteValueError,
  type ScalerKind,
  type ScalerParameters,
  scaleOf,
} from './parameters.ts'

/** Columns of one feature each, NaN for missing. */
export type Columns = readonly (Float32Array | Float64Array)[]

/**
 * Learns the scale of every feature, as scikit-learn's StandardScaler, MinMaxScaler and RobustScaler do.
 * Throws InfiniteValueError naming the first infinite value.
 */
export function fitScaler(kind: ScalerKind, columns: Columns): ScalerParameters {
  const features = columns.map((column, at) => scaleOf(kind, statisticsOf(column, at)))
  return { kind, features, approximateQuantiles: false }
}

function statisticsOf(column: Float32Array | Float64Array, feature: number): FeatureStatistics {
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
  if (count === 0) return { count, nullCount, min: 0, max: 0, mean: 0, var: 0, median: 0, iqr: 0 }
  const values = present.subarray(0, count)
  const { mean, m2 } = momentsOf(values, sum / count)
  values.sort()
  const quantile = (q: number): number => quantileOfSorted(values, q)
  return {
    count,
    nullCount,
    min,
    max,
    mean,
    var: m2 / count,
    median: quantile(0.5),
    iqr: quantile(0.75) - quantile(0.25),
  }
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
  return { mean: firstMean + rest / values.length, m2: Math.max(0, squares - (rest * rest) / values.length) }
}

/** Linear interpolation between order statistics (NumPy's default). */
function quantileOfSorted(sorted: Float64Array, q: number): number {
  const position = (sorted.length - 1) * q
  const below = Math.floor(position)
  const low = sorted[below] as number
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number
  return low + (high - low) * (position - below)
}

/**
 * Joins scalers that were fitted on disjoint parts of the rows: count, mean, variance, minimum and maximum exactly
 * (Chan, Golub and LeVeque), quantiles by a count-weighted mean. Throws RangeError for different kinds or widths.
 */
export function mergeScalers(parts: readonly ScalerParameters[]): ScalerParameters {
  const [first, ...others] = parts
  if (!first) throw new RangeError('there is no scaler to merge')
  for (const other of others) {
    if (other.kind !== first.kind)
      throw new RangeError(`a ${first.kind} scaler cannot be merged with a ${other.kind} one`)
    if (other.features.length !== first.features.length) {
      throw new RangeError(`scalers of ${first.features.length} and ${other.features.length} features cannot be merged`)
    }
  }
  const features = first.features.map((feature, at) =>
    scaleOf(
      first.kind,
      others.reduce<FeatureStatistics>((merged, other) => join(merged, other.features[at] as FeatureScale), feature),
    ),
  )
  const approximateQuantiles = parts.length > 1 || first.approximateQuantiles
  return { kind: first.kind, features, approximateQuantiles }
}

function join(a: FeatureStatistics, b: FeatureStatistics): FeatureStatistics {
  const nullCount = a.nullCount + b.nullCount
  if (a.count === 0) return { ...b, nullCount }
  if (b.count === 0) return { ...a, nullCount }
  const count = a.count + b.count
  const share = b.count / count
  const difference = b.mean - a.mean
  const m2 = a.var * a.count + b.var * b.count + difference * difference * a.count * share
  return {
    count,
    nullCount,
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
    mean: a.mean + difference * share,
    var: m2 / count,
    median: a.median + (b.median - a.median) * share,
    iqr: a.iqr + (b.iqr - a.iqr) * share,
  }
}

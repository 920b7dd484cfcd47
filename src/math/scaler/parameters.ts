export type ScalerKind = 'standard' | 'minmax' | 'robust' | 'none'

/** What was learned about one feature. Statistics are of the values that are not missing, in float64. */
export interface FeatureScale {
  /** Values that are not missing. */
  readonly count: number
  readonly nullCount: number
  readonly min: number
  readonly max: number
  readonly mean: number
  /** Population variance (divided by the count). */
  readonly var: number
  readonly median: number
  /** 75 % quantile minus 25 % quantile, interpolated linearly. */
  readonly iqr: number
  /** One value only, up to rounding: then `scale` is 1. */
  readonly constant: boolean
  /** What is subtracted: mean, minimum or median by kind, 0 for `none`. */
  readonly offset: number
  /** What is divided by: standard deviation, range or interquartile range, 1 for `none` and constant features. */
  readonly scale: number
}

/** A fitted scaler, plain JSON. A feature without any value has count 0, statistics 0, offset 0 and scale 1. */
export interface ScalerParameters {
  readonly kind: ScalerKind
  readonly features: readonly FeatureScale[]
  /** Quantiles are not mergeable: after a merge, median and iqr are count-weighted means and this is true. */
  readonly approximateQuantiles: boolean
}

/** An infinite value where only finite and missing ones are allowed. */
export class InfiniteValueError extends RangeError {
  readonly feature: number
  readonly row: number
  constructor(feature: number, row: number) {
    super(`row ${row} of feature ${feature} is infinite`)
    this.name = 'InfiniteValueError'
    this.feature = feature
    this.row = row
  }
}

const epsilon = Number.EPSILON

/** scikit-learn's rule for a constant feature: the variance is within the rounding error of computing it. */
export function isConstantByVariance(variance: number, mean: number, count: number): boolean {
  return variance <= count * epsilon * variance + (count * mean * epsilon) ** 2
}

/** scikit-learn's rule for the scales that are not computed from a variance. */
export function isZeroScale(scale: number): boolean {
  return scale < 10 * epsilon
}

export type FeatureStatistics = Pick<
  FeatureScale,
  'count' | 'nullCount' | 'min' | 'max' | 'mean' | 'var' | 'median' | 'iqr'
>

/** Offset, scale and the constant flag that follow from the statistics. */
export function scaleOf(kind: ScalerKind, statistics: FeatureStatistics): FeatureScale {
  const { count, mean, min, max, median, iqr } = statistics
  const constant = count > 0 && isConstantByVariance(statistics.var, mean, count)
  if (count === 0 || kind === 'none') return { ...statistics, constant, offset: 0, scale: 1 }
  if (kind === 'standard') {
    return { ...statistics, constant, offset: mean, scale: constant ? 1 : Math.sqrt(statistics.var) }
  }
  const width = kind === 'minmax' ? max - min : iqr
  return { ...statistics, constant, offset: kind === 'minmax' ? min : median, scale: isZeroScale(width) ? 1 : width }
}

/** The same parameters with some features (encoded text, say) passed through as they are. */
export function leaveUnscaled(parameters: ScalerParameters, features: readonly number[]): ScalerParameters {
  const untouched = new Set(features)
  return {
    ...parameters,
    features: parameters.features.map((feature, at) =>
      untouched.has(at) ? { ...feature, offset: 0, scale: 1 } : feature,
    ),
  }
}

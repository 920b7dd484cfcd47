import type { QuantileSummary } from './quantile-summary.ts'

export type ScalerKind = 'standard' | 'minmax' | 'robust' | 'none'

/** What was learned about one feature. Statistics are of the values that are not missing, in float64. */
export interface FeatureScale {
  /** Its own kind, where it differs from the whole scaler's. */
  readonly kind?: ScalerKind
  /** Values that are not missing; with weights, their weights' sum. */
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
  /** 1 % and 99 % quantiles; absent after a merge that could not tell them. */
  readonly p01?: number
  readonly p99?: number
  /** Kept by fits that are to be merged. */
  readonly summary?: QuantileSummary
  /** One value only, up to rounding: then `scale` is 1. */
  readonly constant: boolean
  /** What is subtracted: mean, minimum or median by kind, 0 for `none`. */
  readonly offset: number
  /** What is divided by: standard deviation, range or interquartile range, 1 for `none` and constant features. */
  readonly scale: number
}

/** A fitted scaler, plain JSON. A feature without any value has count 0, statistics 0, offset 0 and scale 1. */
export interface ScalerParameters {
  /** Of every feature that does not say otherwise. */
  readonly kind: ScalerKind
  readonly features: readonly FeatureScale[]
  /** True after a merge: median and iqr are those of the joined summaries, or count-weighted means where there are none. */
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

/** Deviations whose squares are beyond float64, where a standard deviation was asked for. */
export class SpreadError extends RangeError {
  readonly feature: number
  constructor(feature: number) {
    super(`the variance of feature ${feature} is beyond float64`)
    this.name = 'SpreadError'
    this.feature = feature
  }
}

/** How a feature is scaled. */
export function kindOf(parameters: ScalerParameters, feature: number): ScalerKind {
  return parameters.features[feature]?.kind ?? parameters.kind
}

/** Whether the scaler leaves every feature as it is. */
export function isIdentity({ features }: ScalerParameters): boolean {
  return features.every(({ offset, scale }) => offset === 0 && scale === 1)
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
  'count' | 'nullCount' | 'min' | 'max' | 'mean' | 'var' | 'median' | 'iqr' | 'p01' | 'p99' | 'summary'
>

/** Offset, scale and the constant flag that follow from the statistics. Throws SpreadError, with the number `feature`. */
export function scaleOf(kind: ScalerKind, statistics: FeatureStatistics, feature: number): FeatureScale {
  const { count, mean, min, max, median, iqr } = statistics
  if (kind === 'standard' && count > 0 && !(statistics.var < Infinity)) throw new SpreadError(feature)
  const constant = count > 0 && statistics.var < Infinity && isConstantByVariance(statistics.var, mean, count)
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
      untouched.has(at) ? { ...feature, kind: 'none', offset: 0, scale: 1 } : feature,
    ),
  }
}

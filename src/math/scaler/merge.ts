import { type FeatureScale, type FeatureStatistics, kindOf, type ScalerParameters, scaleOf } from './parameters.ts'
import { mergeSummaries, quantileOf } from './quantile-summary.ts'

/**
 * Joins scalers that were fitted on disjoint parts of the rows. Count, nulls, minimum and maximum are exact; mean and
 * variance are those of one pass up to rounding (Chan, Golub and LeVeque). Quantiles are known to within the `rankError`
 * of the joined summaries where every part kept one (`mergeable`); else median and interquartile range are count-weighted
 * means, good for a report only: a robust scale is then refused. Throws RangeError for that, and for different kinds or
 * widths.
 */
export function mergeScalers(parts: readonly ScalerParameters[]): ScalerParameters {
  const [first, ...others] = parts
  if (!first) throw new RangeError('there is no scaler to merge')
  for (const other of others) {
    if (other.features.length !== first.features.length)
      throw new RangeError(`scalers of ${first.features.length} and ${other.features.length} features cannot be merged`)
    first.features.forEach((_, at) => {
      const [one, two] = [kindOf(first, at), kindOf(other, at)]
      if (one !== two) throw new RangeError(`a ${one} scaler cannot be merged with a ${two} one`)
    })
  }
  if (others.length === 0) return first
  const features = first.features.map((feature, at): FeatureScale => {
    const own = parts.map(part => part.features[at] as FeatureScale)
    const kind = kindOf(first, at)
    const merged = withQuantiles(own.map(statisticsOf).reduce(join), own)
    if (kind === 'robust' && merged.count > 0 && merged.summary === undefined)
      throw new RangeError(
        `feature ${at} is scaled by quantiles, which do not merge: fit it with mergeable, or on all rows at once`,
      )
    return { ...scaleOf(kind, merged, at), ...(feature.kind === undefined ? {} : { kind: feature.kind }) }
  })
  return { kind: first.kind, features, approximateQuantiles: true }
}

function statisticsOf(feature: FeatureScale): FeatureStatistics {
  const { count, nullCount, min, max, mean, median, iqr } = feature
  return { count, nullCount, min, max, mean, var: feature.var, median, iqr }
}

function withQuantiles(merged: FeatureStatistics, parts: readonly FeatureScale[]): FeatureStatistics {
  const filled = parts.filter(part => part.count > 0)
  const summaries = filled.flatMap(part => (part.summary ? [part.summary] : []))
  if (filled.length === 0 || summaries.length < filled.length) return merged
  const summary = mergeSummaries(summaries)
  return {
    ...merged,
    median: quantileOf(summary, 0.5),
    iqr: quantileOf(summary, 0.75) - quantileOf(summary, 0.25),
    p01: quantileOf(summary, 0.01),
    p99: quantileOf(summary, 0.99),
    summary,
  }
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

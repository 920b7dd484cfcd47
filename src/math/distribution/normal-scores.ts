import { normalQuantile } from '../special/normal.ts'

/** What each bin of a histogram counts for: two orthogonal scores with mean 0 and variance 1 over the histogram. */
export interface NormalScores {
  /** Rises with the bins. Undefined where one bin has everything. */
  readonly level: Float64Array | undefined
  /** Rises with the distance from the middle, uncorrelated to `level`. Undefined under three bins. */
  readonly spread: Float64Array | undefined
}

/** Weighted mean 0 and variance 1, after what `against` explains is taken out; undefined where nothing is left. */
function standardised(
  values: Float64Array,
  weights: ArrayLike<number>,
  against?: Float64Array,
): Float64Array | undefined {
  let total = 0
  let mean = 0
  let along = 0
  for (let i = 0; i < values.length; i++) {
    const weight = weights[i] as number
    total += weight
    mean += weight * (values[i] as number)
    along += weight * (values[i] as number) * (against?.[i] ?? 0)
  }
  if (total === 0) return undefined
  const rest = values.map((x, i) => x - mean / total - (along / total) * (against?.[i] ?? 0))
  let variance = 0
  for (let i = 0; i < rest.length; i++) variance += ((weights[i] as number) / total) * (rest[i] as number) ** 2
  return variance < 1e-9 ? undefined : rest.map(x => x / Math.sqrt(variance))
}

/**
 * Normal (van der Waerden) scores of ordered bins: the normal quantile of each bin's mid-rank. A normal variable that moves
 * by d standard deviations moves the mean of `level` by about d; one whose deviation is multiplied by s moves that of
 * `spread` by about (s² - 1) / √2. Bounded, so that an outlier counts as much as the outermost bin and no more.
 */
export function normalScores(counts: ArrayLike<number>): NormalScores {
  let total = 0
  for (let i = 0; i < counts.length; i++) total += counts[i] as number
  let below = 0
  const quantiles = Float64Array.from(counts, count => {
    const middle = (below + count / 2) / total
    below += count
    // an empty bin at either end has no rank of its own
    return normalQuantile(Math.min(1 - 0.25 / total, Math.max(0.25 / total, middle)))
  })
  const level = standardised(quantiles, counts)
  const spread =
    level &&
    standardised(
      level.map(x => x * x),
      counts,
      level,
    )
  return { level, spread }
}

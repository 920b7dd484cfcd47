import { sortedQuantile } from '../distribution/quantile-bins.ts'
import { seeded } from '../random/seeded.ts'

export interface PairedDifference {
  /** metric(first) - metric(second) on all rows. */
  readonly difference: number
  readonly lower: number
  readonly upper: number
  /** Resamples in which the metric was defined. */
  readonly resamples: number
}

/**
 * Percentile bootstrap of the difference of a metric between two score vectors on the same rows; rows are drawn together, so
 * that what both models share cancels out. Equal seeds give equal intervals.
 */
export function pairedBootstrap(options: {
  readonly metric: (labels: Float32Array, scores: Float32Array) => number
  readonly labels: Float32Array
  readonly first: Float32Array
  readonly second: Float32Array
  readonly seed: number
  /** Default 1,000. */
  readonly resamples?: number
  /** Default 0.95. */
  readonly confidence?: number
}): PairedDifference {
  const { metric, labels, first, second } = options
  const n = labels.length
  const random = seeded(options.seed)
  const y = new Float32Array(n)
  const a = new Float32Array(n)
  const b = new Float32Array(n)
  const differences: number[] = []
  for (let resample = 0; resample < (options.resamples ?? 1000); resample++) {
    for (let i = 0; i < n; i++) {
      const row = random.below(n)
      y[i] = labels[row] as number
      a[i] = first[row] as number
      b[i] = second[row] as number
    }
    const difference = metric(y, a) - metric(y, b)
    if (Number.isFinite(difference)) differences.push(difference)
  }
  const sorted = Float64Array.from(differences).sort()
  const tail = (1 - (options.confidence ?? 0.95)) / 2
  const empty = sorted.length === 0
  return {
    difference: metric(labels, first) - metric(labels, second),
    lower: empty ? Number.NaN : sortedQuantile(sorted, tail),
    upper: empty ? Number.NaN : sortedQuantile(sorted, 1 - tail),
    resamples: sorted.length,
  }
}

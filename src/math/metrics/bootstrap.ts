import { sortedQuantile } from '../distribution/quantile-bins.ts'
import { seeded } from '../random/seeded.ts'

export interface BootstrapInterval {
  /** On all rows. */
  readonly value: number
  readonly lower: number
  readonly upper: number
  /** Resamples in which it was defined. */
  readonly resamples: number
}

/**
 * Percentile bootstrap of what is measured of rows: of two models on the same rows what both share cancels out. Equal seeds
 * give equal intervals.
 */
export function bootstrap(options: {
  readonly rows: number
  /** Of the rows that are picked, some of them several times. */
  readonly measure: (pick: Int32Array) => number
  readonly seed: number
  /** Default 1,000. */
  readonly resamples?: number
  /** Default 0.95. */
  readonly confidence?: number
}): BootstrapInterval {
  const { rows, measure } = options
  const random = seeded(options.seed)
  const pick = new Int32Array(rows)
  const values: number[] = []
  for (let resample = 0; resample < (options.resamples ?? 1000); resample++) {
    for (let i = 0; i < rows; i++) pick[i] = random.below(rows)
    const value = measure(pick)
    if (Number.isFinite(value)) values.push(value)
  }
  const sorted = Float64Array.from(values).sort()
  const tail = (1 - (options.confidence ?? 0.95)) / 2
  const empty = sorted.length === 0
  return {
    value: measure(Int32Array.from({ length: rows }, (_, i) => i)),
    lower: empty ? Number.NaN : sortedQuantile(sorted, tail),
    upper: empty ? Number.NaN : sortedQuantile(sorted, 1 - tail),
    resamples: sorted.length,
  }
}

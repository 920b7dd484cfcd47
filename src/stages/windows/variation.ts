import { chiSquareSf } from '../../math/special/chi-square.ts'
import { meanVariance, unbiasedCorrelation } from '../../math/series/autocorrelation.ts'

/**
 * How one direction varies between windows of the training period, beyond what the number of their rows explains: weather,
 * weekdays, seasons. A change is a change only beyond that.
 */
export interface Variation {
  /** Its mean at each place of the day or week (window number modulo their count); a single one where no cycle shows. */
  readonly means: readonly number[]
  /** Windows that it was learnt from. */
  readonly windows: number
  /** Variance between windows about those means that the number of rows does not explain. */
  readonly between: number
  /** Variance about those means in all, the degrees of freedom it has, and what of it the number of rows explains. */
  readonly total: number
  readonly freedom: number
  readonly sampling: number
  /** Correlation of windows that follow each other, 0…0.95. */
  readonly correlation: number
}

/** Where chance alone gives such a variance at least this often, there is no other. */
const byRowsAlone = 0.05

/** Fewest windows that a variation is learnt from. */
export const fewestWindows = 4

export interface WindowMean {
  /** Number of the window on the calendar. */
  readonly index: number
  readonly mean: number
  /** Variance that its number of rows explains. */
  readonly sampling: number
}

interface LevelFit {
  readonly means: number[]
  readonly residuals: number[]
  readonly places: number
  /** Mean squared error of each window predicted from the others. */
  readonly error: number
}

const place = (index: number, period: number): number => ((index % period) + period) % period

function fit(windows: readonly WindowMean[], period: number): LevelFit | undefined {
  const sums = new Float64Array(period)
  const counts = new Float64Array(period)
  let whole = 0
  for (const { index, mean } of windows) {
    const at = place(index, period)
    sums[at] = (sums[at] as number) + mean
    counts[at] = (counts[at] as number) + 1
    whole += mean / windows.length
  }
  // A place of the cycle that was seen once cannot be told from chance
  if (counts.some(count => count === 1)) return undefined
  const places = counts.reduce((n, count) => (count > 0 ? n + 1 : n), 0)
  if (places < period || windows.length - places < 3) return undefined
  const means = [...sums].map((sum, at) => ((counts[at] as number) > 0 ? sum / (counts[at] as number) : whole))
  let error = 0
  const residuals = windows.map(({ index, mean }) => {
    const at = place(index, period)
    const residual = mean - (means[at] as number)
    const count = counts[at] as number
    error += ((residual * count) / (count - 1)) ** 2 / windows.length
    return residual
  })
  return { means, residuals, places, error }
}

/** Lag-one correlation of what the number of rows does not explain. */
function correlationOf(windows: readonly WindowMean[], residuals: readonly number[], latent: number): number {
  let sum = 0
  let pairs = 0
  for (let i = 1; i < windows.length; i++) {
    if ((windows[i] as WindowMean).index !== (windows[i - 1] as WindowMean).index + 1) continue
    sum += (residuals[i] as number) * (residuals[i - 1] as number)
    pairs++
  }
  return pairs < 3 ? 0 : unbiasedCorrelation(sum / pairs / latent, windows.length)
}

/**
 * Learns the variation of a direction from its windows in the order of time. Of no cycle and those of `periods` the one is
 * taken that predicts each window best from the others. Undefined under four windows: nothing is known then.
 */
export function variationOf(windows: readonly WindowMean[], periods: readonly number[]): Variation | undefined {
  if (windows.length < fewestWindows) return undefined
  const [best] = [1, ...periods]
    .flatMap(period => fit(windows, period) ?? [])
    .sort((a, b) => a.error - b.error || a.places - b.places)
  if (!best) return undefined
  const freedom = windows.length - best.places
  const total = best.residuals.reduce((sum, x) => sum + x * x, 0) / freedom
  const sampling = windows.reduce((sum, one) => sum + one.sampling, 0) / windows.length
  // Windows that differ no more than their rows explain are taken to differ by nothing else: that variance is known exactly
  if (total === 0 || (sampling > 0 && chiSquareSf((freedom * total) / sampling, freedom) > byRowsAlone))
    return { means: best.means, windows: windows.length, between: 0, total: 0, freedom, sampling, correlation: 0 }
  const latent = Math.max(0, total - sampling)
  // where the rows explain nearly everything, the rest is too small to have a course
  const correlation = latent > 0.3 * sampling ? correlationOf(windows, best.residuals, latent) : 0
  // a wandering process stays near its own mean: the variance about it is smaller than the process's
  const n = windows.length
  const seen = Math.max(0.2, 1 - (n * meanVariance(n, correlation) - 1) / (n - 1))
  return { means: best.means, windows: n, between: latent / seen, total, freedom, sampling, correlation }
}

/** What a mean over the last `count` windows varies by without any change; its degrees of freedom. */
export function varianceOfMean(
  variation: Variation | undefined,
  count: number,
  sampling: number,
  baseline: number,
): { readonly variance: number; readonly freedom: number } {
  if (!variation) return { variance: sampling + baseline, freedom: Number.POSITIVE_INFINITY }
  const { means, windows, between, total, freedom, correlation } = variation
  const period = means.length
  // the baseline's own mean is one of a few windows: of those at the same places, or of all where they hang together
  const places = (windows / period) * Math.min(count, period)
  const share = meanVariance(count, correlation) + Math.max(1 / places, meanVariance(windows, correlation))
  const variance = sampling + Math.max(baseline, variation.sampling / places) + between * share
  // Satterthwaite: only the variance between windows was estimated
  const estimated = total * share
  return { variance, freedom: estimated > 0 ? freedom * (variance / estimated) ** 2 : Number.POSITIVE_INFINITY }
}

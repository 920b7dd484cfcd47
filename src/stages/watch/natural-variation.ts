import { correctedPsi } from '../../math/distribution/divergence.ts'
import { poolSparse } from '../../math/distribution/minimum-effect.ts'
import { fisherUpperQuantile } from '../../math/special/proportion.ts'

/**
 * Excess PSI of each training window against the rest of the training period, over what sampling noise alone gives. Weather,
 * weekdays and seasons make windows differ without the model being any worse; the drift test must not alarm at that.
 */
export interface NaturalVariation {
  /** Among the bins of valid values. */
  readonly values: readonly number[]
  /** Of the shares missing, infinite and unseen. */
  readonly presence: readonly number[]
}

/** Fewest windows that a bound is drawn from. */
export const fewestWindows = 4

/** Excess PSI of one window's test bins against all rows less that window; 0 where it is within noise. */
export function excess(whole: ArrayLike<number>, window: ArrayLike<number>, order: 'ordered' | 'unordered'): number {
  const rest = Float64Array.from(whole, (count, i) => count - (window[i] as number))
  const pooled = poolSparse(rest, window, order)
  return pooled.reference.length < 2 ? 0 : Math.max(0, correctedPsi(pooled.reference, pooled.current))
}

/**
 * The excess that a further window stays under with probability 1 - `rate`, when windows are exchangeable. PSI is a sum of
 * squared shifts, so excesses go like a scaled chi-square whose degrees of freedom nu follow from their mean and variance
 * (Satterthwaite); a further one over the mean of k is then F(nu, k nu). Never below the largest excess seen. 0 under four
 * windows: nothing is known then.
 */
export function naturalBound(excesses: readonly number[], rate: number): number {
  const k = excesses.length
  if (k < fewestWindows) return 0
  let mean = 0
  let largest = 0
  for (const value of excesses) {
    mean += value / k
    if (value > largest) largest = value
  }
  if (mean === 0) return 0
  let variance = 0
  for (const value of excesses) variance += (value - mean) ** 2 / (k - 1)
  const nu = Math.min(20, Math.max(1, variance > 0 ? (2 * mean * mean) / variance : 20))
  return Math.max(largest, mean * fisherUpperQuantile(rate, nu, k * nu))
}

import { logBeta } from '../special/gamma.ts'

/** Prior weight of the beta mixture; larger finds small differences sooner and gross ones later. */
const priorStrength = 10

/**
 * Logarithm of the e-value against "each bad event comes from the canary with probability `weight`", after `k` of `n` bad
 * events came from it: a beta-binomial mixture around the null. E is a nonnegative martingale under the null, so that
 * P(ln E ever reaches ln(1/alpha)) ≤ alpha however often one looks (Ville). Traffic level and time of day cancel out, since
 * only the split counts.
 */
export function logEventSplit(k: number, n: number, weight: number): number {
  if (n === 0 || weight <= 0 || weight >= 1) return 0
  const a = priorStrength * weight
  const b = priorStrength * (1 - weight)
  return logBeta(a + k, b + n - k) - logBeta(a, b) - k * Math.log(weight) - (n - k) * Math.log1p(-weight)
}

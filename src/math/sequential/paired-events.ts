import { logBeta } from '../special/gamma.ts'
import { incompleteBeta } from '../special/incomplete-beta.ts'

/** Half of the evidence is looked for where nearly all events are the challenger's, the rest everywhere above one half. */
const gross = { share: 0.5, chance: 0.99 }

function logSum(a: number, b: number): number {
  const most = Math.max(a, b)
  return most + Math.log(Math.exp(a - most) + Math.exp(b - most))
}

/**
 * Logarithm of the e-value against "an event speaks against the challenger with a chance of at most one half", after `against`
 * events that do and `other` that do not: a mixture over chances above one half. E is a nonnegative supermartingale under the
 * null whatever made the events come when they came, so that P(ln E ever reaches ln(1/alpha)) ≤ alpha however often one looks.
 */
export function logPairedEvents(against: number, other: number): number {
  const n = against + other
  if (n === 0) return 0
  const nearly =
    n * Math.LN2 + against * Math.log(gross.chance) + other * Math.log1p(-gross.chance) + Math.log(gross.share)
  const above = incompleteBeta(other + 1, against + 1, 0.5)
  // the upper half of the beta density, under a uniform density of 2
  const anywhere =
    above > 0
      ? (n + 1) * Math.LN2 + logBeta(against + 1, other + 1) + Math.log(above) + Math.log(1 - gross.share)
      : Number.NEGATIVE_INFINITY
  return logSum(nearly, anywhere)
}

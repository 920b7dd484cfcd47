import { lgamma, minusLog1p, stirlingCorrection } from './gamma.ts'

/** From here on the sums take too many terms, and one expansion is as exact as a double can be. */
const large = 1e8
/** Below this 1 / a is no number; all of the mass is at 0. */
const small = 1e-300

/** ln of x^a e^-x / Γ(a), for finite a and x above 0. */
export function logGammaKernel(a: number, x: number): number {
  if (a < 12) return a * Math.log(x) - x - lgamma(a)
  return 0.5 * Math.log(a / (2 * Math.PI)) - a * minusLog1p((x - a) / a) - stirlingCorrection(a)
}

/** Sum of x^n / (a (a+1) … (a+n)): P(a, x) divided by the kernel. */
function lowerRatio(a: number, x: number): number {
  let term = 1 / a
  let sum = term
  for (let n = a + 1; term > sum * 1e-17; n++) {
    term *= x / n
    sum += term
  }
  return sum
}

/** Q(a, x) divided by the kernel, by the modified Lentz continued fraction; for finite x > a + 1. */
export function upperRatio(a: number, x: number): number {
  let b = x + 1 - a
  let c = 1e300
  let d = 1 / b
  let h = d
  for (let i = 1; i < 100_000; i++) {
    const an = -i * (i - a)
    b += 2
    d = 1 / (an * d + b)
    c = b + an / c
    const delta = c * d
    h *= delta
    if (!(Math.abs(delta - 1) >= 1e-16)) break
  }
  return h
}

/**
 * Q(a, x) for large `a`, by Temme's uniform expansion (1979): the tail of a normal, and what is left of it. Beyond 40
 * standard deviations either side is 0 or 1, and within them η is below 0.005, so that three terms of its series are exact.
 */
function largeTails(a: number, x: number): { readonly p: number; readonly q: number } {
  const mu = a === Number.POSITIVE_INFINITY ? -1 : (x - a) / a
  const half = minusLog1p(mu)
  const exponent = a * half
  if (!(exponent < 760)) return mu > 0 ? { p: 1, q: 0 } : { p: 0, q: 1 }
  const eta = Math.sign(mu) * Math.sqrt(2 * half)
  const series = -1 / 3 + eta / 12 - (2 * eta * eta) / 135
  const rest = (Math.exp(-exponent) / Math.sqrt(2 * Math.PI) / Math.sqrt(a)) * series
  const tail = 0.5 * gammaQ(0.5, exponent)
  return mu >= 0 ? { p: 1 - tail - rest, q: tail + rest } : { p: tail - rest, q: 1 - tail + rest }
}

/** Regularised lower incomplete gamma P(a, x), a > 0, x ≥ 0. NaN elsewhere, and for both infinite. */
export function gammaP(a: number, x: number): number {
  if (!(a > 0) || !(x >= 0)) return Number.NaN
  if (x === Number.POSITIVE_INFINITY) return a === x ? Number.NaN : 1
  if (x === 0) return 0
  if (a < small) return 1
  if (a > large) return largeTails(a, x).p
  if (x <= a + 1) return Math.exp(logGammaKernel(a, x)) * lowerRatio(a, x)
  return 1 - gammaQ(a, x)
}

/** Regularised upper incomplete gamma Q(a, x) = 1 - P(a, x), accurate in the far tail. */
export function gammaQ(a: number, x: number): number {
  if (!(a > 0) || !(x >= 0)) return Number.NaN
  if (x === Number.POSITIVE_INFINITY) return a === x ? Number.NaN : 0
  if (a < small) return x === 0 ? 1 : 0
  if (a > large) return largeTails(a, x).q
  if (x <= a + 1) return 1 - gammaP(a, x)
  return Math.exp(logGammaKernel(a, x)) * upperRatio(a, x)
}

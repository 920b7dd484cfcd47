import { lgamma, minusLog1p, stirlingCorrection } from './gamma.ts'

/** ln of x^a e^-x / Γ(a). */
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

/** Q(a, x) divided by the kernel, by the modified Lentz continued fraction; for x > a + 1. */
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
    if (Math.abs(delta - 1) < 1e-16) break
  }
  return h
}

/** Regularised lower incomplete gamma P(a, x), a > 0, x ≥ 0. */
export function gammaP(a: number, x: number): number {
  if (!(a > 0) || !(x >= 0)) return Number.NaN
  if (x === 0) return 0
  if (x <= a + 1) return Math.exp(logGammaKernel(a, x)) * lowerRatio(a, x)
  return 1 - gammaQ(a, x)
}

/** Regularised upper incomplete gamma Q(a, x) = 1 - P(a, x), accurate in the far tail. */
export function gammaQ(a: number, x: number): number {
  if (!(a > 0) || !(x >= 0)) return Number.NaN
  if (x === Number.POSITIVE_INFINITY) return 0
  if (x <= a + 1) return 1 - gammaP(a, x)
  return Math.exp(logGammaKernel(a, x)) * upperRatio(a, x)
}

import { gammaP, gammaQ } from './incomplete-gamma.ts'

export function erf(x: number): number {
  // Its square would be lost; the next term of the series is below the last digit
  if (Math.abs(x) < 1e-8) return x * (2 / Math.sqrt(Math.PI))
  return x < 0 ? -gammaP(0.5, x * x) : gammaP(0.5, x * x)
}

/** 1 - erf(x), accurate in the far tail. */
export function erfc(x: number): number {
  if (x < 0) return 1 + gammaP(0.5, x * x)
  return x < 0.5 ? 1 - gammaP(0.5, x * x) : gammaQ(0.5, x * x)
}

/** Φ(x); relative accuracy holds in the lower tail. Use `normalSf` for the upper. */
export function normalCdf(x: number): number {
  return 0.5 * erfc(-x / Math.SQRT2)
}

export function normalSf(x: number): number {
  return 0.5 * erfc(x / Math.SQRT2)
}

const a = [
  -39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716, 2.506628277459239,
]
const b = [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572]
const c = [
  -0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968,
  2.938163982698783,
]
const d = [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416]

function horner(coefficients: readonly number[], x: number): number {
  let sum = 0
  for (const coefficient of coefficients) sum = sum * x + coefficient
  return sum
}

/** Φ⁻¹(p): Acklam's rational start, then Halley steps on the accurate tail. ±∞ at 0 and 1, NaN outside. */
export function normalQuantile(p: number): number {
  if (!(p >= 0 && p <= 1)) return Number.NaN
  if (p === 0) return Number.NEGATIVE_INFINITY
  if (p === 1) return Number.POSITIVE_INFINITY
  if (p === 0.5) return 0
  if (p > 0.5) return -normalQuantile(1 - p)
  let x: number
  if (p < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(p))
    x = horner(c, q) / (horner(d, q) * q + 1)
  } else {
    const q = p - 0.5
    const r = q * q
    x = (horner(a, r) * q) / (horner(b, r) * r + 1)
  }
  for (let step = 0; step < 2; step++) {
    const density = Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI)
    if (density === 0) break
    const error = (normalCdf(x) - p) / density
    x -= error / (1 + (x * error) / 2)
  }
  return x
}

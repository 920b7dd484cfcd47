import { logBeta, minusLog1p, stirlingCorrection } from './gamma.ts'

/** ln of x^a (1 - x)^b / B(a, b); for large a and b by deviances (Loader 2000), which lose no digits. */
function logBetaKernel(a: number, b: number, x: number): number {
  if (Math.min(a, b) < 12) return a * Math.log(x) + b * Math.log1p(-x) - logBeta(a, b)
  const n = a + b
  // a ln(a / (n x)) + b ln(b / (n (1 - x))), with both logarithms around 1
  const difference = n * x - a
  const deviance = a * minusLog1p(difference / a) + b * minusLog1p(-difference / b)
  return (
    0.5 * Math.log((a * b) / (2 * Math.PI * n)) -
    deviance -
    (stirlingCorrection(a) + stirlingCorrection(b) - stirlingCorrection(n))
  )
}

function continuedFraction(a: number, b: number, x: number): number {
  let c = 1
  let d = 1 - ((a + b) * x) / (a + 1)
  d = 1 / (Math.abs(d) < 1e-300 ? 1e-300 : d)
  let h = d
  for (let m = 1; m < 100_000; m++) {
    const m2 = 2 * m
    let numerator = (m * (b - m) * x) / ((a + m2 - 1) * (a + m2))
    d = 1 + numerator * d
    c = 1 + numerator / c
    d = 1 / (Math.abs(d) < 1e-300 ? 1e-300 : d)
    if (Math.abs(c) < 1e-300) c = 1e-300
    h *= d * c
    numerator = (-(a + m) * (a + b + m) * x) / ((a + m2) * (a + m2 + 1))
    d = 1 + numerator * d
    c = 1 + numerator / c
    d = 1 / (Math.abs(d) < 1e-300 ? 1e-300 : d)
    if (Math.abs(c) < 1e-300) c = 1e-300
    const delta = d * c
    h *= delta
    if (Math.abs(delta - 1) < 1e-15) return h
    if (Number.isNaN(delta)) break
  }
  return Number.NaN
}

/** Below this, e to its power is 0. */
const nothing = -746

/** Regularised incomplete beta I_x(a, b), a, b > 0, 0 ≤ x ≤ 1. NaN elsewhere, and near the mean for a or b beyond 1e9. */
export function incompleteBeta(a: number, b: number, x: number): number {
  if (!(a > 0) || !(b > 0) || !(x >= 0 && x <= 1)) return Number.NaN
  if (x === 0 || x === 1) return x
  const logKernel = logBetaKernel(a, b, x)
  if (logKernel < nothing) return x < a / (a + b) ? 0 : 1
  const kernel = Math.exp(logKernel)
  if (x < (a + 1) / (a + b + 2)) return (kernel * continuedFraction(a, b, x)) / a
  return 1 - (kernel * continuedFraction(b, a, 1 - x)) / b
}

/** The x with I_x(a, b) = p, by bracketed Newton steps to full relative precision. NaN where `incompleteBeta` is. */
export function inverseIncompleteBeta(a: number, b: number, p: number): number {
  if (!(a > 0) || !(b > 0) || !(p >= 0 && p <= 1)) return Number.NaN
  if (p === 0 || p === 1) return p
  let low = 0
  let high = 1
  let x = a / (a + b)
  for (let step = 0; step < 400; step++) {
    const error = incompleteBeta(a, b, x) - p
    if (error === 0 || Number.isNaN(error)) return x + error
    if (error > 0) high = x
    else low = x
    const density = Math.exp(logBetaKernel(a, b, x)) / (x * (1 - x))
    let next = x - error / density
    // a bracket over many magnitudes is cut on the logarithm, otherwise in the middle
    if (!(next > low && next < high))
      next = low > 0 && high > 4 * low ? Math.sqrt(low * high) : low === 0 ? high / 16 : (low + high) / 2
    if (Math.abs(next - x) <= 4e-16 * next || next === low || next === high) return next
    x = next
  }
  return x
}

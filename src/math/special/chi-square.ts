import { gammaQ, logGammaKernel, upperRatio } from './incomplete-gamma.ts'
import { normalSf } from './normal.ts'

/** P(X > x) for a chi-square variable with `df` degrees of freedom, finite and at least 1/1000; NaN elsewhere. */
export function chiSquareSf(x: number, df: number): number {
  if (!(df >= 1e-3 && df < Number.POSITIVE_INFINITY)) return Number.NaN
  return x <= 0 ? 1 : gammaQ(df / 2, x / 2)
}

const shrink = 2 ** -320
const grow = 2 ** 320
const logGrow = 320 * Math.LN2

/** Terms beyond which the sum is left for `sankaran`. */
const maxTerms = 1e11

/** P(X > x) by the power of X that is closest to normal (Sankaran 1963): a few parts in 1e6 where the sum has too many terms. */
function sankaran(x: number, df: number, lambda: number): number {
  const mean = df + lambda
  const twice = (df + 2 * lambda) / mean
  const h = 1 - (2 * (df + 3 * lambda)) / mean / (3 * twice * twice)
  const p = twice / mean
  const m = (h - 1) * (1 - 3 * h)
  const correction = h * p * (h - 1 - 0.5 * (2 - h) * m * p)
  const z = (Math.expm1(h * Math.log1p((x - mean) / mean)) - correction) / (h * Math.sqrt(2 * p) * (1 + 0.5 * m * p))
  return normalSf(z)
}

/**
 * P(X > x) for a noncentral chi-square variable: the Poisson mixture of central tails, summed upwards from well below its
 * largest term with the stable recurrence Q(a + 1) = Q(a) + x^a e^-x / Γ(a + 1). Every term is positive, so the relative
 * accuracy holds down to the smallest representable p. Around a mean beyond 1e11 it is an approximation. NaN outside of x ≥ 0,
 * finite df ≥ 1/1000 and finite lambda ≥ 0.
 */
export function noncentralChiSquareSf(x: number, df: number, lambda: number): number {
  if (!(df >= 1e-3) || !(lambda >= 0) || Number.isNaN(x) || df + lambda === Number.POSITIVE_INFINITY) return Number.NaN
  if (x <= 0) return 1
  // By Chernoff's bound below the smallest number
  if (x > 1e5 && x / 100 > df + lambda) return 0
  if (lambda === 0) return chiSquareSf(x, df)
  const half = lambda / 2
  const y = x / 2
  // Log-concave terms; their mode is at or above both of these.
  const product = Math.sqrt(half) * Math.sqrt(y)
  const mode = Math.max(half, (product / (Math.hypot(product, df / 4) + df / 4)) * product)
  if (mode > maxTerms) return sankaran(x, df, lambda)
  const start = Math.max(0, Math.floor(mode - 12 * Math.sqrt(mode) - 20))
  let a = df / 2 + start
  const logWeight = start === 0 ? -half : logGammaKernel(start, half) - Math.log(start)
  const logKernel = logGammaKernel(a, y)
  // q, kernel and weight are kept relative to e^scale, so that nothing underflows before it is summed.
  let scale = logWeight
  let kernel: number
  let q: number
  if (y > a + 1) {
    scale += logKernel
    q = upperRatio(a, y)
    kernel = 1 / a
  } else {
    q = gammaQ(a, y)
    kernel = Math.exp(logKernel) / a
  }
  let weight = 1
  let sum = 0
  for (let j = start; ; j++) {
    const term = weight * q
    sum += term
    if (j > mode && !(term > sum * 1e-17)) break
    q += kernel
    a += 1
    kernel *= y / a
    weight *= half / (j + 1)
    if (weight > grow || weight < shrink) {
      const factor = weight > 1 ? shrink : grow
      weight *= factor
      sum *= factor
      scale += factor === shrink ? logGrow : -logGrow
    }
    if (q > grow) {
      q *= shrink
      kernel *= shrink
      sum *= shrink
      scale += logGrow
    }
  }
  return Math.min(1, Math.exp(Math.log(sum) + scale))
}

import { gammaQ, logGammaKernel, upperRatio } from './incomplete-gamma.ts'

/** P(X > x) for a chi-square variable with `df` degrees of freedom. */
export function chiSquareSf(x: number, df: number): number {
  return x <= 0 ? 1 : gammaQ(df / 2, x / 2)
}

const shrink = 2 ** -320
const grow = 2 ** 320
const logGrow = 320 * Math.LN2

/**
 * P(X > x) for a noncentral chi-square variable: the Poisson mixture of central tails, summed upwards from well below its
 * largest term with the stable recurrence Q(a + 1) = Q(a) + x^a e^-x / Γ(a + 1). Every term is positive, so the relative
 * accuracy holds down to the smallest representable p.
 */
export function noncentralChiSquareSf(x: number, df: number, lambda: number): number {
  if (!(df > 0) || !(lambda >= 0) || Number.isNaN(x)) return Number.NaN
  if (x <= 0) return 1
  if (x === Number.POSITIVE_INFINITY) return 0
  if (lambda === 0) return chiSquareSf(x, df)
  const half = lambda / 2
  const y = x / 2
  // Log-concave terms; their mode is at or above both of these.
  const mode = Math.max(half, Math.sqrt(half * y + (df * df) / 16) - df / 4)
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
    if (j > mode && term <= sum * 1e-17) break
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

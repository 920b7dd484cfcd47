/** Variance of the mean of `n` values in a row of a stationary first-order autoregression with variance 1, |correlation| ≤ 1. */
export function meanVariance(n: number, correlation: number): number {
  if (n <= 1 || correlation === 0) return 1 / Math.max(1, n)
  // sum of (1 - j / n) r^j for j = 1 … n - 1, in closed form
  const r = correlation
  // so near to 1 the closed form loses every digit: the first term of the series has them
  if ((1 - r) * n < 1e-5) return 1 - ((1 - r) * (n - 1 / n)) / 3
  const power = r > 0 ? -Math.expm1(n * Math.log1p(r - 1)) : 1 - r ** n
  const sum = (r / (1 - r)) * (1 - power / (n * (1 - r)))
  return (1 + 2 * sum) / n
}

/**
 * Lag-one correlation from its estimate on `n` values with a fitted mean, which is too small by about (1 + 3r) / n (Marriott
 * and Pope 1954, Kendall 1954). Between 0 and 0.95: negative correlation is not relied on.
 */
export function unbiasedCorrelation(estimate: number, n: number): number {
  return Math.min(0.95, Math.max(0, estimate + (1 + 3 * Math.max(0, estimate)) / n))
}

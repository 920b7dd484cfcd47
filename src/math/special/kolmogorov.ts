/** P(K > x) for Kolmogorov's limiting distribution. */
export function kolmogorovSf(x: number): number {
  if (Number.isNaN(x)) return x
  // At 0.04 what is missing to 1 is below 1e-330
  if (x < 0.04) return 1
  if (x < 1) {
    // Jacobi's theta identity: converges fast where the alternating series does not
    const factor = -(Math.PI * Math.PI) / (8 * x * x)
    let sum = 0
    for (let k = 1; k <= 15; k += 2) sum += Math.exp(factor * k * k)
    return 1 - (Math.sqrt(2 * Math.PI) / x) * sum
  }
  let sum = 0
  for (let k = 8; k >= 1; k--) sum += (k % 2 === 1 ? 1 : -1) * Math.exp(-2 * k * k * x * x)
  return Math.min(1, 2 * sum)
}

/** Asymptotic p of the two-sample Kolmogorov–Smirnov statistic `d` over samples of `n` and `m`, at least 1 each. */
export function kolmogorovTwoSampleP(d: number, n: number, m: number): number {
  return kolmogorovSf(d * Math.sqrt((n / (n + m)) * m))
}

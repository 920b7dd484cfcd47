/** Root mean squared error. */
export function rmse(labels: ArrayLike<number>, scores: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < scores.length; i++) {
    const difference = (scores[i] as number) - (labels[i] as number)
    sum += difference * difference
  }
  return Math.sqrt(sum / scores.length)
}

/** Mean absolute error. */
export function mae(labels: ArrayLike<number>, scores: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < scores.length; i++) sum += Math.abs((scores[i] as number) - (labels[i] as number))
  return sum / scores.length
}

/** Share of the labels' variance that is explained; for constant labels 1 when exact, else 0 (as scikit-learn). */
export function r2(labels: ArrayLike<number>, scores: ArrayLike<number>): number {
  const n = scores.length
  let mean = 0
  for (let i = 0; i < n; i++) mean += labels[i] as number
  mean /= n
  let residual = 0
  let whole = 0
  for (let i = 0; i < n; i++) {
    const label = labels[i] as number
    residual += (label - (scores[i] as number)) ** 2
    whole += (label - mean) ** 2
  }
  if (whole === 0) return residual === 0 ? 1 : 0
  return 1 - residual / whole
}

/** Root mean squared error. */
export function rmse(labels: ArrayLike<number>, scores: ArrayLike<number>, weights?: ArrayLike<number>): number {
  let [sum, total] = [0, 0]
  for (let i = 0; i < scores.length; i++) {
    const weight = weights ? (weights[i] as number) : 1
    const difference = (scores[i] as number) - (labels[i] as number)
    sum += weight * difference * difference
    total += weight
  }
  return Math.sqrt(sum / total)
}

/** Mean absolute error. */
export function mae(labels: ArrayLike<number>, scores: ArrayLike<number>, weights?: ArrayLike<number>): number {
  let [sum, total] = [0, 0]
  for (let i = 0; i < scores.length; i++) {
    const weight = weights ? (weights[i] as number) : 1
    sum += weight * Math.abs((scores[i] as number) - (labels[i] as number))
    total += weight
  }
  return sum / total
}

/** Share of the labels' variance that is explained; for constant labels 1 when exact, else 0 (as scikit-learn). */
export function r2(labels: ArrayLike<number>, scores: ArrayLike<number>, weights?: ArrayLike<number>): number {
  const n = scores.length
  const weightOf = (i: number): number => (weights ? (weights[i] as number) : 1)
  let [mean, total] = [0, 0]
  for (let i = 0; i < n; i++) {
    mean += weightOf(i) * (labels[i] as number)
    total += weightOf(i)
  }
  mean /= total
  let residual = 0
  let whole = 0
  for (let i = 0; i < n; i++) {
    const label = labels[i] as number
    residual += weightOf(i) * (label - (scores[i] as number)) ** 2
    whole += weightOf(i) * (label - mean) ** 2
  }
  if (whole === 0) return residual === 0 ? 1 : 0
  return 1 - residual / whole
}

/** Mean pinball loss of quantiles at `level`: what lies above costs `level`, what lies below the rest. */
export function pinball(
  labels: ArrayLike<number>,
  scores: ArrayLike<number>,
  level: number,
  weights?: ArrayLike<number>,
): number {
  let [sum, total] = [0, 0]
  for (let i = 0; i < scores.length; i++) {
    const weight = weights ? (weights[i] as number) : 1
    sum += weight * rowPinball(labels[i] as number, scores[i] as number, level)
    total += weight
  }
  return sum / total
}

export function rowPinball(label: number, score: number, level: number): number {
  const off = label - score
  return off >= 0 ? level * off : (level - 1) * off
}

/** Share of the labels that are at most their score: near its level for a quantile that is right. */
export function coverage(labels: ArrayLike<number>, scores: ArrayLike<number>, weights?: ArrayLike<number>): number {
  let [sum, total] = [0, 0]
  for (let i = 0; i < scores.length; i++) {
    const weight = weights ? (weights[i] as number) : 1
    if ((labels[i] as number) <= (scores[i] as number)) sum += weight
    total += weight
  }
  return sum / total
}

/** Poisson deviance of one row; infinite for a rate of 0 where something happened, NaN for a negative one. */
export function rowPoissonDeviance(label: number, rate: number): number {
  if (!(rate >= 0)) return Number.NaN
  if (rate === 0) return label === 0 ? 0 : Number.POSITIVE_INFINITY
  return 2 * ((label === 0 ? 0 : label * Math.log(label / rate)) - label + rate)
}

/** Mean Poisson deviance of counts and rates, as scikit-learn's. */
export function poissonDeviance(
  labels: ArrayLike<number>,
  rates: ArrayLike<number>,
  weights?: ArrayLike<number>,
): number {
  let [sum, total] = [0, 0]
  for (let i = 0; i < rates.length; i++) {
    const weight = weights ? (weights[i] as number) : 1
    sum += weight * rowPoissonDeviance(labels[i] as number, rates[i] as number)
    total += weight
  }
  return sum / total
}

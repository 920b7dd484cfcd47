/**
 * Benjamini–Hochberg adjusted p-values, in the order given: rejecting those ≤ q keeps the expected share of false rejections
 * at q or below (independent or positively dependent tests). NaN is no test: it stays NaN and does not count.
 */
export function benjaminiHochberg(p: readonly number[]): number[] {
  const order = p
    .flatMap((one, i) => (Number.isNaN(one) ? [] : [i]))
    .sort((i, j) => (p[j] as number) - (p[i] as number))
  const adjusted: number[] = Array.from({ length: p.length }, () => Number.NaN)
  let smallest = 1
  for (const [position, index] of order.entries()) {
    smallest = Math.min(smallest, ((p[index] as number) * order.length) / (order.length - position))
    adjusted[index] = smallest
  }
  return adjusted
}

/**
 * Benjamini–Hochberg adjusted p-values, in the order given: rejecting those ≤ q keeps the expected share of false rejections
 * at q or below (independent or positively dependent tests).
 */
export function benjaminiHochberg(p: readonly number[]): number[] {
  const order = p.map((_, i) => i).sort((i, j) => (p[j] as number) - (p[i] as number))
  const adjusted: number[] = Array.from({ length: p.length }, () => 1)
  let smallest = 1
  for (const [position, index] of order.entries()) {
    smallest = Math.min(smallest, ((p[index] as number) * p.length) / (p.length - position))
    adjusted[index] = smallest
  }
  return adjusted
}

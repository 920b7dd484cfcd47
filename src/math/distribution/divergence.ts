import { minusLog1p } from '../special/gamma.ts'

/** Two histograms over the same bins, as counts. Nothing here allocates. */
type Counts = ArrayLike<number>

/** 0 makes every share NaN: where nothing was counted, nothing can be compared. */
function total(counts: Counts): number {
  let sum = 0
  for (let i = 0; i < counts.length; i++) sum += counts[i] as number
  return sum
}

/**
 * Population stability index Σ (p - q) ln(p / q), symmetric, in nats. `smoothing` (default 1/2) is added to every count,
 * so that an empty bin is finite.
 */
export function psi(reference: Counts, current: Counts, smoothing = 0.5): number {
  const bins = reference.length
  const n = total(reference) + smoothing * bins
  const m = total(current) + smoothing * bins
  let sum = 0
  for (let i = 0; i < bins; i++) {
    const p = ((reference[i] as number) + smoothing) / n
    const q = ((current[i] as number) + smoothing) / m
    if (p > 0 || q > 0) sum += q > 0 ? (p - q) * Math.log1p((p - q) / q) : Number.POSITIVE_INFINITY
  }
  return sum
}

/** PSI less its mean under no drift, (bins - 1)(1/n + 1/m) (Yurdakul 2018). May be negative. */
export function correctedPsi(reference: Counts, current: Counts, smoothing = 0.5): number {
  const noise = (reference.length - 1) * (1 / total(reference) + 1 / total(current))
  return psi(reference, current, smoothing) - noise
}

/** Kullback–Leibler divergence of the current from the reference distribution, in nats, smoothed like `psi`. */
export function klDivergence(reference: Counts, current: Counts, smoothing = 0.5): number {
  const bins = reference.length
  const n = total(reference) + smoothing * bins
  const m = total(current) + smoothing * bins
  let sum = 0
  for (let i = 0; i < bins; i++) {
    const q = ((current[i] as number) + smoothing) / m
    const p = ((reference[i] as number) + smoothing) / n
    // q ln(q / p) - q + p: never negative, so that nothing cancels in the sum
    sum += q > 0 ? q * minusLog1p((p - q) / q) : p
  }
  return sum
}

/** Jensen–Shannon distance: square root of the divergence in bits, 0…1. No smoothing. */
export function jensenShannonDistance(reference: Counts, current: Counts): number {
  const n = total(reference)
  const m = total(current)
  let sum = 0
  for (let i = 0; i < reference.length; i++) {
    const p = (reference[i] as number) / n
    const q = (current[i] as number) / m
    const middle = (p + q) / 2
    if (p > 0) sum += p * Math.log2(p / middle)
    if (q > 0) sum += q * Math.log2(q / middle)
  }
  return Math.sqrt(Math.max(0, sum / 2))
}

/** Total variation distance, half the sum of absolute differences of shares, 0…1. */
export function totalVariation(reference: Counts, current: Counts): number {
  const n = total(reference)
  const m = total(current)
  let sum = 0
  for (let i = 0; i < reference.length; i++) sum += Math.abs((reference[i] as number) / n - (current[i] as number) / m)
  return sum / 2
}

/** Largest distance between the two distribution functions at the edges of ordered bins. */
export function binnedKs(reference: Counts, current: Counts): number {
  const n = total(reference)
  const m = total(current)
  let f = 0
  let g = 0
  let largest = 0
  for (let i = 0; i < reference.length; i++) {
    f += reference[i] as number
    g += current[i] as number
    const distance = Math.abs(f / n - g / m)
    if (distance > largest) largest = distance
  }
  return largest
}

/**
 * Wasserstein-1 distance in the units of the edges, values taken as uniform within their bin.
 * `edges` has one more element than there are bins.
 */
export function binnedWasserstein(edges: ArrayLike<number>, reference: Counts, current: Counts): number {
  const n = total(reference)
  const m = total(current)
  let before = 0
  let sum = 0
  for (let i = 0; i < reference.length; i++) {
    const width = (edges[i + 1] as number) - (edges[i] as number)
    const after = before + (reference[i] as number) / n - (current[i] as number) / m
    // the difference of the distribution functions runs straight from `before` to `after`
    const a = Math.abs(before)
    const b = Math.abs(after)
    sum += width * (before * after >= 0 ? (a + b) / 2 : (a * a + b * b) / (2 * (a + b)))
    before = after
  }
  return sum
}

/** Wasserstein-1 distance between two distributions on the same sorted points. */
export function pointWasserstein(points: ArrayLike<number>, reference: Counts, current: Counts): number {
  const n = total(reference)
  const m = total(current)
  let difference = 0
  let sum = 0
  for (let i = 0; i + 1 < points.length; i++) {
    difference += (reference[i] as number) / n - (current[i] as number) / m
    sum += Math.abs(difference) * ((points[i + 1] as number) - (points[i] as number))
  }
  return sum
}

/** Largest difference between the shares of a bin, 0…1. */
export function largestDifference(reference: Counts, current: Counts): number {
  const n = total(reference)
  const m = total(current)
  let largest = 0
  for (let i = 0; i < reference.length; i++)
    largest = Math.max(largest, Math.abs((reference[i] as number) / n - (current[i] as number) / m))
  return largest
}

/** Cramér's V of the 2 × bins table of both counts, 0…1: √(χ² / rows), as one side of the table is 2. */
export function cramersV(reference: Counts, current: Counts): number {
  const n = total(reference)
  const m = total(current)
  let chi = 0
  for (let i = 0; i < reference.length; i++) {
    const both = (reference[i] as number) + (current[i] as number)
    if (both === 0) continue
    const expected = (both * n) / (n + m)
    const other = (both * m) / (n + m)
    chi += ((reference[i] as number) - expected) ** 2 / expected + ((current[i] as number) - other) ** 2 / other
  }
  return Math.sqrt(chi / (n + m))
}

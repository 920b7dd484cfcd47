/** Type 7 quantile (NumPy's and R's default) of ascending finite values. */
export function sortedQuantile(sorted: ArrayLike<number>, level: number): number {
  const position = (sorted.length - 1) * level
  const below = Math.floor(position)
  const low = sorted[below] as number
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number
  const step = high - low
  const share = position - below
  // Between two that are further apart than the largest number
  return Number.isFinite(step) ? low + step * share : low * (1 - share) + high * share
}

export interface QuantileBins {
  /** Strictly ascending; bin i holds edges[i] < x ≤ edges[i + 1], the first also its left end. */
  readonly edges: readonly number[]
  /** Coarse bin of every fine bin, so that the coarse histogram is an exact sum of fine bins. */
  readonly coarse: readonly number[]
}

/**
 * `coarse` quantile bins, each cut into `per` fine ones, of ascending values. Edges are type 7 quantiles rounded to float32
 * (what the values are); equal edges are merged, which leaves fewer bins where one value is frequent.
 */
export function quantileBins(sorted: ArrayLike<number>, coarse = 10, per = 6): QuantileBins {
  const fine = coarse * per
  const edges: number[] = [Math.fround(sortedQuantile(sorted, 0))]
  const groups: number[] = []
  let group = -1
  let closed = true
  for (let i = 1; i <= fine; i++) {
    const edge = Math.fround(sortedQuantile(sorted, i / fine))
    if (edge > (edges.at(-1) as number)) {
      if (closed) group++
      closed = false
      edges.push(edge)
      groups.push(group)
    }
    // a coarse edge, even when it fell on the previous fine one, ends the coarse bin
    if (i % per === 0) closed = true
  }
  return { edges, coarse: groups }
}

/** Index of the right-closed bin that holds `x`: values at or below the first inner edge give 0, those above the last bin the last. */
export function binIndex(upperEdges: ArrayLike<number>, x: number): number {
  let low = 0
  let high = upperEdges.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if (x <= (upperEdges[middle] as number)) high = middle
    else low = middle + 1
  }
  return low
}

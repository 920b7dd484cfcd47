import { between } from './quantile-summary.ts'

/**
 * Quantiles of values in any order, by linear interpolation between order statistics. Moves the values around, in
 * expected linear time; levels must ascend.
 */
export function quantilesInPlace(values: Float64Array, levels: readonly number[]): number[] {
  let from = 0
  return levels.map(level => {
    const position = (values.length - 1) * level
    const below = Math.floor(position)
    select(values, below, from)
    // What stands before a selected rank is no greater: the next level need not look there again
    from = below
    if (below === position) return values[below] as number
    let next = Infinity
    for (let at = below + 1; at < values.length; at++) if ((values[at] as number) < next) next = values[at] as number
    return between(values[below] as number, next, position - below, level)
  })
}

/** Brings the value of that rank to its place, smaller ones before and greater ones behind it (Hoare, median of three). */
function select(values: Float64Array, rank: number, from: number): void {
  let low = from
  let high = values.length - 1
  // Orders that defeat the median of three exist; sorting what is left keeps even those within n log n
  for (let rounds = 64; low < high; rounds--) {
    if (rounds === 0) {
      values.subarray(low, high + 1).sort()
      return
    }
    const pivot = medianOfThree(values[low] as number, values[(low + high) >>> 1] as number, values[high] as number)
    let left = low
    let right = high
    while (left <= right) {
      while ((values[left] as number) < pivot) left++
      while ((values[right] as number) > pivot) right--
      if (left > right) break
      const swapped = values[left] as number
      values[left++] = values[right] as number
      values[right--] = swapped
    }
    if (rank <= right) high = right
    else if (rank >= left) low = left
    else return
  }
}

function medianOfThree(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c))
}

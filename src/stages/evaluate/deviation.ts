/** Standard deviation of the finite values; 0 where there is none. */
export function deviation(values: ArrayLike<number>): number {
  let [n, mean, squares] = [0, 0, 0]
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number
    if (!Number.isFinite(value)) continue
    n++
    const off = value - mean
    mean += off / n
    squares += off * (value - mean)
  }
  return n === 0 ? 0 : Math.sqrt(squares / n)
}

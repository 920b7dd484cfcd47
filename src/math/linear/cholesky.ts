/** A pivot this much smaller than its diagonal belongs to a column that the others already determine. */
const aliased = 1e-11

/**
 * Solves A x = b for a symmetric positive semidefinite A, row-major n × n, of which the lower triangle is read.
 * A column that depends on earlier ones gets 0, as in R's `lm`.
 */
export function solveSymmetric(matrix: Float64Array, right: Float64Array): Float64Array {
  return solveFactored(factorOf(matrix, right.length), right)
}

/** L with L Lᵀ = A; the column of one that depends on earlier ones is 0. */
export function factorOf(matrix: Float64Array, n: number): Float64Array {
  const lower = new Float64Array(n * n)
  for (let j = 0; j < n; j++) {
    let pivot = matrix[j * n + j] as number
    for (let k = 0; k < j; k++) pivot -= (lower[j * n + k] as number) ** 2
    if (!(pivot > aliased * (matrix[j * n + j] as number))) continue
    const root = Math.sqrt(pivot)
    lower[j * n + j] = root
    for (let i = j + 1; i < n; i++) {
      let sum = matrix[i * n + j] as number
      for (let k = 0; k < j; k++) sum -= (lower[i * n + k] as number) * (lower[j * n + k] as number)
      lower[i * n + j] = sum / root
    }
  }
  return lower
}

/** x with L Lᵀ x = b, 0 where the column of L is. */
export function solveFactored(lower: Float64Array, right: Float64Array): Float64Array {
  const n = right.length
  const x = new Float64Array(n)
  for (let i = 0; i < n; i++) {
    const diagonal = lower[i * n + i] as number
    if (diagonal === 0) continue
    let sum = right[i] as number
    for (let k = 0; k < i; k++) sum -= (lower[i * n + k] as number) * (x[k] as number)
    x[i] = sum / diagonal
  }
  for (let i = n - 1; i >= 0; i--) {
    const diagonal = lower[i * n + i] as number
    if (diagonal === 0) {
      x[i] = 0
      continue
    }
    let sum = x[i] as number
    for (let k = i + 1; k < n; k++) sum -= (lower[k * n + i] as number) * (x[k] as number)
    x[i] = sum / diagonal
  }
  return x
}

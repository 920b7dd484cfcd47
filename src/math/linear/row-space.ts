import type { Columns, Design } from './design.ts'
import type { Loss } from './losses.ts'
import { minimise } from './newton.ts'

// Of more columns than rows. A penalised minimum is a sum of the rows: what lies across them moves no margin and costs. So
// X = L Q with L as wide as there are rows and Q orthonormal, and X β = L γ with |β| = |γ| where β = Qᵀ γ: the same loss
// and penalty in as many unknowns as rows. L is the Cholesky factor of X Xᵀ, and Q is never written out: β = Xᵀ u with Lᵀ u = γ.

/** Most rows whose inner products are held, packed: 100 MB. */
const maxRows = 5000
/** Columns that are laid out at a time. */
const chunk = 256
/** A pivot this much smaller than its diagonal belongs to a row that the rows before it make up. */
const dependent = 1e-11

/** Whether there are fewer unknowns in the space of the rows, and few enough for their inner products. */
export const rowSpaceIsSmaller = ({ rows, width }: Columns): boolean => rows <= maxRows && rows < width - 1

/** Minimises loss + l2/2 Σ β², the intercept excepted, for l2 above 0; memory grows with rows², not with columns². */
export function minimiseInRowSpace(design: Design, loss: Loss, l2: number): Float64Array {
  const lower = factorOf(innerProducts(design), design.rows)
  const space = rowSpaceOf(design, lower)
  const found = minimise(space, loss, l2)
  const { rows, width } = design
  const solution = new Float64Array(loss.outputs * width)
  for (let k = 0; k < loss.outputs; k++) {
    const own = found.subarray(k * space.width, (k + 1) * space.width)
    const into = solution.subarray(k * width, (k + 1) * width)
    design.backward(combinationOf(lower, own.subarray(0, rows)), into)
    into[width - 1] = own[rows] as number
  }
  return solution
}

/** Where row i of a packed lower triangle begins. */
const begin = (i: number): number => (i * (i + 1)) / 2

/** X Xᵀ without the intercept, the lower triangle packed by row. */
function innerProducts(design: Design): Float64Array {
  const { rows, features, codes, columns } = design
  const out = new Float64Array(begin(rows))
  const numbers = Array.from(codes.keys()).filter(at => codes[at] === 0)
  for (let from = 0; from < numbers.length; from += chunk) {
    const some = numbers.slice(from, from + chunk)
    addProducts(standardised(design, some), some.length, rows, out)
  }
  for (let at = 0; at < features; at++) {
    if (codes[at] === 0) continue
    const column = columns[at] as Float32Array
    for (let i = 0; i < rows; i++) {
      const code = column[i]
      for (let j = 0, to = begin(i); j <= i; j++, to++) if (column[j] === code) out[to] = (out[to] as number) + 1
    }
  }
  return out
}

/** Some number columns as the design has them, by row. */
function standardised(design: Design, some: readonly number[]): Float64Array {
  const { rows, columns, means, deviations, replacements } = design
  const out = new Float64Array(rows * some.length)
  some.forEach((at, place) => {
    const column = columns[at] as Float32Array
    const [mean, deviation, fill] = [means[at] as number, deviations[at] as number, replacements[at] as number]
    for (let row = 0; row < rows; row++) {
      const value = column[row] as number
      out[row * some.length + place] = ((value !== value ? fill : value) - mean) / deviation
    }
  })
  return out
}

/** Adds the inner products of rows of a width; four rows are met at once, so that each value is read a quarter as often. */
function addProducts(values: Float64Array, width: number, rows: number, out: Float64Array): void {
  for (let i = 0; i < rows; i++) {
    const own = values.subarray(i * width, (i + 1) * width)
    const to = begin(i)
    let j = 0
    for (; j + 3 <= i; j += 4) {
      const base = j * width
      let [a, b, c, d] = [0, 0, 0, 0]
      for (let at = 0; at < width; at++) {
        const value = own[at] as number
        a += value * (values[base + at] as number)
        b += value * (values[base + width + at] as number)
        c += value * (values[base + 2 * width + at] as number)
        d += value * (values[base + 3 * width + at] as number)
      }
      out[to + j] = (out[to + j] as number) + a
      out[to + j + 1] = (out[to + j + 1] as number) + b
      out[to + j + 2] = (out[to + j + 2] as number) + c
      out[to + j + 3] = (out[to + j + 3] as number) + d
    }
    for (; j <= i; j++) {
      let sum = 0
      for (let at = 0; at < width; at++) sum += (own[at] as number) * (values[j * width + at] as number)
      out[to + j] = (out[to + j] as number) + sum
    }
  }
}

/** The Cholesky factor in place of the matrix, by rows; the column of a dependent row is 0. */
function factorOf(matrix: Float64Array, rows: number): Float64Array {
  for (let i = 0; i < rows; i++) {
    const row = begin(i)
    for (let j = 0; j < i; j++) {
      const other = begin(j)
      const pivot = matrix[other + j] as number
      let sum = matrix[row + j] as number
      for (let k = 0; k < j; k++) sum -= (matrix[row + k] as number) * (matrix[other + k] as number)
      matrix[row + j] = pivot === 0 ? 0 : sum / pivot
    }
    const whole = matrix[row + i] as number
    let rest = whole
    for (let k = 0; k < i; k++) rest -= (matrix[row + k] as number) ** 2
    matrix[row + i] = rest > dependent * whole ? Math.sqrt(rest) : 0
  }
  return matrix
}

/** u with Lᵀ u = γ. */
function combinationOf(lower: Float64Array, wanted: Float64Array): Float64Array {
  const u = wanted.slice()
  for (let i = u.length - 1; i >= 0; i--) {
    const row = begin(i)
    const pivot = lower[row + i] as number
    const value = pivot === 0 ? 0 : (u[i] as number) / pivot
    u[i] = value
    if (value === 0) continue
    for (let j = 0; j < i; j++) u[j] = (u[j] as number) - value * (lower[row + j] as number)
  }
  return u
}

/** L with a column of ones: what the solver sees in place of the design. */
function rowSpaceOf({ rows, weights }: Design, lower: Float64Array): Columns {
  const mass = new Float64Array(rows + 1)
  for (let i = 0; i < rows; i++) {
    const weight = weights[i] as number
    const row = begin(i)
    for (let j = 0; j <= i; j++) mass[j] = (mass[j] as number) + weight * (lower[row + j] as number) ** 2
    mass[rows] = (mass[rows] as number) + weight
  }
  return {
    rows,
    width: rows + 1,
    weights,
    mass,
    entries: rows + 1,
    forward(solution, into) {
      for (let i = 0; i < rows; i++) {
        const row = begin(i)
        let sum = solution[rows] as number
        for (let j = 0; j <= i; j++) sum += (lower[row + j] as number) * (solution[j] as number)
        into[i] = sum
      }
      return into
    },
    backward(amounts, into) {
      into.fill(0)
      for (let i = 0; i < rows; i++) {
        const row = begin(i)
        const amount = amounts[i] as number
        into[rows] = (into[rows] as number) + amount
        if (amount === 0) continue
        for (let j = 0; j <= i; j++) into[j] = (into[j] as number) + amount * (lower[row + j] as number)
      }
      return into
    },
    readRow(row, places, values) {
      for (let j = 0; j <= rows; j++) {
        places[j] = j
        values[j] = j === rows ? 1 : j <= row ? (lower[begin(row) + j] as number) : 0
      }
    },
  }
}

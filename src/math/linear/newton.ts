import { solveSymmetric } from './cholesky.ts'
import type { Columns } from './design.ts'
import type { Loss } from './losses.ts'

/** Margins of all outputs with what the loss says of them. */
export interface Place {
  /** `solution[output × width + column]`. */
  readonly solution: Float64Array
  readonly loss: number
  readonly slopes: readonly Float64Array[]
  readonly state: readonly Float64Array[]
}

const maxSteps = 100
/** Up to here the second derivatives are written out, and solved exactly. */
const maxDense = 1000
/** Multiplications for one matrix of second derivatives: a few seconds. */
const maxDenseWork = 1e10

/** The loss with its L2 penalty, and its derivatives, at a solution. */
export function lookAt(matrix: Columns, loss: Loss, solution: Float64Array, l2: number): Place {
  const make = (): Float64Array[] => Array.from({ length: loss.outputs }, () => new Float64Array(matrix.rows))
  const margins = make()
  const [slopes, state] = [make(), make()]
  margins.forEach((into, k) => matrix.forward(solution.subarray(k * matrix.width, (k + 1) * matrix.width), into))
  let sum = loss.derive(margins, slopes, state)
  for (let k = 0; k < loss.outputs; k++) {
    for (let at = 0; at < matrix.width - 1; at++) sum += 0.5 * l2 * (solution[k * matrix.width + at] as number) ** 2
  }
  return { solution, loss: sum, slopes, state }
}

/** The best constant model, where every solver starts. */
export function startOf(matrix: Columns, loss: Loss): Float64Array {
  const solution = new Float64Array(loss.outputs * matrix.width)
  loss.start.forEach((value, k) => {
    solution[(k + 1) * matrix.width - 1] = value
  })
  return solution
}

/** First derivatives by every coefficient, the penalty's included. */
export function slopeOf(matrix: Columns, loss: Loss, place: Place, l2: number): Float64Array {
  const slope = new Float64Array(place.solution.length)
  for (let k = 0; k < loss.outputs; k++) {
    const from = k * matrix.width
    const own = slope.subarray(from, from + matrix.width)
    matrix.backward(place.slopes[k] as Float64Array, own)
    for (let at = 0; at < matrix.width - 1; at++)
      own[at] = (own[at] as number) + l2 * (place.solution[from + at] as number)
  }
  return slope
}

/**
 * Minimises the penalised loss by Newton's method with step halving; of a quadratic loss one step is the answer. Without a
 * penalty and with perfectly separable classes there is no minimum, and it ends at the best of its steps.
 */
export function minimise(matrix: Columns, loss: Loss, l2: number): Float64Array {
  let place = lookAt(matrix, loss, startOf(matrix, loss), l2)
  const size = place.solution.length
  const dense = size <= maxDense && (matrix.rows * (matrix.entries * loss.outputs) ** 2) / 2 <= maxDenseWork
  let first = 0
  for (let step = 0; step < maxSteps; step++) {
    const slope = slopeOf(matrix, loss, place, l2)
    const steepness = Math.sqrt(dot(slope, slope))
    if (step === 0) first = steepness
    // Far from the minimum a rough step does as well as the exact one
    const share = loss.quadratic ? 1e-13 : Math.min(0.1, Math.sqrt(steepness / first)) * 0.1
    const move = dense
      ? solveSymmetric(curvatureOf(matrix, loss, place, l2), slope)
      : conjugateGradients(matrix, loss, place, slope, l2, share)
    let length = 1
    let next = place
    do {
      const scale = length
      const candidate = place.solution.map((value, at) => value - scale * (move[at] as number))
      next = lookAt(matrix, loss, candidate, l2)
      length /= 2
    } while (!(next.loss <= place.loss) && length > 1e-9)
    if (!(next.loss <= place.loss)) break
    const { loss: before, solution } = place
    const largest = next.solution.reduce(
      (top, value, at) => Math.max(top, Math.abs(value - (solution[at] as number))),
      0,
    )
    place = next
    if (loss.quadratic || largest < 1e-10) break
    if (before - next.loss <= 1e-14 * Math.abs(before) && largest < 1e-6) break
  }
  return place.solution
}

/** The lower triangle of the second derivatives. */
function curvatureOf(matrix: Columns, loss: Loss, { state }: Place, l2: number): Float64Array {
  const { rows, width, entries, weights } = matrix
  const size = width * loss.outputs
  const second = new Float64Array(size * size)
  const places = new Int32Array(entries)
  const values = new Float64Array(entries)
  for (let row = 0; row < rows; row++) {
    matrix.readRow(row, places, values)
    const weight = weights[row] as number
    if (weight === 0) continue
    for (let k = 0; k < loss.outputs; k++) {
      for (let l = 0; l <= k; l++) {
        const scale = weight * loss.curvature(state, row, k, l)
        for (let i = 0; i < entries; i++) {
          const begin = (k * width + (places[i] as number)) * size + l * width
          const scaled = scale * (values[i] as number)
          // Columns ascend, so within one output the lower triangle is j <= i
          const end = l === k ? i : entries - 1
          for (let j = 0; j <= end; j++) {
            const at = begin + (places[j] as number)
            second[at] = (second[at] as number) + scaled * (values[j] as number)
          }
        }
      }
    }
  }
  for (let at = 0; at < size; at++) {
    if (at % width !== width - 1) second[at * size + at] = (second[at * size + at] as number) + l2
  }
  return second
}

/** Second derivatives × direction, without writing them out. */
function curvatureTimes(matrix: Columns, loss: Loss, { state }: Place, l2: number, along: Float64Array): Float64Array {
  const { rows, width, weights } = matrix
  const moved = Array.from({ length: loss.outputs }, (_, k) =>
    matrix.forward(along.subarray(k * width, (k + 1) * width), new Float64Array(rows)),
  )
  const out = new Float64Array(along.length)
  const bent = Array.from({ length: loss.outputs }, () => new Float64Array(rows))
  for (let row = 0; row < rows; row++) {
    if (loss.outputs === 1) {
      const one = moved[0] as Float64Array
      ;(bent[0] as Float64Array)[row] =
        (weights[row] as number) * loss.curvature(state, row, 0, 0) * (one[row] as number)
      continue
    }
    // Softmax: p_k (move_k − Σ p_l move_l), which spares the square of the classes
    let mean = 0
    for (let k = 0; k < loss.outputs; k++)
      mean += ((state[k] as Float64Array)[row] as number) * ((moved[k] as Float64Array)[row] as number)
    for (let k = 0; k < loss.outputs; k++) {
      const p = (state[k] as Float64Array)[row] as number
      ;(bent[k] as Float64Array)[row] =
        (weights[row] as number) * p * (((moved[k] as Float64Array)[row] as number) - mean)
    }
  }
  bent.forEach((amounts, k) => matrix.backward(amounts, out.subarray(k * width, (k + 1) * width)))
  for (let at = 0; at < out.length; at++) {
    if (at % width !== width - 1) out[at] = (out[at] as number) + l2 * (along[at] as number)
  }
  return out
}

const maxTurns = 500

/** Solves for the Newton step up to a share of the slope by conjugate gradients, the sizes of the columns evened out. */
function conjugateGradients(
  matrix: Columns,
  loss: Loss,
  place: Place,
  slope: Float64Array,
  l2: number,
  share: number,
): Float64Array {
  const size = slope.length
  const { width, mass } = matrix
  const even = Float64Array.from({ length: size }, (_, at) => 1 / ((mass[at % width] as number) + l2 || 1))
  const x = new Float64Array(size)
  const rest = slope.slice()
  const toward = rest.map((value, at) => value * (even[at] as number))
  let energy = dot(rest, toward)
  const enough = energy * share * share
  for (let turn = 0; turn < maxTurns && energy > enough; turn++) {
    const bent = curvatureTimes(matrix, loss, place, l2, toward)
    const curve = dot(toward, bent)
    if (!(curve > 0)) break
    const length = energy / curve
    for (let at = 0; at < size; at++) {
      x[at] = (x[at] as number) + length * (toward[at] as number)
      rest[at] = (rest[at] as number) - length * (bent[at] as number)
    }
    let next = 0
    for (let at = 0; at < size; at++) next += (rest[at] as number) ** 2 * (even[at] as number)
    const keep = next / energy
    for (let at = 0; at < size; at++)
      toward[at] = (rest[at] as number) * (even[at] as number) + keep * (toward[at] as number)
    energy = next
  }
  return x
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let at = 0; at < a.length; at++) sum += (a[at] as number) * (b[at] as number)
  return sum
}

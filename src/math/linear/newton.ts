import { factorOf, solveFactored, solveSymmetric } from './cholesky.ts'
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
/** Beyond them, what is exact within each output needs so few turns that it is faster. */
const maxDenseOutputs = 8

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
  const work = (matrix.rows * (matrix.entries * loss.outputs) ** 2) / 2
  const inBlocks = loss.outputs > maxDenseOutputs && matrix.width <= maxBlock
  const dense = size <= maxDense && work <= maxDenseWork && !inBlocks
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
  if (loss.outputs === 1) {
    const [one, into] = [moved[0] as Float64Array, bent[0] as Float64Array]
    for (let row = 0; row < rows; row++)
      into[row] = (weights[row] as number) * loss.curvature(state, row, 0, 0) * (one[row] as number)
  } else {
    // Softmax: p_k (move_k − Σ p_l move_l), which spares the square of the classes; each list from its begin to its end, for
    // there may be a thousand of them
    const means = new Float64Array(rows)
    moved.forEach((own, k) => {
      const p = state[k] as Float64Array
      for (let row = 0; row < rows; row++)
        means[row] = (means[row] as number) + (p[row] as number) * (own[row] as number)
    })
    moved.forEach((own, k) => {
      const [p, into] = [state[k] as Float64Array, bent[k] as Float64Array]
      for (let row = 0; row < rows; row++)
        into[row] = (weights[row] as number) * (p[row] as number) * ((own[row] as number) - (means[row] as number))
    })
  }
  bent.forEach((amounts, k) => matrix.backward(amounts, out.subarray(k * width, (k + 1) * width)))
  for (let at = 0; at < out.length; at++) {
    if (at % width !== width - 1) out[at] = (out[at] as number) + l2 * (along[at] as number)
  }
  return out
}

const maxTurns = 500

/** Solves for the Newton step up to a share of the slope by conjugate gradients, what is steep and what is flat evened out. */
function conjugateGradients(
  matrix: Columns,
  loss: Loss,
  place: Place,
  slope: Float64Array,
  l2: number,
  share: number,
): Float64Array {
  const size = slope.length
  const even = loss.outputs > 1 && matrix.width <= maxBlock ? byOutputs(matrix, loss, place, l2) : byColumns(matrix, l2)
  const x = new Float64Array(size)
  const rest = slope.slice()
  let evened = even(rest)
  const toward = evened.slice()
  let energy = dot(rest, evened)
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
    evened = even(rest)
    const next = dot(rest, evened)
    const keep = next / energy
    for (let at = 0; at < size; at++) toward[at] = (evened[at] as number) + keep * (toward[at] as number)
    energy = next
  }
  return x
}

/** Roughly solves for a step: the better it does, the fewer turns are needed. */
type Even = (rest: Float64Array) => Float64Array

/** By the size of each column alone. */
function byColumns({ width, mass }: Columns, l2: number): Even {
  const each = Float64Array.from(mass, one => 1 / (one + l2 || 1))
  return rest => rest.map((value, at) => value * (each[at % width] as number))
}

/** Widest design of which the second derivatives within each output are solved exactly. */
const maxBlock = 32
/** Of a diagonal: what keeps a block solvable when a class has no probability left, or columns depend on each other. */
const ridge = 1e-6

/**
 * By the second derivatives within each output. Of many classes each is told by few rows that lie together: seen from there the
 * columns and the intercept are nearly the same.
 */
function byOutputs(matrix: Columns, loss: Loss, { state }: Place, l2: number): Even {
  const { rows, width, entries, weights } = matrix
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const places = Array.from({ length: rows }, () => new Int32Array(entries))
  const values = Array.from({ length: rows }, () => new Float64Array(entries))
  for (let row = 0; row < rows; row++) matrix.readRow(row, places[row] as Int32Array, values[row] as Float64Array)
  const factors = Array.from({ length: loss.outputs }, (_, k) => {
    const block = new Float64Array(width * width)
    for (let row = 0; row < rows; row++) {
      const scale = (weights[row] as number) * loss.curvature(state, row, k, k)
      // What is as good as decided bends nothing
      if (scale < 1e-12) continue
      const [at, own] = [places[row] as Int32Array, values[row] as Float64Array]
      for (let i = 0; i < entries; i++) {
        const begin = (at[i] as number) * width
        const scaled = scale * (own[i] as number)
        for (let j = 0; j <= i; j++)
          block[begin + (at[j] as number)] = (block[begin + (at[j] as number)] as number) + scaled * (own[j] as number)
      }
    }
    for (let at = 0; at < width; at++) {
      const place = at * width + at
      const own = (block[place] as number) + (at < width - 1 ? l2 : 0)
      block[place] = own * (1 + ridge) + ridge * ridge * total
    }
    return factorOf(block, width)
  })
  return rest => {
    const out = new Float64Array(rest.length)
    factors.forEach((factor, k) => {
      const own = rest.subarray(k * width, (k + 1) * width)
      out.set(solveFactored(factor, own), k * width)
    })
    return out
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let at = 0; at < a.length; at++) sum += (a[at] as number) * (b[at] as number)
  return sum
}

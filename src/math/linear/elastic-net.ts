import type { Design } from './design.ts'
import type { Loss } from './losses.ts'
import { lookAt, type Place, startOf } from './newton.ts'

const maxSteps = 200
const maxSweeps = 1000
/** Of the sum of all forces, what a coordinate may still be pulled with. */
const tolerance = 1e-11

/**
 * Minimises loss + l2/2 Σ β² + l1 Σ |β|, the intercepts excepted, as glmnet does (Friedman, Hastie and Tibshirani 2010): the
 * loss is replaced by its quadratic approximation, that is minimised coordinate by coordinate, and so on. Several outputs
 * take turns. Every step is halved until the penalised loss falls, so that it ends.
 */
export function minimiseWithL1(design: Design, loss: Loss, l1: number, l2: number): Float64Array {
  const { width } = design
  const columns = coordinatesOf(design)
  let place = lookAt(design, loss, startOf(design, loss), l2)
  let value = place.loss + l1 * sizeOf(design, place.solution)
  for (let step = 0; step < maxSteps; step++) {
    let largest = 0
    for (let k = 0; k < loss.outputs; k++) {
      const move = descend(design, columns, loss, place, k, l1, l2)
      let length = 1
      let next: Place = place
      let nextValue = value
      do {
        const candidate = place.solution.slice()
        for (let at = 0; at < width; at++)
          candidate[k * width + at] = (candidate[k * width + at] as number) + length * (move[at] as number)
        next = lookAt(design, loss, candidate, l2)
        nextValue = next.loss + l1 * sizeOf(design, candidate)
        length /= 2
      } while (!(nextValue <= value) && length > 1e-9)
      if (!(nextValue <= value)) continue
      largest = Math.max(largest, ...changes(place.solution, next.solution, k * width, width))
      place = next
      value = nextValue
    }
    if (largest < 1e-9 || (loss.quadratic && step > 0)) break
  }
  return place.solution
}

function* changes(before: Float64Array, after: Float64Array, from: number, count: number): Generator<number> {
  let top = 0
  for (let at = from; at < from + count; at++)
    top = Math.max(top, Math.abs((after[at] as number) - (before[at] as number)))
  yield top
}

function sizeOf({ width }: Design, solution: Float64Array): number {
  let sum = 0
  for (let at = 0; at < solution.length; at++) if (at % width !== width - 1) sum += Math.abs(solution[at] as number)
  return sum
}

/** One column of the design: ones at some rows, a standardised number in all, or ones in all (the intercept). */
type Coordinate =
  | { readonly kind: 'code'; readonly rows: Int32Array }
  | {
      readonly kind: 'number'
      readonly column: Float32Array
      readonly mean: number
      readonly factor: number
      readonly fill: number
    }
  | { readonly kind: 'intercept' }

function coordinatesOf(design: Design): Coordinate[] {
  const { rows, features, codes, means, deviations, replacements, columns } = design
  const out: Coordinate[] = []
  for (let at = 0; at < features; at++) {
    const column = columns[at] as Float32Array
    const count = codes[at] as number
    if (count === 0) {
      const [mean, factor, fill] = [means[at] as number, 1 / (deviations[at] as number), replacements[at] as number]
      out.push({ kind: 'number', column, mean, factor, fill })
      continue
    }
    const lists = Array.from({ length: count }, () => [] as number[])
    for (let row = 0; row < rows; row++) (lists[column[row] as number] as number[]).push(row)
    for (const list of lists) out.push({ kind: 'code', rows: Int32Array.from(list) })
  }
  out.push({ kind: 'intercept' })
  return out
}

/** The move of output k's coefficients that minimises the quadratic approximation with its penalties. */
function descend(
  design: Design,
  columns: readonly Coordinate[],
  loss: Loss,
  place: Place,
  k: number,
  l1: number,
  l2: number,
): Float64Array {
  const { rows, width, weights } = design
  const curve = Float64Array.from(
    { length: rows },
    (_, row) => (weights[row] as number) * loss.curvature(place.state, row, k, k),
  )
  // Minus the slope of each row, kept up to date with every move
  const rest = (place.slopes[k] as Float64Array).map(slope => -slope)
  const begin = place.solution.subarray(k * width, (k + 1) * width)
  const at = begin.slice()
  const bends = columns.map(column => bendOf(column, curve))
  const scale = rest.reduce((sum, value) => sum + Math.abs(value), 0) || 1
  const enough = tolerance * scale
  const visit = (j: number): number => {
    const column = columns[j] as Coordinate
    const bend = bends[j] as number
    const before = at[j] as number
    const force = pullOf(column, rest) + bend * before
    const last = j === width - 1
    const divisor = bend + (last ? 0 : l2)
    if (!(divisor > 0)) return 0
    const after = last ? force / divisor : (Math.sign(force) * Math.max(Math.abs(force) - l1, 0)) / divisor
    if (after === before) return 0
    at[j] = after
    push(column, curve, rest, after - before)
    return bend * Math.abs(after - before)
  }
  for (let sweep = 0; sweep < maxSweeps; sweep++) {
    let most = 0
    for (let j = 0; j < width; j++) most = Math.max(most, visit(j))
    if (most <= enough) break
    // What is 0 mostly stays 0: the others settle before all are asked again
    const active = Array.from({ length: width }, (_, j) => j).filter(j => at[j] !== 0)
    for (let inner = 0; inner < maxSweeps; inner++) {
      let moved = 0
      for (const j of active) moved = Math.max(moved, visit(j))
      if (moved <= enough) break
    }
  }
  return at.map((value, j) => value - (begin[j] as number))
}

/** Σ curve × column². */
function bendOf(coordinate: Coordinate, curve: Float64Array): number {
  let sum = 0
  if (coordinate.kind === 'code') for (const row of coordinate.rows) sum += curve[row] as number
  else if (coordinate.kind === 'intercept') for (let row = 0; row < curve.length; row++) sum += curve[row] as number
  else {
    const { column, mean, factor, fill } = coordinate
    for (let row = 0; row < curve.length; row++) {
      const value = column[row] as number
      const away = (value !== value ? fill : value) - mean
      sum += (curve[row] as number) * away * away
    }
    sum *= factor * factor
  }
  return sum
}

/** Σ rest × column. */
function pullOf(coordinate: Coordinate, rest: Float64Array): number {
  let sum = 0
  if (coordinate.kind === 'code') for (const row of coordinate.rows) sum += rest[row] as number
  else if (coordinate.kind === 'intercept') for (let row = 0; row < rest.length; row++) sum += rest[row] as number
  else {
    const { column, mean, factor, fill } = coordinate
    for (let row = 0; row < rest.length; row++) {
      const value = column[row] as number
      sum += (rest[row] as number) * ((value !== value ? fill : value) - mean)
    }
    sum *= factor
  }
  return sum
}

/** Takes curve × column × by from the rest. */
function push(coordinate: Coordinate, curve: Float64Array, rest: Float64Array, by: number): void {
  if (coordinate.kind === 'code')
    for (const row of coordinate.rows) rest[row] = (rest[row] as number) - (curve[row] as number) * by
  else if (coordinate.kind === 'intercept')
    for (let row = 0; row < rest.length; row++) rest[row] = (rest[row] as number) - (curve[row] as number) * by
  else {
    const { column, mean, factor, fill } = coordinate
    const length = by * factor
    for (let row = 0; row < rest.length; row++) {
      const value = column[row] as number
      const away = (value !== value ? fill : value) - mean
      rest[row] = (rest[row] as number) - (curve[row] as number) * length * away
    }
  }
}

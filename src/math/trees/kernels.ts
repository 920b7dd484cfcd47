import { type Arena, type ArenaShape, isBounded, isCurved, lanes, sumBlock } from './arena.ts'
import { slots } from './slots.ts'
import { exponential } from './exponential.ts'

/** The kinds of job, at `job[0]`; the other slots of `job` are the arguments named beside each kernel. */
export const jobs = { gradients: 1, root: 2, split: 3, update: 4 } as const

/** Which child's histogram a split job builds. */
export const build = { neither: 0, left: 1, right: 2 } as const

/**
 * Gradient and hessian of a row are rounded to whole numbers and kept in 32 bits: the gradient in the low `slopeBits`,
 * the hessian above. Where every row has hessian 1, it takes no bits.
 */
export function slopeBitsOf(shape: ArenaShape): number {
  return isBounded(shape.objective) ? 16 : isCurved(shape) ? 22 : 32
}

/**
 * In histograms the pair is one number, hessian × 2^27 + gradient. As |gradients| and hessians each add up to less
 * than 2^26 over all rows, sums are exact below 2^53, in any order, and hold both sums.
 */
export const codeBase = 2 ** 27
export const codeLimit = 2 ** 26
const golden = 0x9e3779b9 | 0
const fraction = 2 ** -32

/** The rows of one thread, whole blocks of sums. */
export function share(total: number, thread: number, threads: number, grain: number): [number, number] {
  const grains = Math.ceil(total / grain)
  const begin = Math.floor((grains * thread) / threads) * grain
  const end = Math.floor((grains * (thread + 1)) / threads) * grain
  return [Math.min(begin, total), Math.min(end, total)]
}

/** Does thread's part of the arena's job. */
export function performJob(arena: Arena, thread: number, threads: number): void {
  switch (arena.job[0]) {
    case jobs.gradients:
      return gradients(arena, thread, threads)
    case jobs.root:
      return root(arena, thread, threads)
    case jobs.split:
      return split(arena, thread, threads)
    case jobs.update:
      return update(arena, thread, threads)
  }
}

/**
 * job: [1, output, whether the round starts, gradient scale, hessian scale, rounding offset].
 * Classification: the codes of all rows. Its derivatives are bounded, so the scales are known beforehand.
 * The others: gradients, hessians, and the sum and maximum of their sizes; the root job makes the codes when the scale is known.
 */
function gradients(arena: Arena, thread: number, threads: number): void {
  const { shape, job } = arena
  const [begin, end] = share(shape.rows, thread, threads, sumBlock)
  if (!isBounded(shape.objective)) unbounded(arena, begin, end)
  else if (shape.objective === 'binary') logistic(arena, begin, end)
  else {
    if (job[2] === 1) softmax(arena, begin, end)
    oneOfMany(arena, begin, end)
  }
}

/** Uniform in [0, 1) by row: a golden-ratio sequence, so that rounding is unbiased over any run of rows. */
function diceOf(row: number, offset: number): number {
  return (Math.imul(row, golden) + offset) | 0
}

/**
 * Rounds both up or down at random in the right proportion, so that sums are unbiased: adds 16 random bits below the
 * binary point and cuts off. Both must be within 15 bits and a sign.
 */
function encode(slope: number, curve: number, dice: number): number {
  const wholeSlope = (((slope * 65_536) | 0) + (dice >>> 16)) >> 16
  const wholeCurve = (((curve * 65_536) | 0) + (dice & 65_535)) >> 16
  return (wholeCurve << 16) | (wholeSlope & 65_535)
}

/** The same for a gradient of up to 32 bits and a hessian of the rest. */
function encodeWide(slope: number, curve: number, dice: number, bits: number): number {
  const whole = Math.floor(slope + (dice >>> 0) * fraction)
  const turned = (dice << 16) | (dice >>> 16)
  return (Math.floor(curve + (turned >>> 0) * fraction) << bits) | (whole & ((1 << bits) - 1))
}

/** Writes the histogram numbers of the rows at `rows[begin … end)` to the same places of `ordered`. */
function decode(arena: Arena, rows: Int32Array, begin: number, end: number): void {
  const { codes, ordered, shape, loops } = arena
  const bits = slopeBitsOf(shape)
  // Shifts count modulo 32: where the gradient takes all bits, the hessian comes from the constant alone.
  const whole = bits === 32
  loops.decode(
    codes.byteOffset,
    rows.byteOffset + begin * 4,
    ordered.byteOffset + begin * 8,
    end - begin,
    bits,
    32 - bits,
    whole ? 0 : codeBase,
    whole ? codeBase : 0,
  )
}

/** Logistic loss: gradient p − y, hessian p (1 − p). */
function logistic(arena: Arena, begin: number, end: number): void {
  const { shape, job, margins, labels, weights, codes } = arena
  const { weighted } = shape
  const slopeScale = job[3] as number
  const curveScale = job[4] as number
  const offset = (job[5] as number) | 0
  for (let row = begin; row < end; row++) {
    const p = 1 / (1 + exponential(-(margins[row] as number)))
    const weight = weighted ? (weights[row] as number) : 1
    const slope = (p - (labels[row] as number)) * weight * slopeScale
    codes[row] = encode(slope, p * (1 - p) * weight * curveScale, diceOf(row, offset))
  }
}

/**
 * Squared loss: gradient prediction − y, hessian 1. Quantile loss: gradient 1 − q above the label and −q below, hessian 1,
 * which is none but serves as a number of rows. Poisson with a log link: gradient rate − y, hessian the rate.
 */
function unbounded(arena: Arena, begin: number, end: number): void {
  const { shape, margins, labels, weights, gradients: g, hessians: h, sums } = arena
  const { objective, weighted, quantile } = shape
  for (let from = begin; from < end; from += sumBlock) {
    const to = Math.min(from + sumBlock, end)
    let sum = 0
    let most = 0
    let curves = 0
    let steepest = 0
    for (let row = from; row < to; row++) {
      const margin = margins[row] as number
      const label = labels[row] as number
      const weight = weighted ? (weights[row] as number) : 1
      let curve = weight
      let slope: number
      if (objective === 'count') {
        const rate = exponential(margin)
        curve = Math.fround(weight * rate)
        h[row] = curve
        slope = weight * (rate - label)
      } else slope = weight * (objective === 'quantile' ? (margin >= label ? 1 - quantile : -quantile) : margin - label)
      g[row] = slope
      const size = Math.abs(g[row] as number)
      sum += size
      if (size > most) most = size
      curves += curve
      if (curve > steepest) steepest = curve
    }
    sums.set([sum, most, curves, steepest], (from / sumBlock) * 4)
  }
}

function softmax({ shape, margins, probabilities }: Arena, from: number, to: number): void {
  const { rows, outputs } = shape
  for (let row = from; row < to; row++) {
    let top = -Infinity
    for (let k = 0; k < outputs; k++) top = Math.max(top, margins[k * rows + row] as number)
    let sum = 0
    for (let k = 0; k < outputs; k++) sum += exponential((margins[k * rows + row] as number) - top)
    for (let k = 0; k < outputs; k++) {
      probabilities[k * rows + row] = exponential((margins[k * rows + row] as number) - top) / sum
    }
  }
}

function oneOfMany(arena: Arena, from: number, to: number): void {
  const { shape, job, probabilities, labels, weights, codes } = arena
  const { rows, outputs, weighted } = shape
  const output = job[1] as number
  // The classes' margins are one too many; K / (K − 1) makes up for it (LightGBM's factor).
  const factor = outputs / (outputs - 1)
  const offset = (job[5] as number) | 0
  for (let row = from; row < to; row++) {
    const p = probabilities[output * rows + row] as number
    const weight = weighted ? (weights[row] as number) : 1
    const slope = (p - ((labels[row] as number) === output ? 1 : 0)) * weight * (job[3] as number)
    const curve = factor * p * (1 - p) * weight * (job[4] as number)
    codes[row] = encode(slope, curve, diceOf(row, offset))
  }
}

/** job: [2, rows sampled, whether `order` is given, gradient scale, hessian scale, rounding offset]. The root's histogram. */
function root(arena: Arena, thread: number, threads: number): void {
  const { shape, job, order } = arena
  const given = job[2] === 1
  const [begin, end] = share(job[1] as number, thread, threads, sumBlock)
  if (!given) for (let row = begin; row < end; row++) order[row] = row
  if (!isBounded(shape.objective)) encodeUnbounded(arena, begin, end)
  decode(arena, order, begin, end)
  accumulate(arena, thread, order, begin, end)
}

function encodeUnbounded(arena: Arena, begin: number, end: number): void {
  const { shape, job, order, gradients: g, hessians, weights, codes } = arena
  const bits = slopeBitsOf(shape)
  const curved = isCurved(shape)
  const curves = shape.objective === 'count' ? hessians : weights
  const offset = (job[5] as number) | 0
  for (let at = begin; at < end; at++) {
    const row = order[at] as number
    const slope = (g[row] as number) * (job[3] as number)
    const dice = diceOf(row, offset)
    codes[row] = curved
      ? encodeWide(slope, (curves[row] as number) * (job[4] as number), dice, bits)
      : Math.floor(slope + (dice >>> 0) * fraction)
  }
}

/**
 * job: [3, begin, end, column, highest bin to the left, whether missing goes left, which child to build, which of `wide`].
 * With −1 as the highest bin, `goesLeft` says of each; the bins then stand in `wide`, or with −1 in the column.
 * Partitions a leaf's rows, keeping their order: those going left move to the front of the thread's part of `order`,
 * the others to the same part of `spare`.
 */
function split(arena: Arena, thread: number, threads: number): void {
  const { job, order, spare } = arena
  const first = job[1] as number
  const column = job[3] as number
  const side = job[6] as number
  const [from, to] = share((job[2] as number) - first, thread, threads, 1024)
  const begin = first + from
  const end = first + to
  const wide = arena.wide[job[7] as number]
  const words = wide ?? (arena.words[column >> 2] as Int32Array)
  const shift = wide ? 0 : (column & (lanes - 1)) * 8
  const place = [
    words.byteOffset,
    order.byteOffset + begin * 4,
    spare.byteOffset + begin * 4,
    end - begin,
    shift,
  ] as const
  const highest = job[4] as number
  // Turning the bins by one puts the missing ones below all others.
  const turn = job[5] as number
  const wentLeft =
    highest < 0
      ? arena.loops.partitionByTable(...place, wide ? -1 : 255, arena.goesLeft.byteOffset)
      : arena.loops.partition(...place, turn, highest + turn + 1)
  arena.wentLeft[thread] = wentLeft
  if (side === build.neither) return
  const rows = side === build.left ? order : spare
  const stop = side === build.left ? begin + wentLeft : end - wentLeft
  decode(arena, rows, begin, stop)
  accumulate(arena, thread, rows, begin, stop)
}

/** The histogram of the rows at `rows[begin … end)`, whose numbers are at the same places of `ordered`. */
function accumulate(arena: Arena, thread: number, rows: Int32Array, begin: number, end: number): void {
  const { words, ordered, loops } = arena
  const histogram = arena.histograms[thread] as Float64Array
  histogram.fill(0)
  words.forEach((block, at) => {
    loops.accumulate(
      block.byteOffset,
      rows.byteOffset + begin * 4,
      ordered.byteOffset + begin * 8,
      end - begin,
      histogram.byteOffset + at * lanes * slots * 8,
    )
  })
}

/** job: [4, output, leaves]. Adds each leaf's value to the margins of its rows. */
function update(arena: Arena, thread: number, threads: number): void {
  const { shape, job, margins, order, leafBegin, leafValue } = arena
  const base = (job[1] as number) * shape.rows
  const leaves = job[2] as number
  const [begin, end] = share(leafBegin[leaves] as number, thread, threads, 1024)
  for (let leaf = 0; leaf < leaves; leaf++) {
    const from = Math.max(begin, leafBegin[leaf] as number)
    const to = Math.min(end, leafBegin[leaf + 1] as number)
    const value = leafValue[leaf] as number
    for (let at = from; at < to; at++) {
      const place = base + (order[at] as number)
      margins[place] = (margins[place] as number) + value
    }
  }
}

import { type Arena, missingBin } from './arena.ts'
import { answerOf, clamp } from './best-bounded-split.ts'
import { bestSplit } from './best-split.ts'
import type { Borders } from './bins.ts'
import type { CodeBins } from './categories.ts'
import type { Crew } from './crew.ts'
import type { Tree } from './ensemble.ts'
import { build, jobs, performJob, share } from './kernels.ts'
import type { Layout } from './layout.ts'
import type { ResolvedTreeOptions } from './options.ts'
import { type Bounds, gradientOf, hessianOf, type Split, type SplitRules, unbounded } from './split.ts'

/** Below this many rows waking the other threads costs more than they save. */
const worthSharing = 8192
const greatestFloat32 = 3.4028234663852886e38

interface Leaf {
  readonly node: number
  readonly begin: number
  readonly count: number
  readonly depth: number
  readonly total: number
  readonly bounds: Bounds
  histogram: Float64Array | undefined
  split: Split | undefined
}

/** What one unit of the codes is worth. */
export interface Scales {
  readonly gradient: number
  readonly hessian: number
}

export interface Grown {
  readonly tree: Tree
  /** Leaves by their place in `order`, written to the arena for the update. */
  readonly leaves: number
}

type Draft = {
  feature: number[]
  threshold: number[]
  codes?: (readonly number[] | null)[]
  left: number[]
  right: number[]
  missingLeft: boolean[]
  value: number[]
  gain: number[]
  count: number[]
}

function addNode(draft: Draft, count: number): number {
  draft.feature.push(-1)
  draft.threshold.push(0)
  draft.left.push(-1)
  draft.right.push(-1)
  draft.missingLeft.push(false)
  draft.value.push(0)
  draft.gain.push(0)
  draft.count.push(count)
  return draft.feature.length - 1
}

/** Histograms that no leaf needs any more. */
export function histogramPool(size: number): { take(): Float64Array; give(used: Float64Array | undefined): void } {
  const free: Float64Array[] = []
  return {
    take: () => free.pop() ?? new Float64Array(size),
    give(used) {
      if (used) free.push(used)
    },
  }
}

export interface Ground {
  readonly arena: Arena
  readonly crew: Crew
  readonly pool: ReturnType<typeof histogramPool>
  readonly borders: readonly Borders[]
  /** Of categorical features. */
  readonly codeBins: readonly (CodeBins | undefined)[]
  readonly layout: Layout
  readonly options: ResolvedTreeOptions
}

/** Grows one tree, always splitting the leaf that gains most. The root job has been done on `sampled` rows. */
export function growTree(ground: Ground, rules: SplitRules, sampled: number, scales: Scales): Grown {
  const { arena, crew, pool, options } = ground
  const draft: Draft = {
    feature: [],
    threshold: [],
    left: [],
    right: [],
    missingLeft: [],
    value: [],
    gain: [],
    count: [],
  }
  const rootHistogram = gather(ground, pool.take(), crew.threads)
  const total = sumOfColumn(rootHistogram)
  const first: Leaf = {
    node: addNode(draft, sampled),
    begin: 0,
    count: sampled,
    depth: 0,
    total,
    bounds: unbounded,
    histogram: rootHistogram,
    split: bestSplit(rootHistogram, total, sampled, rules),
  }
  const leaves: Leaf[] = [first]
  // In units of the loss: half of gradient² / hessian.
  const gainUnit = (0.5 * scales.gradient * scales.gradient) / scales.hessian
  while (leaves.length < options.leaves) {
    let at = -1
    let most = 0
    for (let index = 0; index < leaves.length; index++) {
      const gain = (leaves[index] as Leaf).split?.gain ?? 0
      if (gain > most) {
        most = gain
        at = index
      }
    }
    if (at < 0) break
    const parent = leaves[at] as Leaf
    const last = leaves.length + 1 === options.leaves
    const [left, right] = divide(ground, draft, parent, rules, last)
    draft.gain[parent.node] = most * gainUnit
    leaves[at] = left
    leaves.push(right)
  }
  while (draft.codes && draft.codes.length < draft.feature.length) draft.codes.push(null)
  leaves.sort((a, b) => a.begin - b.begin)
  leaves.forEach((leaf, index) => {
    pool.give(leaf.histogram)
    const value = Math.fround(leafValue(ground, leaf, scales) * options.learningRate)
    draft.value[leaf.node] = Number.isFinite(value) ? value : 0
    arena.leafBegin[index] = leaf.begin
    arena.leafValue[index] = draft.value[leaf.node] as number
  })
  arena.leafBegin[leaves.length] = sampled
  return { tree: draft, leaves: leaves.length }
}

/** An answer that a step would make absurd: rates change by at most e³ a leaf. */
const maxLogStep = 3
/** Of one class among many, in log odds: where it has a chance of 1 in 1,000, Newton's step to it is 1,000. */
const maxClassStep = 10

/**
 * What a leaf adds, before the learning rate: one Newton step. Of counts, whose Newton steps overshoot, the constant that fits
 * best, log(Σ labels / Σ rates), which the same sums give; of classes a step of bounded size. (Quantiles replace it, see `quantile-leaves.ts`.)
 */
function leafValue({ options }: Ground, { total, bounds }: Leaf, scales: Scales): number {
  const unit = scales.gradient / scales.hessian
  const step = answerOf(gradientOf(total), hessianOf(total), options.l2 / scales.hessian, bounds) * unit
  if (options.task === 'multiclass') return Math.min(Math.max(step, -maxClassStep), maxClassStep)
  if (options.task !== 'count') return step
  return step > -1 ? Math.min(Math.max(Math.log1p(step), -maxLogStep), maxLogStep) : -maxLogStep
}

/** Every column's bins add up to the same sum; the first will do. */
function sumOfColumn(histogram: Float64Array): number {
  let sum = 0
  for (let bin = 0; bin <= missingBin; bin++) sum += histogram[bin] as number
  return sum
}

/** Adds up the threads' histograms; exact, hence in any order. */
function gather({ arena }: Ground, into: Float64Array, threads: number): Float64Array {
  into.set(arena.histograms[0] as Float64Array)
  for (let thread = 1; thread < threads; thread++) {
    const part = arena.histograms[thread] as Float64Array
    for (let at = 0; at < into.length; at++) into[at] = (into[at] as number) + (part[at] as number)
  }
  return into
}

function divide(ground: Ground, draft: Draft, parent: Leaf, rules: SplitRules, last: boolean): [Leaf, Leaf] {
  const { arena, crew, pool, borders, layout, options } = ground
  const split = parent.split as Split
  const { node } = parent
  draft.feature[node] = split.feature
  draft.missingLeft[node] = split.missingLeft
  if (split.bins) askCodes(ground, draft, node, split.feature, split.bins)
  else {
    const own = borders[split.feature] as Borders
    draft.threshold[node] = split.bin < own.length ? (own[split.bin] as number) : greatestFloat32
  }

  const leafs = last || parent.depth + 1 >= options.depth
  const leftIsSmaller = 2 * hessianOf(split.left) <= hessianOf(parent.total)
  const side = leafs ? build.neither : leftIsSmaller ? build.left : build.right
  const missing = split.missingLeft ? 1 : 0
  const column = layout.first[split.feature] as number
  const wide = split.bins ? (layout.wide[split.feature] as number) : -1
  arena.job.set([jobs.split, parent.begin, parent.begin + parent.count, column, split.bin, missing, side, wide])
  const threads = parent.count >= worthSharing ? crew.threads : 1
  if (threads === 1) performJob(arena, 0, 1)
  else crew.perform(arena)
  const leftCount = close(arena, parent, threads)

  draft.left[node] = addNode(draft, leftCount)
  draft.right[node] = addNode(draft, parent.count - leftCount)
  const [leftBounds, rightBounds] = boundsOf(parent, split, rules)
  const child = (isLeft: boolean): Leaf => ({
    node: (isLeft ? draft.left[node] : draft.right[node]) as number,
    begin: isLeft ? parent.begin : parent.begin + leftCount,
    count: isLeft ? leftCount : parent.count - leftCount,
    depth: parent.depth + 1,
    total: isLeft ? split.left : parent.total - split.left,
    bounds: isLeft ? leftBounds : rightBounds,
    histogram: undefined,
    split: undefined,
  })
  const left = child(true)
  const right = child(false)
  if (leafs) {
    pool.give(parent.histogram)
    parent.histogram = undefined
    return [left, right]
  }
  const smaller = leftIsSmaller ? left : right
  const larger = leftIsSmaller ? right : left
  const small = gather(ground, pool.take(), threads)
  const large = parent.histogram as Float64Array
  for (let at = 0; at < large.length; at++) large[at] = (large[at] as number) - (small[at] as number)
  smaller.histogram = small
  larger.histogram = large
  for (const leaf of [left, right]) {
    leaf.split =
      leaf.count > 1 ? bestSplit(leaf.histogram as Float64Array, leaf.total, leaf.count, rules, leaf.bounds) : undefined
  }
  return [left, right]
}

/** Notes which codes of a feature go left, and tells the threads which bins. */
function askCodes(ground: Ground, draft: Draft, node: number, feature: number, left: readonly number[]): void {
  const { goesLeft } = ground.arena
  goesLeft.fill(0)
  for (const bin of left) goesLeft[bin] = 1
  draft.codes ??= []
  while (draft.codes.length < node) draft.codes.push(null)
  const { binOf } = ground.codeBins[feature] as CodeBins
  draft.codes[node] = Array.from(binOf.keys()).filter(code => goesLeft[binOf[code] as number] === 1)
}

/** The bounds of both children: between them stands the middle of their answers, where the feature has a direction. */
function boundsOf({ total, bounds }: Leaf, split: Split, { l2, monotone }: SplitRules): [Bounds, Bounds] {
  const direction = monotone?.[split.feature] ?? 0
  if (direction === 0) return [bounds, bounds]
  const answer = (sum: number): number => answerOf(gradientOf(sum), hessianOf(sum), l2, bounds)
  const middle = clamp((answer(split.left) + answer(total - split.left)) / 2, bounds)
  const [below, above] = [
    { low: bounds.low, high: middle },
    { low: middle, high: bounds.high },
  ]
  return direction > 0 ? [below, above] : [above, below]
}

/** Joins the threads' parts: all left rows, then all right ones, both in their old order. Returns how many went left. */
function close(arena: Arena, parent: Leaf, threads: number): number {
  const { order, spare, wentLeft } = arena
  let front = parent.begin
  const parts = partsOf(parent.count, threads)
  parts.forEach(([from], thread) => {
    const begin = parent.begin + from
    const left = wentLeft[thread] as number
    if (begin !== front) order.copyWithin(front, begin, begin + left)
    front += left
  })
  const leftCount = front - parent.begin
  parts.forEach(([from, to], thread) => {
    const begin = parent.begin + from
    const right = to - from - (wentLeft[thread] as number)
    order.set(spare.subarray(begin, begin + right), front)
    front += right
  })
  return leftCount
}

function partsOf(count: number, threads: number): [number, number][] {
  return Array.from({ length: threads }, (_, thread) => share(count, thread, threads, 1024))
}

import type { Arena } from './arena.ts'
import type { Grown } from './grow.ts'
import type { ResolvedTreeOptions } from './options.ts'

/** The least value that at least the share `quantile` of the weight does not exceed. */
export function weightedQuantile(
  values: ArrayLike<number>,
  weights: ArrayLike<number> | undefined,
  quantile: number,
): number {
  const count = values.length
  if (!weights) {
    const sorted = Float64Array.from(values).sort()
    return sorted[Math.min(count - 1, Math.max(0, Math.ceil(quantile * count - 1e-9) - 1))] as number
  }
  const order = Array.from({ length: count }, (_, at) => at).sort(
    (a, b) => (values[a] as number) - (values[b] as number),
  )
  let total = 0
  for (let at = 0; at < count; at++) total += weights[at] as number
  let sum = 0
  for (const at of order) {
    sum += weights[at] as number
    if (sum >= quantile * total * (1 - 1e-12) && sum > 0) return values[at] as number
  }
  return values[order.at(-1) as number] as number
}

/**
 * Replaces what the leaves add by the quantile of what is left of their rows, as the gradients of the quantile loss say only
 * which side a row is on. Where features have directions, nodes are asked from the root down and keep between the answers
 * of the splits above them.
 */
export function renewQuantiles(arena: Arena, grown: Grown, options: ResolvedTreeOptions): void {
  const { order, labels, margins, weights, leafBegin, leafValue, shape } = arena
  const { tree, leaves } = grown
  const quantileOf = (from: number, to: number): number => {
    const rest = new Float64Array(to - from)
    for (let at = from; at < to; at++) {
      const row = order[at] as number
      rest[at - from] = (labels[row] as number) - (margins[row] as number)
    }
    const own = shape.weighted ? Float64Array.from(order.subarray(from, to), row => weights[row] as number) : undefined
    return to > from ? weightedQuantile(rest, own, options.quantile) : 0
  }
  let leaf = 0
  // Leaves stand in the order of a walk from left to right, and every node's rows side by side
  const visit = (node: number, low: number, high: number): void => {
    const feature = tree.feature[node] as number
    if (feature < 0) {
      const value = Math.min(Math.max(quantileOf(leafBegin[leaf] as number, leafBegin[leaf + 1] as number), low), high)
      leafValue[leaf] = Math.fround(value * options.learningRate)
      ;(tree.value as number[])[node] = leafValue[leaf] as number
      leaf++
      return
    }
    const [left, right] = [tree.left[node] as number, tree.right[node] as number]
    const direction = tree.codes?.[node] ? 0 : (options.monotone[feature] ?? 0)
    if (direction === 0) {
      visit(left, low, high)
      visit(right, low, high)
      return
    }
    const begin = leafBegin[leaf] as number
    const cut = leafBegin[leaf + leavesOf(tree, left)] as number
    const end = leafBegin[leaf + leavesOf(tree, node)] as number
    const sides = [quantileOf(begin, cut), quantileOf(cut, end)].map(value => Math.min(Math.max(value, low), high))
    const middle = ((sides[0] as number) + (sides[1] as number)) / 2
    visit(left, direction > 0 ? low : middle, direction > 0 ? middle : high)
    visit(right, direction > 0 ? middle : low, direction > 0 ? high : middle)
  }
  visit(0, -Infinity, Infinity)
  if (leaf !== leaves) throw new Error(`${leaf} of ${leaves} leaves were given an answer`)
}

function leavesOf(tree: Grown['tree'], node: number): number {
  if ((tree.feature[node] as number) < 0) return 1
  return leavesOf(tree, tree.left[node] as number) + leavesOf(tree, tree.right[node] as number)
}

import type { Contributions } from './contributions.ts'
import { nextNode, outputsOf, type Tree, type TreeEnsemble } from '../trees/index.ts'

/** One feature on the way from the root: how often its rows go this way without and with it, and the weights of subsets. */
interface Step {
  feature: number
  without: number
  with: number
  weight: number
}

/**
 * Exact Shapley values of the trees' conditional expectations, where a feature that is not known sends a row both ways in the
 * proportion of the training rows (Lundberg, Erion and Lee 2018, algorithm 2). Needs the row counts of the nodes, which a
 * trained ensemble has and one read from a file has not: throws RangeError then. `pause` is called between trees.
 */
export async function treeContributions(
  ensemble: TreeEnsemble,
  row: ArrayLike<number>,
  pause: () => Promise<void>,
): Promise<Contributions> {
  const outputs = outputsOf(ensemble)
  const expected = [...ensemble.baseScore]
  const values = Array.from({ length: outputs }, () => new Float64Array(ensemble.width))
  for (const [at, tree] of ensemble.trees.entries()) {
    if (!((tree.count[0] as number) > 0))
      throw new RangeError('the trees do not tell how many rows reached their nodes')
    const output = at % outputs
    expected[output] = (expected[output] as number) + expectedValue(tree, 0)
    descend(tree, row, values[output] as Float64Array, 0, [], 1, 1, -1)
    await pause()
  }
  return { expected, values }
}

function expectedValue(tree: Tree, node: number): number {
  if ((tree.feature[node] as number) < 0) return tree.value[node] as number
  const [left, right] = [tree.left[node] as number, tree.right[node] as number]
  return shareOf(tree, node, left) * expectedValue(tree, left) + shareOf(tree, node, right) * expectedValue(tree, right)
}

/** Share of a node's rows that went to a child; halves where none came here. */
function shareOf(tree: Tree, node: number, child: number): number {
  const all = tree.count[node] as number
  return all > 0 ? (tree.count[child] as number) / all : 0.5
}

function descend(
  tree: Tree,
  row: ArrayLike<number>,
  into: Float64Array,
  node: number,
  before: readonly Step[],
  without: number,
  with_: number,
  by: number,
): void {
  const path = extend(before, without, with_, by)
  const feature = tree.feature[node] as number
  if (feature < 0) {
    const value = tree.value[node] as number
    for (let at = 1; at < path.length; at++) {
      const step = path[at] as Step
      const weight = unwoundSum(path, at)
      into[step.feature] = (into[step.feature] as number) + weight * (step.with - step.without) * value
    }
    return
  }
  const hot = nextNode(tree, node, row[feature] as number)
  const cold = hot === tree.left[node] ? (tree.right[node] as number) : (tree.left[node] as number)
  // A feature that was asked before counts once, with what both questions let through
  const earlier = path.findIndex((step, at) => at > 0 && step.feature === feature)
  const known = path[earlier] as Step | undefined
  const rest = known ? unwind(path, earlier) : path
  const [restWithout, restWith] = known ? [known.without, known.with] : [1, 1]
  descend(tree, row, into, hot, rest, restWithout * shareOf(tree, node, hot), restWith, feature)
  descend(tree, row, into, cold, rest, restWithout * shareOf(tree, node, cold), 0, feature)
}

function extend(before: readonly Step[], without: number, with_: number, feature: number): Step[] {
  const length = before.length
  const path = before.map(step => ({ ...step }))
  path.push({ feature, without, with: with_, weight: length === 0 ? 1 : 0 })
  for (let at = length - 1; at >= 0; at--) {
    const [step, next] = [path[at] as Step, path[at + 1] as Step]
    next.weight += (with_ * step.weight * (at + 1)) / (length + 1)
    step.weight = (without * step.weight * (length - at)) / (length + 1)
  }
  return path
}

function unwind(before: readonly Step[], index: number): Step[] {
  const path = before.map(step => ({ ...step }))
  const last = path.length - 1
  const { with: with_, without } = path[index] as Step
  let next = (path[last] as Step).weight
  for (let at = last - 1; at >= 0; at--) {
    const step = path[at] as Step
    if (with_ !== 0) {
      const weight = step.weight
      step.weight = (next * (last + 1)) / ((at + 1) * with_)
      next = weight - (step.weight * without * (last - at)) / (last + 1)
    } else step.weight = (step.weight * (last + 1)) / (without * (last - at))
  }
  for (let at = index; at < last; at++) {
    const [step, after] = [path[at] as Step, path[at + 1] as Step]
    step.feature = after.feature
    step.with = after.with
    step.without = after.without
  }
  path.pop()
  return path
}

function unwoundSum(path: readonly Step[], index: number): number {
  const last = path.length - 1
  const { with: with_, without } = path[index] as Step
  let next = (path[last] as Step).weight
  let sum = 0
  for (let at = last - 1; at >= 0; at--) {
    const step = path[at] as Step
    if (with_ !== 0) {
      const weight = (next * (last + 1)) / ((at + 1) * with_)
      sum += weight
      next = step.weight - (weight * without * (last - at)) / (last + 1)
    } else if (without !== 0) sum += (step.weight * (last + 1)) / (without * (last - at))
  }
  return sum
}

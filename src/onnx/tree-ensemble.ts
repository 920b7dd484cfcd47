import { outputsOf, type Tree, type TreeEnsemble } from '../math/trees/index.ts'
import type { AttributeValue } from './graph-builder.ts'
import { dataTypes, type OnnxNode } from './proto.ts'
import { listOf } from './tree-attributes.ts'

/** Modes of TreeEnsemble that Millrace writes. */
const modes = { atMost: 0, member: 6 } as const
const sum = 1

/** Whether some tree asks for codes, which only TreeEnsemble (ai.onnx.ml 5) can say. */
export const asksCodes = (ensemble: TreeEnsemble): boolean => ensemble.trees.some(tree => tree.codes)

/**
 * Attributes of TreeEnsemble, which holds inner nodes and leaves apart and knows sets of codes; without base scores, which
 * it has no place for. `order[g]` is the training feature at place g of the graph's feature row.
 */
export function ensembleAttributes(ensemble: TreeEnsemble, order: readonly number[]): Record<string, AttributeValue> {
  const outputs = outputsOf(ensemble)
  const place = Array.from(order, () => 0)
  order.forEach((feature, at) => {
    place[feature] = at
  })
  const roots: number[] = []
  const nodes = {
    modes: [] as number[],
    featureids: [] as number[],
    splits: [] as number[],
    missing: [] as number[],
    truenodeids: [] as number[],
    trueleafs: [] as number[],
    falsenodeids: [] as number[],
    falseleafs: [] as number[],
  }
  const members: number[] = []
  const leaves = { targetids: [] as number[], weights: [] as number[] }
  ensemble.trees.forEach((tree, treeId) => {
    const begin = nodes.modes.length
    roots.push(begin)
    const inner = tree.feature.flatMap((feature, node) => (feature < 0 ? [] : [node]))
    const numbers = new Map(inner.map((node, at) => [node, begin + at]))
    const leafOf = (node: number): number => {
      leaves.targetids.push(treeId % outputs)
      leaves.weights.push(tree.value[node] as number)
      return leaves.weights.length - 1
    }
    const child = (node: number): { readonly id: number; readonly leaf: number } => {
      const number = numbers.get(node)
      return number === undefined ? { id: leafOf(node), leaf: 1 } : { id: number, leaf: 0 }
    }
    const add = (mode: number, feature: number, split: number, missing: boolean, yes: number, no: number): void => {
      const [left, right] = yes === no ? [child(yes), undefined] : [child(yes), child(no)]
      nodes.modes.push(mode)
      nodes.featureids.push(place[feature] as number)
      nodes.splits.push(split)
      nodes.missing.push(missing ? 1 : 0)
      nodes.truenodeids.push(left.id)
      nodes.trueleafs.push(left.leaf)
      nodes.falsenodeids.push((right ?? left).id)
      nodes.falseleafs.push((right ?? left).leaf)
    }
    // A tree of one leaf is a node whose both answers lead to it
    if (inner.length === 0) add(modes.atMost, order[0] as number, 0, false, 0, 0)
    for (const node of inner) {
      const codes = tree.codes?.[node]
      if (codes) members.push(...codes, Number.NaN)
      const [yes, no] = [tree.left[node] as number, tree.right[node] as number]
      const mode = codes ? modes.member : modes.atMost
      add(mode, tree.feature[node] as number, tree.threshold[node] as number, tree.missingLeft[node] === true, yes, no)
    }
  })
  const floats = (values: readonly number[]): AttributeValue => tensorOf(dataTypes.float, values)
  return {
    aggregate_function: { int: sum },
    leaf_targetids: { ints: leaves.targetids },
    leaf_weights: floats(leaves.weights),
    membership_values: floats(members),
    n_targets: { int: outputs },
    nodes_falseleafs: { ints: nodes.falseleafs },
    nodes_falsenodeids: { ints: nodes.falsenodeids },
    nodes_featureids: { ints: nodes.featureids },
    nodes_missing_value_tracks_true: { ints: nodes.missing },
    nodes_modes: tensorOf(dataTypes.uint8, nodes.modes),
    nodes_splits: floats(nodes.splits),
    nodes_trueleafs: { ints: nodes.trueleafs },
    nodes_truenodeids: { ints: nodes.truenodeids },
    post_transform: { int: 0 },
    tree_roots: { ints: roots },
  }
}

function tensorOf(dataType: number, values: readonly number[]): AttributeValue {
  return { tensor: { name: '', dims: [values.length], dataType, values, rawBytes: 0, external: false } }
}

/** The numbers of a tensor attribute, empty when it is absent. */
export function tensorList(node: OnnxNode, name: string): readonly number[] {
  const found = node.attributes.find(attribute => attribute.name === name)?.tensor
  return (found?.values ?? []).map(Number)
}

/** The sets of members in the order of the nodes that ask for them, each ended by NaN. */
export function memberSets(node: OnnxNode): number[][] {
  const sets: number[][] = [[]]
  for (const value of tensorList(node, 'membership_values')) {
    if (Number.isNaN(value)) sets.push([])
    else sets.at(-1)?.push(value)
  }
  if (sets.at(-1)?.length === 0) sets.pop()
  return sets
}

type Draft = { [K in Exclude<keyof Tree, 'codes'>]: Tree[K][number][] } & { codes: (number[] | null)[] }

/**
 * Reads the trees of a TreeEnsemble back, base scores 0; undefined for one that our evaluator does not cover. Nothing is taken
 * for granted: a node or leaf that is reached twice is not covered either.
 */
export function treesOfEnsemble(node: OnnxNode, width: number): readonly Tree[] | undefined {
  const ints = (name: string): readonly number[] => listOf(node, name, 'ints')
  const roots = ints('tree_roots')
  const kinds = tensorList(node, 'nodes_modes')
  const splits = tensorList(node, 'nodes_splits')
  const [features, missing] = [ints('nodes_featureids'), ints('nodes_missing_value_tracks_true')]
  const sides = [
    [ints('nodes_truenodeids'), ints('nodes_trueleafs')],
    [ints('nodes_falsenodeids'), ints('nodes_falseleafs')],
  ] as const
  const [targets, weights] = [ints('leaf_targetids'), tensorList(node, 'leaf_weights')]
  const outputs = node.attributes.find(attribute => attribute.name === 'n_targets')?.int ?? 1
  const whole = (name: string): number => node.attributes.find(attribute => attribute.name === name)?.int ?? 0
  if (whole('aggregate_function') !== sum || whole('post_transform') !== 0) return undefined
  const sets = memberSets(node)
  const setOf = new Map<number, number[]>()
  kinds.forEach((kind, at) => {
    if (kind === modes.member) setOf.set(at, sets[setOf.size] ?? [])
  })
  const reached = new Set<number>()
  const leavesReached = new Set<number>()
  const trees: Draft[] = []
  const leaf = (tree: Draft, id: number): number | undefined => {
    const value = weights[id]
    if (value === undefined || leavesReached.has(id) || targets[id] !== (trees.length - 1) % outputs) return undefined
    leavesReached.add(id)
    return push(tree, { feature: -1, threshold: 0, missingLeft: false, value, codes: null })
  }
  for (const root of roots) {
    const tree: Draft = emptyDraft()
    trees.push(tree)
    if (alone(sides, root)) {
      if (leaf(tree, sides[0][0][root] as number) === undefined) return undefined
      continue
    }
    const open: { readonly node: number; readonly at: number }[] = []
    const inner = (id: number): number | undefined => {
      const [kind, feature, threshold] = [kinds[id], features[id], splits[id]]
      if (reached.has(id) || feature === undefined || threshold === undefined) return undefined
      if ((kind !== modes.atMost && kind !== modes.member) || !(feature >= 0 && feature < width)) return undefined
      const codes = kind === modes.member ? (setOf.get(id) ?? []) : null
      if (codes?.some(code => !(Number.isInteger(code) && code >= 0 && code < 2 ** 20))) return undefined
      reached.add(id)
      codes?.sort((a, b) => a - b)
      const at = push(tree, { feature, threshold, missingLeft: missing[id] === 1, value: 0, codes })
      open.push({ node: id, at })
      return at
    }
    if (inner(root) === undefined) return undefined
    for (const { node: id, at } of open) {
      const children = sides.map(([ids, leafs]) => (leafs[id] === 1 ? leaf(tree, ids[id] ?? -1) : inner(ids[id] ?? -1)))
      const [left, right] = children
      if (left === undefined || right === undefined) return undefined
      tree.left[at] = left
      tree.right[at] = right
    }
  }
  return trees.map(({ codes, ...tree }) => (codes.some(Boolean) ? { ...tree, codes } : tree))
}

/** Whether both answers of a node lead to the same leaf. */
function alone(
  [[yes, yesLeaf], [no, noLeaf]]: readonly [
    readonly [readonly number[], readonly number[]],
    readonly [readonly number[], readonly number[]],
  ],
  node: number,
): boolean {
  return yesLeaf[node] === 1 && noLeaf[node] === 1 && yes[node] === no[node]
}

function emptyDraft(): Draft {
  return {
    feature: [],
    threshold: [],
    codes: [],
    left: [],
    right: [],
    missingLeft: [],
    value: [],
    gain: [],
    count: [],
  }
}

function push(
  tree: Draft,
  node: Pick<{ [K in keyof Draft]: Draft[K][number] }, 'feature' | 'threshold' | 'missingLeft' | 'value' | 'codes'>,
): number {
  tree.feature.push(node.feature)
  tree.threshold.push(node.threshold)
  tree.missingLeft.push(node.missingLeft)
  tree.value.push(node.value)
  tree.codes.push(node.codes)
  tree.left.push(-1)
  tree.right.push(-1)
  tree.gain.push(0)
  tree.count.push(0)
  return tree.feature.length - 1
}

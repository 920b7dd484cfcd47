import { outputsOf, type Tree, type TreeEnsemble } from '../math/trees/index.ts'
import type { AttributeValue } from './graph-builder.ts'
import type { OnnxNode } from './proto.ts'

/**
 * Attributes of TreeEnsembleRegressor. `order[g]` is the training feature at place g of the graph's feature row.
 * Every tree keeps its own node numbers; tree t adds to target t mod outputs.
 */
export function treeAttributes(ensemble: TreeEnsemble, order: readonly number[]): Record<string, AttributeValue> {
  const outputs = outputsOf(ensemble)
  const place = Array.from(order, () => 0)
  order.forEach((feature, at) => {
    place[feature] = at
  })
  const nodes = {
    falsenodeids: [] as number[],
    featureids: [] as number[],
    missing: [] as number[],
    modes: [] as string[],
    nodeids: [] as number[],
    treeids: [] as number[],
    truenodeids: [] as number[],
    values: [] as number[],
  }
  const target = { ids: [] as number[], nodeids: [] as number[], treeids: [] as number[], weights: [] as number[] }
  ensemble.trees.forEach((tree, treeId) => {
    tree.feature.forEach((feature, node) => {
      const leaf = feature < 0
      nodes.treeids.push(treeId)
      nodes.nodeids.push(node)
      nodes.modes.push(leaf ? 'LEAF' : 'BRANCH_LEQ')
      nodes.featureids.push(leaf ? 0 : (place[feature] as number))
      nodes.values.push(leaf ? 0 : (tree.threshold[node] as number))
      nodes.truenodeids.push(leaf ? 0 : (tree.left[node] as number))
      nodes.falsenodeids.push(leaf ? 0 : (tree.right[node] as number))
      nodes.missing.push(!leaf && tree.missingLeft[node] ? 1 : 0)
      if (!leaf) return
      target.treeids.push(treeId)
      target.nodeids.push(node)
      target.ids.push(treeId % outputs)
      target.weights.push(tree.value[node] as number)
    })
  })
  return {
    base_values: { floats: ensemble.baseScore },
    n_targets: { int: outputs },
    nodes_falsenodeids: { ints: nodes.falsenodeids },
    nodes_featureids: { ints: nodes.featureids },
    nodes_missing_value_tracks_true: { ints: nodes.missing },
    nodes_modes: { strings: nodes.modes },
    nodes_nodeids: { ints: nodes.nodeids },
    nodes_treeids: { ints: nodes.treeids },
    nodes_truenodeids: { ints: nodes.truenodeids },
    nodes_values: { floats: nodes.values },
    target_ids: { ints: target.ids },
    target_nodeids: { ints: target.nodeids },
    target_treeids: { ints: target.treeids },
    target_weights: { floats: target.weights },
  }
}

/** An attribute's list, empty when absent. */
export function listOf<K extends 'floats' | 'ints' | 'strings'>(
  node: OnnxNode,
  name: string,
  kind: K,
): K extends 'strings' ? readonly string[] : readonly number[] {
  const found = node.attributes.find(attribute => attribute.name === name)
  return (found?.[kind] ?? []) as K extends 'strings' ? readonly string[] : readonly number[]
}

/**
 * Reads the trees of a verified TreeEnsembleRegressor back; undefined for one that our evaluator does not cover
 * (other comparisons, several weights a leaf, targets not in turn).
 */
export function treesOf(node: OnnxNode, width: number): Omit<TreeEnsemble, 'task' | 'classes'> | undefined {
  const treeIds = listOf(node, 'nodes_treeids', 'ints')
  const nodeIds = listOf(node, 'nodes_nodeids', 'ints')
  const modes = listOf(node, 'nodes_modes', 'strings')
  const features = listOf(node, 'nodes_featureids', 'ints')
  const values = listOf(node, 'nodes_values', 'floats')
  const yes = listOf(node, 'nodes_truenodeids', 'ints')
  const no = listOf(node, 'nodes_falsenodeids', 'ints')
  const missing = listOf(node, 'nodes_missing_value_tracks_true', 'ints')
  const outputs = node.attributes.find(attribute => attribute.name === 'n_targets')?.int ?? 1
  const trees: Draft[] = []
  for (let at = 0; at < treeIds.length; at++) {
    const id = treeIds[at] as number
    if (id === trees.length) trees.push(emptyTree())
    const tree = trees[id]
    // Trees and their nodes must come in order, as exporters write them.
    if (!tree || id !== trees.length - 1 || nodeIds[at] !== tree.feature.length) return undefined
    const leaf = modes[at] === 'LEAF'
    if (!leaf && modes[at] !== 'BRANCH_LEQ') return undefined
    tree.feature.push(leaf ? -1 : (features[at] as number))
    tree.threshold.push(leaf ? 0 : (values[at] as number))
    tree.left.push(leaf ? -1 : (yes[at] as number))
    tree.right.push(leaf ? -1 : (no[at] as number))
    tree.missingLeft.push(!leaf && missing[at] === 1)
    tree.value.push(0)
    tree.gain.push(0)
    tree.count.push(0)
  }
  const weighted = new Set<string>()
  const owners = listOf(node, 'target_treeids', 'ints')
  const leaves = listOf(node, 'target_nodeids', 'ints')
  const targets = listOf(node, 'target_ids', 'ints')
  const weights = listOf(node, 'target_weights', 'floats')
  for (let at = 0; at < owners.length; at++) {
    const tree = trees[owners[at] as number]
    const leaf = leaves[at] as number
    const key = `${owners[at]}/${leaf}`
    if (!tree || tree.feature[leaf] !== -1 || weighted.has(key)) return undefined
    if (targets[at] !== (owners[at] as number) % outputs) return undefined
    weighted.add(key)
    tree.value[leaf] = weights[at] as number
  }
  const base = listOf(node, 'base_values', 'floats')
  return { width, baseScore: base.length > 0 ? base : Array.from({ length: outputs }, () => 0), trees }
}

type Draft = { [K in Exclude<keyof Tree, 'codes'>]: Tree[K][number][] }

function emptyTree(): Draft {
  return { feature: [], threshold: [], left: [], right: [], missingLeft: [], value: [], gain: [], count: [] }
}

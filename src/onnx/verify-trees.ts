import type { Findings } from './check.ts'
import type { OnnxGraph, OnnxModel, OnnxNode } from './proto.ts'
import { listOf } from './tree-attributes.ts'
import { widthsOf } from './verify-scaler.ts'
import {
  ensembleArrays,
  ensembleFeatures,
  ensembleNumbers,
  ensembleRoots,
  ensembleShape,
  ensembleTargets,
} from './verify-tree-ensemble.ts'

const modes = new Set(['LEAF', 'BRANCH_LEQ', 'BRANCH_LT', 'BRANCH_GTE', 'BRANCH_GT', 'BRANCH_EQ', 'BRANCH_NEQ'])

/** Far above any number of classes; keeps a row's answer small. */
const greatestOutputs = 10_000

interface Forest {
  readonly node: OnnxNode
  /** `target` or `class`: how the leaves' lists are called. */
  readonly leaf: string
}

function forestsOf(graph: OnnxGraph): Forest[] {
  return graph.nodes.flatMap(node =>
    node.op === 'TreeEnsembleRegressor'
      ? [{ node, leaf: 'target' }]
      : node.op === 'TreeEnsembleClassifier'
        ? [{ node, leaf: 'class' }]
        : [],
  )
}

/** What was found in trees of either form. */
function both(one: Findings | undefined, other: Findings | undefined): Findings | undefined {
  if (!one || !other) return one ?? other
  return { evaluated: one.evaluated + other.evaluated, problems: [...one.problems, ...other.problems] }
}

function each(graph: OnnxGraph, look: (forest: Forest, problems: string[]) => number): Findings | undefined {
  const forests = forestsOf(graph)
  if (forests.length === 0) return undefined
  const problems: string[] = []
  const evaluated = forests.reduce((sum, forest) => sum + look(forest, problems), 0)
  return { evaluated, problems }
}

export function treeArrays(_: OnnxModel, graph: OnnxGraph): Findings | undefined {
  const found = each(graph, ({ node, leaf }, problems) => {
    const count = listOf(node, 'nodes_treeids', 'ints').length
    const lengths: [string, number][] = [
      ...['nodes_nodeids', 'nodes_featureids', 'nodes_truenodeids', 'nodes_falsenodeids'].map(
        (name): [string, number] => [name, listOf(node, name, 'ints').length],
      ),
      ['nodes_modes', listOf(node, 'nodes_modes', 'strings').length],
      ['nodes_values', listOf(node, 'nodes_values', 'floats').length],
    ]
    for (const [name, length] of lengths) {
      if (length !== count) problems.push(`${name} has ${length} entries for ${count} nodes`)
    }
    if (count === 0) problems.push('there is no tree')
    const leaves = listOf(node, `${leaf}_weights`, 'floats').length
    for (const part of ['ids', 'nodeids', 'treeids']) {
      const length = listOf(node, `${leaf}_${part}`, 'ints').length
      if (length !== leaves) problems.push(`${leaf}_${part} has ${length} entries for ${leaves} weights`)
    }
    listOf(node, 'nodes_modes', 'strings').forEach((mode, at) => {
      if (!modes.has(mode)) problems.push(`node ${at} has the unknown mode "${mode}"`)
    })
    return count
  })
  return both(found, ensembleArrays(graph))
}

/** Where each node's children stand; -1 where one is missing. Leaves have none. */
interface Children {
  readonly trees: readonly number[]
  readonly ids: readonly number[]
  readonly twice: readonly number[]
  readonly children: readonly (readonly number[])[]
}

function childrenOf(node: OnnxNode): Children {
  const trees = listOf(node, 'nodes_treeids', 'ints')
  const ids = listOf(node, 'nodes_nodeids', 'ints')
  const modeList = listOf(node, 'nodes_modes', 'strings')
  const sides = [listOf(node, 'nodes_truenodeids', 'ints'), listOf(node, 'nodes_falsenodeids', 'ints')]
  const place = new Map<string, number>()
  const twice: number[] = []
  trees.forEach((tree, at) => {
    const key = `${tree}/${ids[at]}`
    if (place.has(key)) twice.push(at)
    else place.set(key, at)
  })
  const children = trees.map((tree, at) =>
    modeList[at] === 'LEAF' ? [] : sides.map(side => place.get(`${tree}/${side[at]}`) ?? -1),
  )
  return { trees, ids, twice, children }
}

/** A node may be the child of several, as converters write "one of these". */
export function treeShape(_: OnnxModel, graph: OnnxGraph): Findings | undefined {
  const found = each(graph, ({ node }, problems) => {
    const { trees, ids, twice, children } = childrenOf(node)
    for (const at of twice) problems.push(`node ${ids[at]} of tree ${trees[at]} is there twice`)
    children.forEach((of, at) => {
      if (of.includes(-1)) problems.push(`node ${ids[at]} of tree ${trees[at]} has a missing child`)
    })
    // Runtimes go round for ever when they load a tree that leads back to the first node of all
    if (wayBack(children, [0]) === 0) problems.push(`node ${ids[0]} of tree ${trees[0]} is reached from itself`)
    return trees.length
  })
  return both(found, ensembleShape(graph))
}

/** A tree that leads back to itself: a row that takes that way never comes out. */
export function treeEndless(_: OnnxModel, graph: OnnxGraph): Findings | undefined {
  return each(graph, ({ node }, problems) => {
    const { trees, ids, children } = childrenOf(node)
    const roots = [...new Map(trees.map((tree, at) => [tree, at] as const).toReversed()).values()]
    const back = wayBack(children, roots)
    if (back !== undefined) problems.push(`node ${ids[back]} of tree ${trees[back]} is reached from itself`)
    return trees.length
  })
}

/** A node on a way from a root that leads back to it; undefined when there is none. */
function wayBack(children: readonly (readonly number[])[], roots: readonly number[]): number | undefined {
  // 1: on the way that is walked, 2: no way back from here
  const state = new Uint8Array(children.length)
  for (const root of roots) {
    const open = state[root] === 0 ? [root] : []
    for (let at = open.at(-1); at !== undefined; at = open.at(-1)) {
      if (state[at] !== 0) {
        state[at] = 2
        open.pop()
        continue
      }
      state[at] = 1
      for (const child of children[at] ?? []) {
        if (child < 0) continue
        if (state[child] === 1) return child
        if (state[child] === 0) open.push(child)
      }
    }
  }
  return undefined
}

export function treeRoots(_: OnnxModel, graph: OnnxGraph): Findings | undefined {
  const found = each(graph, ({ node }, problems) => {
    const { trees, ids, children } = childrenOf(node)
    const parents = new Uint32Array(trees.length)
    for (const child of children.flat()) if (child >= 0) parents[child] = (parents[child] as number) + 1
    const rootOf = new Map<number, number>()
    trees.forEach((tree, at) => {
      if (parents[at] !== 0) return
      if (rootOf.has(tree)) problems.push(`node ${ids[at]} of tree ${tree} cannot be reached from its root`)
      else rootOf.set(tree, at)
    })
    return trees.length
  })
  return both(found, ensembleRoots(graph))
}

export function treeMissing(_: OnnxModel, graph: OnnxGraph): Findings | undefined {
  return each(graph, ({ node }, problems) => {
    const count = listOf(node, 'nodes_treeids', 'ints').length
    const missing = listOf(node, 'nodes_missing_value_tracks_true', 'ints').length
    if (missing > 0 && missing !== count) {
      problems.push(`nodes_missing_value_tracks_true has ${missing} entries for ${count} nodes`)
    }
    return count
  })
}

/** Targets of a regressor, classes of a classifier. */
function outputsOf({ node, leaf }: Forest): number {
  if (leaf === 'target') {
    const targets = node.attributes.find(({ name }) => name === 'n_targets')
    return targets ? (targets.int ?? 0) : 1
  }
  return listOf(node, 'classlabels_int64s', 'ints').length + listOf(node, 'classlabels_strings', 'strings').length
}

export function treeOutputs(_: OnnxModel, graph: OnnxGraph): Findings | undefined {
  return each(graph, (forest, problems) => {
    const outputs = outputsOf(forest)
    if (!(outputs >= 1)) problems.push(`the trees have ${outputs} outputs`)
    const base = listOf(forest.node, 'base_values', 'floats').length
    // Two classes may be one margin
    const oneForTwo = forest.leaf === 'class' && outputs === 2 && base === 1
    if (base > 0 && base !== outputs && !oneForTwo) {
      problems.push(`base_values has ${base} entries for ${outputs} outputs`)
    }
    return 1
  })
}

export function treeFeatures(_: OnnxModel, graph: OnnxGraph): Findings | undefined {
  const widths = widthsOf(graph)
  const found = each(graph, ({ node }, problems) => {
    const features = listOf(node, 'nodes_featureids', 'ints')
    const modeList = listOf(node, 'nodes_modes', 'strings')
    const width = widths.get(node.inputs[0] ?? '') ?? Infinity
    features.forEach((feature, at) => {
      if (modeList[at] !== 'LEAF' && !(feature >= 0 && feature < width)) {
        problems.push(`node ${at} asks for feature ${feature} of ${width}`)
      }
    })
    return features.length
  })
  return both(found, ensembleFeatures(graph, widths))
}

export function treeNumbers(_: OnnxModel, graph: OnnxGraph): Findings | undefined {
  const found = each(graph, ({ node, leaf }, problems) => {
    let evaluated = 0
    for (const name of ['nodes_values', `${leaf}_weights`, 'base_values']) {
      listOf(node, name, 'floats').forEach((value, at) => {
        evaluated++
        if (!Number.isFinite(value)) problems.push(`${name}[${at}] is ${value}`)
      })
    }
    return evaluated
  })
  return both(found, ensembleNumbers(graph))
}

export function treeTargets(_: OnnxModel, graph: OnnxGraph): Findings | undefined {
  const found = each(graph, ({ node, leaf }, problems) => {
    const outputs = outputsOf({ node, leaf })
    if (outputs > greatestOutputs) problems.push(`the trees have ${outputs} outputs`)
    const modeList = listOf(node, 'nodes_modes', 'strings')
    const nodeIds = listOf(node, 'nodes_nodeids', 'ints')
    const leaves = new Set<string>()
    listOf(node, 'nodes_treeids', 'ints').forEach((tree, at) => {
      if (modeList[at] === 'LEAF') leaves.add(`${tree}/${nodeIds[at]}`)
    })
    const owners = listOf(node, `${leaf}_treeids`, 'ints')
    const places = listOf(node, `${leaf}_nodeids`, 'ints')
    const ids = listOf(node, `${leaf}_ids`, 'ints')
    ids.forEach((id, at) => {
      if (!(id >= 0 && id < outputs)) problems.push(`a leaf adds to output ${id} of ${outputs}`)
      if (!leaves.has(`${owners[at]}/${places[at]}`)) {
        problems.push(`a weight belongs to node ${places[at]} of tree ${owners[at]}, which is no leaf`)
      }
    })
    return ids.length
  })
  return both(found, ensembleTargets(graph, greatestOutputs))
}

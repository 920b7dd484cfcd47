import type { Findings } from './check.ts'
import type { OnnxGraph, OnnxModel, OnnxNode } from './proto.ts'
import { listOf } from './tree-attributes.ts'
import { widthsOf } from './verify-scaler.ts'
import {
  ensembleArrays,
  ensembleFeatures,
  ensembleNumbers,
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
    const missing = listOf(node, 'nodes_missing_value_tracks_true', 'ints').length
    if (missing > 0) lengths.push(['nodes_missing_value_tracks_true', missing])
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

/** Every node but a tree's first is the child of exactly one other of its tree, hence there are no cycles. */
export function treeShape(_: OnnxModel, graph: OnnxGraph): Findings | undefined {
  const found = each(graph, ({ node }, problems) => {
    const trees = listOf(node, 'nodes_treeids', 'ints')
    const ids = listOf(node, 'nodes_nodeids', 'ints')
    const modeList = listOf(node, 'nodes_modes', 'strings')
    const sides = [listOf(node, 'nodes_truenodeids', 'ints'), listOf(node, 'nodes_falsenodeids', 'ints')]
    const place = new Map<string, number>()
    trees.forEach((tree, at) => {
      const key = `${tree}/${ids[at]}`
      if (place.has(key)) problems.push(`node ${ids[at]} of tree ${tree} is there twice`)
      place.set(key, at)
    })
    const parents = new Uint32Array(trees.length)
    trees.forEach((tree, at) => {
      if (modeList[at] === 'LEAF') return
      for (const side of sides) {
        const child = place.get(`${tree}/${side[at]}`)
        if (child === undefined) problems.push(`node ${ids[at]} of tree ${tree} has the missing child ${side[at]}`)
        else parents[child] = (parents[child] as number) + 1
      }
    })
    // With one parent each and one root a tree, only a ring apart from the root could be left: walk from the roots.
    const reached = new Uint8Array(trees.length)
    const rootOf = new Map<number, number>()
    trees.forEach((tree, at) => {
      if ((parents[at] as number) > 1) problems.push(`node ${ids[at]} of tree ${tree} has ${parents[at]} parents`)
      if (parents[at] !== 0) return
      if (rootOf.has(tree)) problems.push(`tree ${tree} has more than one root`)
      else rootOf.set(tree, at)
    })
    const open = [...rootOf.values()]
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (reached[at] === 1) continue
      reached[at] = 1
      if (modeList[at] === 'LEAF') continue
      for (const side of sides) {
        const child = place.get(`${trees[at]}/${side[at]}`)
        if (child !== undefined) open.push(child)
      }
    }
    const lost = reached.findIndex(flag => flag === 0)
    if (lost >= 0) problems.push(`node ${ids[lost]} of tree ${trees[lost]} cannot be reached from its root`)
    return trees.length
  })
  return both(found, ensembleShape(graph))
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
    const labels =
      listOf(node, 'classlabels_int64s', 'ints').length + listOf(node, 'classlabels_strings', 'strings').length
    const outputs = leaf === 'class' ? labels : (node.attributes.find(({ name }) => name === 'n_targets')?.int ?? 1)
    if (!(outputs >= 1 && outputs <= greatestOutputs)) problems.push(`the trees have ${outputs} outputs`)
    const base = listOf(node, 'base_values', 'floats').length
    if (base > 0 && base !== outputs) problems.push(`base_values has ${base} entries for ${outputs} outputs`)
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

import type { Findings } from './check.ts'
import { dataTypes, mlDomain, type OnnxGraph, type OnnxNode } from './proto.ts'
import { listOf } from './tree-attributes.ts'
import { memberSets, tensorList } from './tree-ensemble.ts'

// TreeEnsemble of ai.onnx.ml 5 keeps inner nodes and leaves apart, and the members of its sets in a list of their own.

const member = 6
const aggregates = 4
const transforms = 5

function each(graph: OnnxGraph, look: (node: OnnxNode, problems: string[]) => number): Findings | undefined {
  const nodes = graph.nodes.filter(node => node.op === 'TreeEnsemble' && node.domain === mlDomain)
  if (nodes.length === 0) return undefined
  const problems: string[] = []
  const evaluated = nodes.reduce((sum, node) => sum + look(node, problems), 0)
  return { evaluated, problems }
}

/** One that is there without a value is 0, as everywhere in the format. */
function whole(node: OnnxNode, name: string, otherwise: number): number {
  const found = node.attributes.find(attribute => attribute.name === name)
  return found ? (found.int ?? 0) : otherwise
}

export function ensembleArrays(graph: OnnxGraph): Findings | undefined {
  return each(graph, (node, problems) => {
    const modes = tensorList(node, 'nodes_modes')
    const lengths: [string, number][] = [
      ...['nodes_featureids', 'nodes_truenodeids', 'nodes_trueleafs', 'nodes_falsenodeids', 'nodes_falseleafs'].map(
        (name): [string, number] => [name, listOf(node, name, 'ints').length],
      ),
      ['nodes_splits', tensorList(node, 'nodes_splits').length],
    ]
    const missing = listOf(node, 'nodes_missing_value_tracks_true', 'ints').length
    if (missing > 0) lengths.push(['nodes_missing_value_tracks_true', missing])
    for (const [name, length] of lengths)
      if (length !== modes.length) problems.push(`${name} has ${length} entries for ${modes.length} nodes`)
    const type = node.attributes.find(({ name }) => name === 'nodes_modes')?.tensor?.dataType
    if (type !== dataTypes.uint8) problems.push(`nodes_modes has element type ${type}, not uint8`)
    if (listOf(node, 'tree_roots', 'ints').length === 0) problems.push('there is no tree')
    const [targets, weights] = [listOf(node, 'leaf_targetids', 'ints').length, tensorList(node, 'leaf_weights').length]
    if (targets !== weights) problems.push(`leaf_targetids has ${targets} entries for ${weights} weights`)
    if (!(whole(node, 'n_targets', 1) >= 1)) problems.push(`the trees have ${whole(node, 'n_targets', 1)} outputs`)
    const [aggregate, transform] = [whole(node, 'aggregate_function', 1), whole(node, 'post_transform', 0)]
    if (!(aggregate >= 0 && aggregate < aggregates)) problems.push(`aggregate_function ${aggregate} is unknown`)
    if (!(transform >= 0 && transform < transforms)) problems.push(`post_transform ${transform} is unknown`)
    return modes.length
  })
}

interface Side {
  readonly side: 'true' | 'false'
  readonly ids: readonly number[]
  readonly leafs: readonly number[]
}

const sidesOf = (node: OnnxNode): Side[] =>
  (['true', 'false'] as const).map(side => ({
    side,
    ids: listOf(node, `nodes_${side}nodeids`, 'ints'),
    leafs: listOf(node, `nodes_${side}leafs`, 'ints'),
  }))

/** Roots are there. */
export function ensembleShape(graph: OnnxGraph): Findings | undefined {
  return each(graph, (node, problems) => {
    const count = tensorList(node, 'nodes_modes').length
    for (const root of listOf(node, 'tree_roots', 'ints'))
      if (!(root >= 0 && root < count)) problems.push(`a root is node ${root} of ${count}`)
    return count
  })
}

/** Every node is reached from the roots just once: no rings, nothing lost. */
export function ensembleRoots(graph: OnnxGraph): Findings | undefined {
  return each(graph, (node, problems) => {
    const count = tensorList(node, 'nodes_modes').length
    const leaves = listOf(node, 'leaf_targetids', 'ints').length
    const sides = sidesOf(node)
    const reached = new Uint8Array(count)
    const open: number[] = []
    const visit = (id: number): void => {
      if (reached[id] === 1) problems.push(`node ${id} is reached twice`)
      else if (id >= 0 && id < count) {
        reached[id] = 1
        open.push(id)
      }
    }
    for (const root of listOf(node, 'tree_roots', 'ints')) visit(root)
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      for (const { ids, leafs } of sides) if (leafs[id] !== 1) visit(ids[id] ?? -1)
    }
    tensorList(node, 'nodes_modes').forEach((mode, at) => {
      if (!(Number.isInteger(mode) && mode >= 0 && mode <= member))
        problems.push(`node ${at} has the unknown mode ${mode}`)
    })
    for (let id = 0; id < count; id++) {
      for (const { side, ids, leafs } of sides) {
        const child = ids[id] ?? -1
        const most = leafs[id] === 1 ? leaves : count
        if (!(child >= 0 && child < most))
          problems.push(`the ${side} ${leafs[id] === 1 ? 'leaf' : 'child'} of node ${id} is ${child} of ${most}`)
      }
    }
    const lost = reached.indexOf(0)
    if (lost >= 0) problems.push(`node ${lost} cannot be reached from a root`)
    const sets = memberSets(node).length
    const asking = tensorList(node, 'nodes_modes').filter(mode => mode === member).length
    if (sets !== asking) problems.push(`membership_values has ${sets} sets for ${asking} nodes that ask for one`)
    return count
  })
}

export function ensembleFeatures(graph: OnnxGraph, widths: ReadonlyMap<string, number>): Findings | undefined {
  return each(graph, (node, problems) => {
    const features = listOf(node, 'nodes_featureids', 'ints')
    const width = widths.get(node.inputs[0] ?? '') ?? Infinity
    features.forEach((feature, at) => {
      if (!(feature >= 0 && feature < width)) problems.push(`node ${at} asks for feature ${feature} of ${width}`)
    })
    return features.length
  })
}

export function ensembleNumbers(graph: OnnxGraph): Findings | undefined {
  return each(graph, (node, problems) => {
    let evaluated = 0
    for (const name of ['nodes_splits', 'leaf_weights'])
      tensorList(node, name).forEach((value, at) => {
        evaluated++
        if (!Number.isFinite(value)) problems.push(`${name}[${at}] is ${value}`)
      })
    return evaluated
  })
}

export function ensembleTargets(graph: OnnxGraph, maxOutputs: number): Findings | undefined {
  return each(graph, (node, problems) => {
    const outputs = whole(node, 'n_targets', 1)
    if (outputs > maxOutputs) problems.push(`the trees have ${outputs} outputs`)
    const targets = listOf(node, 'leaf_targetids', 'ints')
    for (const target of targets)
      if (!(target >= 0 && target < outputs)) problems.push(`a leaf adds to output ${target} of ${outputs}`)
    return targets.length
  })
}

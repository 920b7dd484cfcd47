import type { Comparison, Forest, ForestTree } from '../math/explain/index.ts'
import type { OnnxModel, OnnxNode } from './proto.ts'
import { listOf } from './tree-attributes.ts'

/** The trees of a graph that anybody wrote, and the value that they are given. */
export interface GraphForest {
  /** Name of the value with their columns. */
  readonly input: string
  /** What each output adds up to before anything is made of it. */
  readonly forest: Forest
}

const comparisons: Readonly<Record<string, Comparison>> = {
  BRANCH_LEQ: '<=',
  BRANCH_LT: '<',
  BRANCH_GTE: '>=',
  BRANCH_GT: '>',
  BRANCH_EQ: '==',
  BRANCH_NEQ: '!=',
}

type Draft = { -readonly [K in keyof ForestTree]: ForestTree[K][number][] }

/**
 * Reads the trees of a graph that has one TreeEnsembleClassifier or TreeEnsembleRegressor; undefined where there is another
 * number of them, where they do not add up, or where a node leads nowhere. Width is what the greatest column asked needs.
 */
export function graphForest({ graph }: OnnxModel): GraphForest | undefined {
  const found = (graph?.nodes ?? []).filter(node => node.op.startsWith('TreeEnsemble'))
  const [node] = found
  const input = node?.inputs[0]
  if (!node || found.length !== 1 || input === undefined) return undefined
  if (node.op !== 'TreeEnsembleClassifier' && node.op !== 'TreeEnsembleRegressor') return undefined
  // Of doubles, which the lists of floats do not hold
  if (node.attributes.some(one => one.name.endsWith('_as_tensor'))) return undefined
  const leaf = node.op === 'TreeEnsembleClassifier' ? 'class' : 'target'
  const read = treesOf(node, leaf)
  const averaged = aggregate(node)
  if (!read || averaged === undefined) return undefined
  const { trees, outputs, width } = read
  const given = listOf(node, 'base_values', 'floats')
  const base = Array.from({ length: outputs }, (_, k) => given[given.length === 1 ? 0 : k] ?? 0)
  const share = averaged ? 1 / Math.max(1, trees.length) : 1
  const scaled = share === 1 ? trees : trees.map(tree => ({ ...tree, adds: tree.adds.map(one => times(one, share)) }))
  return { input, forest: { outputs, width, base, trees: scaled } }
}

const times = (adds: ForestTree['adds'][number], share: number): ForestTree['adds'][number] =>
  adds.map(({ output, weight }) => ({ output, weight: weight * share }))

/** Whether the trees' answers are averaged; undefined for what is no sum. */
function aggregate(node: OnnxNode): boolean | undefined {
  const said = node.attributes.find(one => one.name === 'aggregate_function')?.string ?? 'SUM'
  return said === 'SUM' ? false : said === 'AVERAGE' ? true : undefined
}

function treesOf(
  node: OnnxNode,
  leaf: 'class' | 'target',
): { readonly trees: readonly ForestTree[]; readonly outputs: number; readonly width: number } | undefined {
  const ids = listOf(node, 'nodes_treeids', 'ints')
  const nodeIds = listOf(node, 'nodes_nodeids', 'ints')
  const modes = listOf(node, 'nodes_modes', 'strings')
  const columns = listOf(node, 'nodes_featureids', 'ints')
  const thresholds = listOf(node, 'nodes_values', 'floats')
  const missing = listOf(node, 'nodes_missing_value_tracks_true', 'ints')
  const children = [listOf(node, 'nodes_truenodeids', 'ints'), listOf(node, 'nodes_falsenodeids', 'ints')] as const
  const places = new Map<string, number>()
  const drafts = new Map<number, Draft>()
  ids.forEach((id, at) => {
    const draft = drafts.get(id) ?? emptyDraft()
    drafts.set(id, draft)
    places.set(`${id}/${nodeIds[at]}`, draft.column.length)
    const comparison = comparisons[modes[at] ?? '']
    draft.column.push(modes[at] === 'LEAF' ? -1 : (columns[at] ?? -2))
    draft.comparison.push(comparison ?? '<=')
    draft.threshold.push(thresholds[at] ?? 0)
    draft.missingYes.push(missing[at] === 1)
    draft.adds.push([])
    if (modes[at] !== 'LEAF' && comparison === undefined) draft.column[draft.column.length - 1] = -2
  })
  for (const [at, id] of ids.entries()) {
    const draft = drafts.get(id) as Draft
    const here = places.get(`${id}/${nodeIds[at]}`) as number
    const [yes, no] = children.map(list => places.get(`${id}/${list[at]}`) ?? -1) as [number, number]
    const inner = (draft.column[here] as number) >= 0
    // Children stand behind their parents, so that no way is endless
    if (draft.column[here] === -2 || (inner && !(yes > here && no > here))) return undefined
    draft.yes[here] = inner ? yes : -1
    draft.no[here] = inner ? no : -1
  }
  const outputIds = listOf(node, `${leaf}_ids`, 'ints')
  const weights = listOf(node, `${leaf}_weights`, 'floats')
  const owners = listOf(node, `${leaf}_treeids`, 'ints')
  const leaves = listOf(node, `${leaf}_nodeids`, 'ints')
  for (const [at, owner] of owners.entries()) {
    const draft = drafts.get(owner)
    const place = places.get(`${owner}/${leaves[at]}`)
    const [output, weight] = [outputIds[at], weights[at]]
    if (!draft || place === undefined || output === undefined || weight === undefined) return undefined
    draft.adds[place] = [...(draft.adds[place] as ForestTree['adds'][number]), { output, weight }]
  }
  const outputs = outputIds.reduce((most, id) => Math.max(most, id + 1), 1)
  const width = columns.reduce((most, column) => Math.max(most, column + 1), 1)
  return outputs > 10_000 || width > 100_000 ? undefined : { trees: [...drafts.values()], outputs, width }
}

function emptyDraft(): Draft {
  return { column: [], comparison: [], threshold: [], yes: [], no: [], missingYes: [], adds: [] }
}

import { fail } from '../errors/catalogue.ts'
import type { Task } from '../math/task.ts'
import type { Float32Scale } from '../math/scaler/index.ts'
import type { TreeEnsemble } from '../math/trees/index.ts'
import type { OnnxGraph, OnnxModel, OnnxNode } from './proto.ts'
import { links } from './answer.ts'
import { readSteps } from './calibration-nodes.ts'
import type { Estimator } from './export.ts'
import { readLinear } from './linear-nodes.ts'
import { listOf, treesOf } from './tree-attributes.ts'
import { treesOfEnsemble } from './tree-ensemble.ts'

const tasks: readonly Task[] = ['binary', 'multiclass', 'count']

/** What a Millrace graph computes, read back from its nodes. Features are in the graph's order: numbers, then texts. */
export interface GraphEstimator {
  readonly numbers: number
  /** The category list of each text input. */
  readonly categories: readonly (readonly string[])[]
  readonly scale: Float32Scale | undefined
  readonly estimator: Estimator
}

/**
 * Reads a graph of the form that `exportModel` writes. Throws `onnxNotEvaluable` naming the first operator that is
 * not of that form. Verify the model first: ids and children of trees are taken as they are.
 */
export function readEstimator(model: OnnxModel, file = 'the model'): GraphEstimator {
  const { graph } = model
  const refuse = (reason: string): never => {
    throw fail('onnxNotEvaluable', { file, reason })
  }
  if (!graph) return refuse('it has no graph')
  // Nodes are recognised by their order, which only our own exporter promises.
  if (model.producerName !== 'millrace') return refuse('Millrace did not write it')
  const numbers = widthOf(graph, 'features') ?? refuse('it has no input "features" of fixed width')
  const rest = [...graph.nodes]
  const take = (op: string): OnnxNode | undefined => (rest[0]?.op === op ? rest.shift() : undefined)
  const need = (op: string): OnnxNode =>
    take(op) ?? refuse(rest[0] ? `operator ${rest[0].op} is not expected here` : `operator ${op} is missing`)

  const categories: (readonly string[])[] = []
  const texts = graph.inputs.some(input => input.name === 'categories') ? (widthOf(graph, 'categories') ?? 0) : 0
  while (categories.length < texts) {
    const index = need('Gather').inputs[1]
    const column = graph.initializers.find(tensor => tensor.name === index)?.values?.[0]
    if (column !== categories.length) return refuse('its text inputs are not read in their order')
    const keys = listOf(need('LabelEncoder'), 'keys_strings', 'strings')
    // Behind the categories stands the empty text, the missing one
    if (keys.at(-1) !== '') return refuse('its texts have no code for a missing one')
    categories.push(keys.slice(0, -1))
  }
  if (numbers + texts > 1 && texts > 0) need('Concat')
  const width = numbers + texts
  const scaler = take('Scaler')
  const scale = scaler && {
    offset: perFeature(listOf(scaler, 'offset', 'floats'), width),
    factor: perFeature(listOf(scaler, 'scale', 'floats'), width),
  }
  const imputer = take('Imputer')
  const found = imputer && (readLinear(graph, imputer, rest, width) ?? refuse('its linear model has another form'))
  const coded = imputer ? undefined : take('TreeEnsemble')
  const baseName = coded && need('Add').inputs[1]
  const base = coded && graph.initializers.find(one => one.name === baseName)?.values?.map(Number)
  const forest = imputer || coded ? undefined : need('TreeEnsembleRegressor')
  // Before a rate its margin is cut, as our evaluator does
  take('Min')
  const task = taskOf(rest[0]?.op) ?? refuse(`operator ${rest[0]?.op} is not expected here`)
  rest.shift()
  const calibrated = task === 'binary' && rest[0]?.op === 'Cast'
  const calibration = calibrated ? (readSteps(graph, rest) ?? refuse('its calibration has another form')) : undefined
  const more = calibration ? { calibration } : {}
  if (found) {
    const fits = task === 'multiclass' ? found.intercepts.length >= 2 : found.intercepts.length === 1
    if (!fits || task === 'quantile') return refuse(`its linear model has ${found.intercepts.length} outputs`)
    return { numbers, categories, scale, estimator: { kind: 'linear', model: { task, ...found }, ...more } }
  }
  const trees = coded ? withBase(coded, base, width) : forest && treesOf(forest, width)
  if (!trees) return refuse('its trees have a form that only ONNX Runtime covers')
  const classes = task === 'binary' ? 2 : task === 'multiclass' ? trees.baseScore.length : 0
  return { numbers, categories, scale, estimator: { kind: 'trees', ensemble: { task, classes, ...trees }, ...more } }
}

function withBase(
  node: OnnxNode,
  baseScore: readonly number[] | undefined,
  width: number,
): Omit<TreeEnsemble, 'task' | 'classes'> | undefined {
  const outputs = node.attributes.find(attribute => attribute.name === 'n_targets')?.int ?? 1
  const trees = treesOfEnsemble(node, width)
  return trees && baseScore?.length === outputs ? { trees, baseScore, width } : undefined
}

/** A quantile and a value look alike in the graph, and are evaluated alike. */
function taskOf(last: string | undefined): Task | undefined {
  if (last === undefined) return 'regression'
  return tasks.find(task => links[task] === last)
}

/** A single figure stands for every feature. */
function perFeature(figures: readonly number[], width: number): Float32Array {
  return Float32Array.from({ length: width }, (_, at) => figures[figures.length === 1 ? 0 : at] ?? NaN)
}

/** The fixed second dimension of an input. */
export function widthOf(graph: OnnxGraph, input: string): number | undefined {
  const width = graph.inputs.find(value => value.name === input)?.shape?.[1]
  return typeof width === 'number' ? width : undefined
}

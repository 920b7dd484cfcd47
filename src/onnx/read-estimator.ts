import { fail } from '../errors/catalogue.ts'
import type { LinearModel } from '../math/linear/index.ts'
import type { Float32Scale } from '../math/scaler/index.ts'
import type { TreeEnsemble } from '../math/trees/index.ts'
import type { OnnxGraph, OnnxModel, OnnxNode } from './proto.ts'
import { listOf, treesOf } from './tree-attributes.ts'

/** What a Millrace graph computes, read back from its nodes. Features are in the graph's order: numbers, then texts. */
export interface GraphEstimator {
  readonly numbers: number
  /** The category list of each text input. */
  readonly categories: readonly (readonly string[])[]
  readonly scale: Float32Scale | undefined
  readonly estimator:
    | { readonly kind: 'trees'; readonly ensemble: TreeEnsemble }
    | { readonly kind: 'linear'; readonly model: LinearModel }
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
    categories.push(keys)
  }
  if (numbers + texts > 1 && texts > 0) need('Concat')
  const width = numbers + texts
  const scaler = take('Scaler')
  const scale = scaler && {
    offset: perFeature(listOf(scaler, 'offset', 'floats'), width),
    factor: perFeature(listOf(scaler, 'scale', 'floats'), width),
  }
  const imputer = take('Imputer')
  const linear = imputer ? need('LinearRegressor') : undefined
  const forest = linear ? undefined : need('TreeEnsembleRegressor')
  const last = rest[0]?.op
  const task =
    last === undefined ? 'regression' : last === 'Sigmoid' ? 'binary' : last === 'Softmax' ? 'multiclass' : undefined
  if (task === undefined) return refuse(`operator ${last} is not expected here`)
  if (linear && imputer) {
    if (task === 'multiclass') return refuse('a linear model with several classes is not covered')
    const found: LinearModel = {
      task,
      coefficients: listOf(linear, 'coefficients', 'floats'),
      intercept: listOf(linear, 'intercepts', 'floats')[0] ?? 0,
      replacements: listOf(imputer, 'imputed_value_floats', 'floats'),
    }
    if (found.coefficients.length !== width || found.replacements.length !== width) {
      return refuse(`its coefficients do not fit its ${width} features`)
    }
    return { numbers, categories, scale, estimator: { kind: 'linear', model: found } }
  }
  const trees = forest && treesOf(forest, width)
  if (!trees) return refuse('its trees have a form that only ONNX Runtime covers')
  const classes = task === 'regression' ? 0 : task === 'binary' ? 2 : trees.baseScore.length
  return { numbers, categories, scale, estimator: { kind: 'trees', ensemble: { task, classes, ...trees } } }
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

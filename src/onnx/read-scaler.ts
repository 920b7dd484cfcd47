import { fail } from '../errors/catalogue.ts'
import type { OnnxGraph, OnnxModel, OnnxNode } from './proto.ts'
import { listOf } from './tree-attributes.ts'

/** What a graph of scaling operators computes, feature by feature: (x − offset) / scale. */
export interface GraphScale {
  readonly offset: readonly number[]
  readonly scale: readonly number[]
  /** Names of the graph's inputs where each is one feature. */
  readonly names: readonly string[] | undefined
  readonly clip: readonly [number, number] | undefined
}

/** A shape may say anything; figures for so many would not be looked at by anyone. */
const maxFeatures = 1_000_000

/** Operators that hand their value on. */
const carriers = new Set(['Cast', 'Identity', 'Concat', 'FeatureVectorizer'])

/**
 * Reads a graph that does nothing but scale, as converters write it: Scaler of ai.onnx.ml; Sub, Div, Mul and Add with
 * constants; Clip at the end; several inputs of one feature joined first. Throws `importNoScaler` naming the first
 * operator that is something else.
 */
export function readScale(model: OnnxModel, file = 'the model'): GraphScale {
  const refuse = (reason: string): never => {
    throw fail('importNoScaler', { file, reason })
  }
  const graph = model.graph ?? refuse('it has no graph')
  const constants = new Map(graph.initializers.map(tensor => [tensor.name, tensor.values]))
  const inputs = graph.inputs.filter(input => !constants.has(input.name))
  const width = inputs.reduce((sum, { shape }) => {
    const size = shape?.[1]
    return typeof size === 'number' && size >= 0 ? sum + size : refuse('the width of its inputs is not fixed')
  }, 0)
  if (width > maxFeatures) return refuse(`it has ${width} features, at most ${maxFeatures} are read`)
  // z = x · factor + term
  let factor = Array.from({ length: width }, () => 1)
  let term = Array.from({ length: width }, () => 0)
  let clip: [number, number] | undefined
  let at = inputs[0]?.name ?? refuse('it has no input')
  const constantOf = (name: string | undefined): readonly number[] | undefined => {
    const values = constants.get(name ?? '')?.map(Number)
    if (values === undefined) return undefined
    if (values.length !== 1 && values.length !== width)
      return refuse(`a constant has ${values.length} figures for ${width} features`)
    return Array.from({ length: width }, (_, i) => values[values.length === 1 ? 0 : i] as number)
  }
  const fed = new Set<string>([at])
  if (inputs.length > 1) {
    const first = graph.nodes[0]
    const joined = first && (first.op === 'Concat' || first.op === 'FeatureVectorizer') ? first.inputs : []
    if (joined.join('\n') !== inputs.map(input => input.name).join('\n'))
      return refuse('its inputs are not joined in their order')
    for (const name of joined) fed.add(name)
  }
  for (const node of graph.nodes) {
    const place = node.inputs.findIndex(input => fed.has(input))
    if (place < 0) return refuse(`operator ${node.op} stands beside the way of the features`)
    const constant = node.inputs.length === 2 ? constantOf(node.inputs[1 - place]) : undefined
    const map = (change: (value: number, i: number) => number): void => {
      term = term.map(change)
    }
    if (carriers.has(node.op)) {
      // Nothing changes
    } else if (node.op === 'Scaler') {
      const { offset, scale } = scalerFigures(node, width) ?? refuse('its Scaler does not fit its inputs')
      map((value, i) => (value - (offset[i] as number)) * (scale[i] as number))
      factor = factor.map((value, i) => value * (scale[i] as number))
    } else if (constant && (node.op === 'Add' || (node.op === 'Sub' && place === 0))) {
      map((value, i) => (node.op === 'Add' ? value + (constant[i] as number) : value - (constant[i] as number)))
    } else if (constant && (node.op === 'Mul' || (node.op === 'Div' && place === 0))) {
      const by = (value: number, i: number): number =>
        node.op === 'Mul' ? value * (constant[i] as number) : value / (constant[i] as number)
      map(by)
      factor = factor.map(by)
    } else if (node.op === 'Clip' && place === 0) {
      clip = [constantOf(node.inputs[1])?.[0] ?? -Infinity, constantOf(node.inputs[2])?.[0] ?? Infinity]
    } else return refuse(`operator ${node.op} does more than scale`)
    if (clip && node.op !== 'Clip' && !carriers.has(node.op)) return refuse('it scales after cutting to a range')
    at = node.outputs[0] ?? refuse(`operator ${node.op} has no output`)
    fed.clear()
    fed.add(at)
  }
  if (graph.outputs.length !== 1 || graph.outputs[0]?.name !== at)
    return refuse('its output is not the scaled features')
  factor.forEach((value, i) => {
    if (!Number.isFinite(value) || value === 0 || !Number.isFinite(term[i]))
      refuse(`feature ${i} is scaled by ${value}`)
  })
  return {
    offset: factor.map((value, i) => 0 - (term[i] as number) / value),
    scale: factor.map(value => 1 / value),
    names: namesOf(graph, constants),
    clip,
  }
}

function scalerFigures(node: OnnxNode, width: number): Pick<GraphScale, 'offset' | 'scale'> | undefined {
  const spread = (name: string): number[] | undefined => {
    const list = listOf(node, name, 'floats')
    if (list.length !== 1 && list.length !== width) return undefined
    return Array.from({ length: width }, (_, i) => list[list.length === 1 ? 0 : i] as number)
  }
  const [offset, scale] = [spread('offset'), spread('scale')]
  return offset && scale && { offset, scale }
}

function namesOf(graph: OnnxGraph, constants: ReadonlyMap<string, unknown>): readonly string[] | undefined {
  const inputs = graph.inputs.filter(input => !constants.has(input.name))
  return inputs.length > 1 && inputs.every(input => input.shape?.[1] === 1)
    ? inputs.map(input => input.name)
    : undefined
}

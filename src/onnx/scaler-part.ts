import { mapOf } from './graph-classes.ts'
import type { OnnxGraph, OnnxModel, OnnxNode } from './proto.ts'
import { dataTypes } from './proto.ts'
import { writeModel } from './write-model.ts'

/**
 * The beginning of a Millrace graph up to its scaler, as a model of its own: takes what the whole takes, answers with the
 * scaled features [N, width]. Undefined when the graph does not scale.
 */
export function scalerPart({ graph, producerVersion }: OnnxModel): Uint8Array | undefined {
  if (!graph) return undefined
  const last = graph.nodes.findIndex(node => node.op === 'Scaler')
  const scaler = graph.nodes[last]
  const output = scaler?.outputs[0]
  if (!scaler || output === undefined) return undefined
  const nodes = graph.nodes.slice(0, last + 1)
  const used = new Set(nodes.flatMap(node => node.inputs))
  const width = scaler.attributes.find(attribute => attribute.name === 'offset')?.floats?.length
  const part: OnnxGraph = {
    name: graph.name,
    nodes,
    initializers: graph.initializers.filter(tensor => used.has(tensor.name)),
    inputs: graph.inputs,
    outputs: [{ name: output, kind: 'tensor', elementType: dataTypes.float, shape: ['N', width] }],
  }
  return writeModel(part, {}, producerVersion)
}

/** Operators that hand a missing value on as it is. */
const carriers = new Set(['Scaler', 'Concat', 'Gather', 'Cast', 'Identity', 'Reshape', 'Squeeze', 'Unsqueeze', 'Slice'])
const arithmetic = new Set(['Sub', 'Add', 'Mul', 'Div'])
/** Operators that have an answer for it. */
const handlers = new Set(['Imputer', 'IsNaN', 'TreeEnsembleRegressor', 'TreeEnsembleClassifier', 'TreeEnsemble'])
const floats: readonly number[] = [dataTypes.float, dataTypes.double]

/** Whether every way of a missing number through the graph ends in an imputer or in trees, which have a branch for it. */
export function handlesMissing({ graph }: OnnxModel): boolean {
  if (!graph) return false
  const map = mapOf(graph)
  const constants = new Set(graph.initializers.map(tensor => tensor.name))
  const open = graph.inputs.filter(input => floats.includes(input.elementType) && !constants.has(input.name))
  const carrying = new Set(open.map(input => input.name))
  const handled = (node: OnnxNode): boolean => {
    if (handlers.has(node.op) || (node.op === 'Where' && map.maker(node.inputs[0] ?? '')?.op === 'IsNaN')) return true
    for (const output of node.outputs) carrying.add(output)
    return carriers.has(node.op) || arithmetic.has(node.op)
  }
  const all = graph.nodes.filter(node => node.inputs.some(input => carrying.has(input)) && !handled(node))
  return all.length === 0 && !graph.outputs.some(output => carrying.has(output.name))
}

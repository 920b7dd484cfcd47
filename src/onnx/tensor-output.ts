import { attributeTypes, dataTypes, type OnnxGraph, type OnnxModel, type OnnxNode } from './proto.ts'
import { asMessage, asText, fieldsOf } from './wire-reader.ts'
import { wireWriter } from './wire-writer.ts'
import { writeNode, writeValue } from './write-model.ts'

/** A model's bytes and the output of theirs that holds the scores as one tensor. */
export interface TensorOutput {
  readonly bytes: Uint8Array
  readonly output: string
}

/**
 * ONNX Runtime's JavaScript packages give tensors alone. A ZipMap at the end is taken off and what goes into it given
 * instead; the tensors of a list are put side by side. Everything else of the file stays as it is, byte for byte.
 */
export function tensorOutput(bytes: Uint8Array, { graph }: OnnxModel, output: string): TensorOutput {
  const value = graph?.outputs.find(one => one.name === output)
  if (!graph || value?.kind !== 'sequence') return { bytes, output }
  const maker = graph.nodes.find(node => node.outputs.includes(output))
  const zipped = maker?.op === 'ZipMap' ? maker.inputs[0] : undefined
  if (zipped !== undefined) {
    const without = graph.nodes.some(node => node.inputs.includes(output)) ? undefined : output
    return { output: zipped, bytes: rewritten(bytes, graph, { without, output: zipped, type: dataTypes.float }) }
  }
  const joined = freeName(graph, `${output}_tensor`)
  return {
    output: joined,
    bytes: rewritten(bytes, graph, {
      without: undefined,
      output: joined,
      type: value.of?.elementType ?? dataTypes.float,
      // one column a tensor, where the tensors have none
      nodes: [sideBySide(output, joined, value.of?.shape?.length === 1)],
    }),
  }
}

/** The same model that also gives values from within, or what its inputs are given, side by side as columns of float. */
export function withColumns(bytes: Uint8Array, { graph }: OnnxModel, values: readonly string[]): TensorOutput {
  const output = graph ? freeName(graph, 'columns') : ''
  if (!graph) return { bytes, output }
  const node = (op: string, from: readonly string[], to: string, attribute: string, int: number): OnnxNode => ({
    op,
    domain: '',
    name: to,
    inputs: from,
    outputs: [to],
    attributes: [{ name: attribute, type: attributeTypes.int, int }],
  })
  const parts = values.map((_, at) => freeName(graph, `${output}_${at}`))
  const nodes = [
    ...values.flatMap((value, at) => {
      const flat = parts[at] as string
      // A row is one dimension, however many it had
      return [
        node('Cast', [value], `${flat}_float`, 'to', dataTypes.float),
        node('Flatten', [`${flat}_float`], flat, 'axis', 1),
      ]
    }),
    node('Concat', parts, output, 'axis', 1),
  ]
  return { output, bytes: rewritten(bytes, graph, { without: undefined, output, type: dataTypes.float, nodes }) }
}

function sideBySide(from: string, to: string, ranked: boolean): OnnxNode {
  return {
    op: 'ConcatFromSequence',
    domain: '',
    name: to,
    inputs: [from],
    outputs: [to],
    attributes: [
      { name: 'axis', type: attributeTypes.int, int: 1 },
      { name: 'new_axis', type: attributeTypes.int, int: ranked ? 1 : 0 },
    ],
  }
}

function freeName(graph: OnnxGraph, wanted: string): string {
  const taken = new Set([...graph.nodes.flatMap(node => node.outputs), ...graph.inputs.map(input => input.name)])
  let name = wanted
  while (taken.has(name)) name += '_'
  return name
}

interface Change {
  /** Output that goes, with the node that makes it. */
  readonly without: string | undefined
  readonly output: string
  readonly type: number
  readonly nodes?: readonly OnnxNode[]
}

function rewritten(bytes: Uint8Array, graph: OnnxGraph, change: Change): Uint8Array {
  const model = wireWriter()
  for (const field of fieldsOf(bytes)) {
    if (field.number === 7) model.bytes(7, rewrittenGraph(asMessage(field), graph, change))
    else model.copy(bytes.subarray(field.start, field.end))
  }
  return model.finish()
}

function rewrittenGraph(
  bytes: Uint8Array,
  graph: OnnxGraph,
  { without, output, type, nodes = [] }: Change,
): Uint8Array {
  const writer = wireWriter()
  for (const field of fieldsOf(bytes)) {
    const gone =
      without !== undefined &&
      ((field.number === 1 && makes(asMessage(field), without)) ||
        (field.number === 12 && nameOf(asMessage(field)) === without))
    if (!gone) writer.copy(bytes.subarray(field.start, field.end))
  }
  for (const node of nodes) writer.message(1, inner => writeNode(inner, node))
  if (!graph.outputs.some(one => one.name === output)) {
    writer.message(12, inner =>
      writeValue(inner, { name: output, kind: 'tensor', elementType: type, shape: undefined }),
    )
  }
  return writer.finish()
}

function makes(node: Uint8Array, output: string): boolean {
  for (const field of fieldsOf(node)) if (field.number === 2 && asText(field) === output) return true
  return false
}

function nameOf(value: Uint8Array): string {
  let name = ''
  for (const field of fieldsOf(value)) if (field.number === 1) name = asText(field)
  return name
}

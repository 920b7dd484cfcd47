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
      node: sideBySide(output, joined, value.of?.shape?.length === 1),
    }),
  }
}

/** The same model that also gives a value from within, or what one of its inputs is given, as a float tensor of that name. */
export function withOutput(bytes: Uint8Array, { graph }: OnnxModel, output: string, ofInput?: string): Uint8Array {
  if (!graph) return bytes
  return rewritten(bytes, graph, {
    without: undefined,
    output,
    type: dataTypes.float,
    ...(ofInput === undefined ? {} : { node: asFloat(ofInput, output) }),
  })
}

function asFloat(from: string, to: string): OnnxNode {
  const attributes = [{ name: 'to', type: attributeTypes.int, int: dataTypes.float }]
  return { op: 'Cast', domain: '', name: to, inputs: [from], outputs: [to], attributes }
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
  readonly node?: OnnxNode
}

function rewritten(bytes: Uint8Array, graph: OnnxGraph, change: Change): Uint8Array {
  const model = wireWriter()
  for (const field of fieldsOf(bytes)) {
    if (field.number === 7) model.bytes(7, rewrittenGraph(asMessage(field), graph, change))
    else model.copy(bytes.subarray(field.start, field.end))
  }
  return model.finish()
}

function rewrittenGraph(bytes: Uint8Array, graph: OnnxGraph, { without, output, type, node }: Change): Uint8Array {
  const writer = wireWriter()
  for (const field of fieldsOf(bytes)) {
    const gone =
      without !== undefined &&
      ((field.number === 1 && makes(asMessage(field), without)) ||
        (field.number === 12 && nameOf(asMessage(field)) === without))
    if (!gone) writer.copy(bytes.subarray(field.start, field.end))
  }
  if (node) writer.message(1, inner => writeNode(inner, node))
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

import { fail } from '../errors/catalogue.ts'
import {
  attributeTypes,
  type Dimension,
  type OnnxAttribute,
  type OnnxFunction,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxType,
  type OnnxValue,
} from './proto.ts'
import { tensorOf } from './read-tensor.ts'
import {
  addFloats,
  addInts,
  asFloat,
  asInt,
  asInt32,
  asMessage,
  asText,
  type Field,
  fieldsOf,
  knownFields,
  WireError,
} from './wire-reader.ts'

/** Far above any tabular model; keeps the memory that reading takes within bounds. */
export const greatestModel = 512 * 2 ** 20
/** Graphs within attributes of graphs: no real model goes deeper. */
const greatestDepth = 24

/**
 * Reads an ONNX file. Throws `onnxMalformed` for anything that is not one; runs in time linear in the bytes.
 * `file` is only for the message.
 */
export function readModel(bytes: Uint8Array, file = 'the model'): OnnxModel {
  if (bytes.length === 0) throw fail('onnxMalformed', { file, reason: 'it is empty' })
  if (bytes.length > greatestModel) throw fail('onnxMalformed', { file, reason: 'it is larger than 512 MiB' })
  try {
    return modelOf(bytes)
  } catch (error) {
    if (error instanceof WireError) throw fail('onnxMalformed', { file, reason: error.message }, error)
    throw error
  }
}

function modelOf(bytes: Uint8Array): OnnxModel {
  let irVersion = 0
  let producerName = ''
  let producerVersion = ''
  let modelVersion = 0
  let graph: OnnxGraph | undefined
  const functions: OnnxFunction[] = []
  const opsets: { domain: string; version: number }[] = []
  const metadata: { key: string; value: string }[] = []
  // A message that occurs twice is one, of the fields of both
  const graphParts: Uint8Array[] = []
  const kinds = {
    1: 'int',
    2: 'text',
    3: 'text',
    5: 'int',
    7: 'text',
    8: 'text',
    14: 'text',
    20: 'unread',
    25: 'text',
    26: 'unread',
  } as const
  for (const field of knownFields(bytes, kinds)) {
    if (field.number === 1) irVersion = asInt(field)
    else if (field.number === 2) producerName = asText(field)
    else if (field.number === 3) producerVersion = asText(field)
    else if (field.number === 5) modelVersion = asInt(field)
    else if (field.number === 7) graphParts.push(asMessage(field))
    else if (field.number === 8) opsets.push(opsetOf(asMessage(field)))
    else if (field.number === 14) metadata.push(entryOf(asMessage(field)))
    else functions.push(functionOf(asMessage(field)))
  }
  if (graphParts.length > 0) graph = graphOf(graphParts, 0)
  return { irVersion, producerName, producerVersion, modelVersion, opsets, metadata, graph, functions }
}

function opsetOf(bytes: Uint8Array): { domain: string; version: number } {
  let domain = ''
  let version = 0
  for (const field of knownFields(bytes, { 1: 'text', 2: 'int' })) {
    if (field.number === 1) domain = asText(field)
    else version = asInt(field)
  }
  return { domain: domain === 'ai.onnx' ? '' : domain, version }
}

function entryOf(bytes: Uint8Array): { key: string; value: string } {
  let key = ''
  let value = ''
  for (const field of knownFields(bytes, { 1: 'text', 2: 'text' })) {
    if (field.number === 1) key = asText(field)
    else value = asText(field)
  }
  return { key, value }
}

function functionOf(bytes: Uint8Array): OnnxFunction {
  let name = ''
  let domain = ''
  const inputs: string[] = []
  const outputs: string[] = []
  const attributes: string[] = []
  const nodes: OnnxNode[] = []
  const opsets: { domain: string; version: number }[] = []
  const kinds = {
    1: 'text',
    4: 'text',
    5: 'text',
    6: 'text',
    7: 'text',
    9: 'text',
    10: 'text',
    11: 'text',
    12: 'unread',
    14: 'unread',
  } as const
  for (const field of knownFields(bytes, kinds)) {
    if (field.number === 1) name = asText(field)
    else if (field.number === 4) inputs.push(asText(field))
    else if (field.number === 5) outputs.push(asText(field))
    else if (field.number === 6) attributes.push(asText(field))
    else if (field.number === 7) nodes.push(nodeOf(asMessage(field), 0))
    else if (field.number === 9) opsets.push(opsetOf(asMessage(field)))
    else if (field.number === 10) domain = asText(field)
    else attributes.push(attributeOf(asMessage(field), 0).name)
  }
  return { name, domain: domain === 'ai.onnx' ? '' : domain, inputs, outputs, attributes, opsets, nodes }
}

const graphKinds = {
  1: 'text',
  2: 'text',
  5: 'text',
  11: 'text',
  12: 'text',
  13: 'text',
  14: 'unread',
  15: 'text',
  16: 'unread',
} as const

function graphOf(parts: readonly Uint8Array[], depth: number): OnnxGraph {
  if (depth > greatestDepth) throw new WireError(`graphs are nested deeper than ${greatestDepth}`)
  let name = ''
  const nodes: OnnxNode[] = []
  const initializers: OnnxTensor[] = []
  const inputs: OnnxValue[] = []
  const outputs: OnnxValue[] = []
  const values: OnnxValue[] = []
  const sparse: { name: string; dataType: number }[] = []
  for (const part of parts) {
    for (const field of knownFields(part, graphKinds)) {
      const inner = asMessage(field)
      if (field.number === 1) nodes.push(nodeOf(inner, depth))
      else if (field.number === 2) name = asText(field)
      else if (field.number === 5) initializers.push(tensorOf(inner))
      else if (field.number === 11) inputs.push(valueOf(inner))
      else if (field.number === 12) outputs.push(valueOf(inner))
      else if (field.number === 13) values.push(valueOf(inner))
      else sparse.push(sparseOf(inner))
    }
  }
  return { name, nodes, initializers, inputs, outputs, values, sparse }
}

function sparseOf(bytes: Uint8Array): { name: string; dataType: number } {
  for (const field of knownFields(bytes, { 1: 'text' })) {
    const { name, dataType } = tensorOf(asMessage(field))
    return { name, dataType }
  }
  return { name: '', dataType: 0 }
}

const nodeKinds = {
  1: 'text',
  2: 'text',
  3: 'text',
  4: 'text',
  5: 'text',
  7: 'text',
  9: 'unread',
  10: 'unread',
} as const

function nodeOf(bytes: Uint8Array, depth: number): OnnxNode {
  let op = ''
  let domain = ''
  let name = ''
  const inputs: string[] = []
  const outputs: string[] = []
  const attributes: OnnxAttribute[] = []
  for (const field of knownFields(bytes, nodeKinds)) {
    if (field.number === 1) inputs.push(asText(field))
    else if (field.number === 2) outputs.push(asText(field))
    else if (field.number === 3) name = asText(field)
    else if (field.number === 4) op = asText(field)
    else if (field.number === 5) attributes.push(attributeOf(asMessage(field), depth))
    else domain = asText(field)
  }
  return { op, domain: domain === 'ai.onnx' ? '' : domain, name, inputs, outputs, attributes }
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }

/** Fields of an attribute that hold a value, and the type of attribute that has it there. */
const valueFields: Readonly<Record<number, number>> = {
  2: attributeTypes.float,
  3: attributeTypes.int,
  4: attributeTypes.string,
  5: attributeTypes.tensor,
  6: attributeTypes.graph,
  7: attributeTypes.floats,
  8: attributeTypes.ints,
  9: attributeTypes.strings,
  10: attributeTypes.tensors,
  11: attributeTypes.graphs,
  14: attributeTypes.type_proto,
  15: attributeTypes.type_protos,
  22: attributeTypes.sparse_tensor,
  23: attributeTypes.sparse_tensors,
}

const attributeKinds = {
  1: 'text',
  2: 'float',
  3: 'int',
  4: 'text',
  5: 'text',
  6: 'text',
  7: 'floats',
  8: 'ints',
  9: 'text',
  10: 'text',
  11: 'text',
  14: 'text',
  15: 'text',
  20: 'int',
  21: 'text',
  22: 'text',
  23: 'text',
} as const

function attributeOf(bytes: Uint8Array, depth: number): OnnxAttribute {
  const attribute: Writable<OnnxAttribute> = { name: '', type: 0 }
  const floats: number[] = []
  const ints: number[] = []
  const strings: string[] = []
  const graphs: OnnxGraph[] = []
  const graphParts: Uint8Array[] = []
  const holds = new Set<number>()
  for (const field of knownFields(bytes, attributeKinds)) {
    const type = valueFields[field.number]
    if (type !== undefined) holds.add(type)
    if (field.number === 1) attribute.name = asText(field)
    else if (field.number === 20) attribute.type = asInt32(field)
    else if (field.number === 21) attribute.refers = asText(field)
    else if (field.number === 6) graphParts.push(asMessage(field))
    else if (field.number === 7) addFloats(field, floats)
    else if (field.number === 8) addInts(field, ints)
    else if (field.number === 9) strings.push(asText(field))
    else if (field.number === 11) graphs.push(graphOf([asMessage(field)], depth + 1))
    else if (field.number === 10) tensorOf(asMessage(field))
    else if (field.number === 14 || field.number === 15) typeOf(asMessage(field), 0)
    else if (field.number === 22 || field.number === 23) sparseOf(asMessage(field))
    else setSingle(attribute, field)
  }
  if (graphParts.length > 0) attribute.graph = graphOf(graphParts, depth + 1)
  // An empty list that is written out holds nothing
  for (const [list, type] of [
    [floats, attributeTypes.floats],
    [ints, attributeTypes.ints],
  ] as const)
    if (list.length === 0) holds.delete(type)
  if (floats.length > 0) attribute.floats = floats
  if (ints.length > 0) attribute.ints = ints
  if (strings.length > 0) attribute.strings = strings
  if (graphs.length > 0) attribute.graphs = graphs
  attribute.holds = [...holds]
  return attribute
}

function setSingle(attribute: Writable<OnnxAttribute>, field: Field): void {
  if (field.number === 2) attribute.float = asFloat(field)
  else if (field.number === 3) attribute.int = asInt(field)
  else if (field.number === 4) attribute.string = asText(field)
  else if (field.number === 5) attribute.tensor = tensorOf(asMessage(field))
}

function valueOf(bytes: Uint8Array): OnnxValue {
  let name = ''
  let type: OnnxType = undeclared
  for (const field of knownFields(bytes, { 1: 'text', 2: 'text', 4: 'unread' })) {
    if (field.number === 1) name = asText(field)
    else type = typeOf(asMessage(field), 0)
  }
  return { name, ...type }
}

const undeclared: OnnxType = { kind: 'none', elementType: 0, shape: undefined }
const typeKinds: Readonly<Record<number, OnnxType['kind']>> = {
  1: 'tensor',
  4: 'sequence',
  5: 'map',
  8: 'sparse',
  9: 'optional',
}

/** The last kind that is set counts, as in any protobuf reader. */
function typeOf(bytes: Uint8Array, depth: number): OnnxType {
  if (depth > greatestDepth) throw new WireError(`types are nested deeper than ${greatestDepth}`)
  let type = undeclared
  for (const field of fieldsOf(bytes)) {
    const kind = typeKinds[field.number]
    if (kind === undefined || field.type !== 2) continue
    const inner = asMessage(field)
    if (kind === 'tensor' || kind === 'sparse') type = { kind, ...tensorTypeOf(inner) }
    else type = { kind, shape: undefined, ...holderTypeOf(inner, kind, depth) }
  }
  return type
}

function tensorTypeOf(bytes: Uint8Array): Pick<OnnxType, 'elementType' | 'shape'> {
  let elementType = 0
  let shape: Dimension[] | undefined
  for (const field of knownFields(bytes, { 1: 'int', 2: 'text' })) {
    if (field.number === 1) elementType = asInt32(field)
    else {
      shape ??= []
      for (const dim of knownFields(asMessage(field), { 1: 'text' })) shape.push(dimensionOf(asMessage(dim)))
    }
  }
  return { elementType, shape }
}

function holderTypeOf(bytes: Uint8Array, kind: OnnxType['kind'], depth: number): Pick<OnnxType, 'elementType' | 'of'> {
  let elementType = 0
  let of = undeclared
  const map = kind === 'map'
  for (const field of knownFields(bytes, map ? { 1: 'int', 2: 'text' } : { 1: 'text' })) {
    if (map && field.number === 1) elementType = asInt32(field)
    else of = typeOf(asMessage(field), depth + 1)
  }
  return { elementType, of }
}

function dimensionOf(bytes: Uint8Array): Dimension {
  let dimension: Dimension
  for (const field of knownFields(bytes, { 1: 'int', 2: 'text' })) {
    dimension = field.number === 1 ? asInt(field) : asText(field)
  }
  return dimension
}

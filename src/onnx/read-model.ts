import { fail } from '../errors/catalogue.ts'
import {
  dataTypes,
  type Dimension,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxType,
  type OnnxValue,
} from './proto.ts'
import {
  addDoubles,
  addFloats,
  addInts,
  asFloat,
  asInt,
  asMessage,
  asText,
  fieldsOf,
  readFixed,
  WireError,
} from './wire-reader.ts'

/** Far above any tabular model; keeps the memory that reading takes within bounds. */
export const greatestModel = 512 * 2 ** 20
/** Graphs within attributes of graphs: no real model goes deeper. */
const greatestDepth = 16

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
  let functions = 0
  const opsets: { domain: string; version: number }[] = []
  const metadata: { key: string; value: string }[] = []
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) irVersion = asInt(field)
    else if (field.number === 2) producerName = asText(field)
    else if (field.number === 3) producerVersion = asText(field)
    else if (field.number === 5) modelVersion = asInt(field)
    else if (field.number === 7) graph = graphOf(asMessage(field), 0)
    else if (field.number === 8) opsets.push(opsetOf(asMessage(field)))
    else if (field.number === 14) metadata.push(entryOf(asMessage(field)))
    else if (field.number === 25) functions++
  }
  return { irVersion, producerName, producerVersion, modelVersion, opsets, metadata, graph, functions }
}

function opsetOf(bytes: Uint8Array): { domain: string; version: number } {
  let domain = ''
  let version = 0
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) domain = asText(field)
    else if (field.number === 2) version = asInt(field)
  }
  return { domain: domain === 'ai.onnx' ? '' : domain, version }
}

function entryOf(bytes: Uint8Array): { key: string; value: string } {
  let key = ''
  let value = ''
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) key = asText(field)
    else if (field.number === 2) value = asText(field)
  }
  return { key, value }
}

function graphOf(bytes: Uint8Array, depth: number): OnnxGraph {
  if (depth > greatestDepth) throw new WireError(`graphs are nested deeper than ${greatestDepth}`)
  let name = ''
  const nodes: OnnxNode[] = []
  const initializers: OnnxTensor[] = []
  const inputs: OnnxValue[] = []
  const outputs: OnnxValue[] = []
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) nodes.push(nodeOf(asMessage(field), depth))
    else if (field.number === 2) name = asText(field)
    else if (field.number === 5) initializers.push(tensorOf(asMessage(field)))
    else if (field.number === 11) inputs.push(valueOf(asMessage(field)))
    else if (field.number === 12) outputs.push(valueOf(asMessage(field)))
  }
  return { name, nodes, initializers, inputs, outputs }
}

function nodeOf(bytes: Uint8Array, depth: number): OnnxNode {
  let op = ''
  let domain = ''
  let name = ''
  const inputs: string[] = []
  const outputs: string[] = []
  const attributes: OnnxAttribute[] = []
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) inputs.push(asText(field))
    else if (field.number === 2) outputs.push(asText(field))
    else if (field.number === 3) name = asText(field)
    else if (field.number === 4) op = asText(field)
    else if (field.number === 5) attributes.push(attributeOf(asMessage(field), depth))
    else if (field.number === 7) domain = asText(field)
  }
  return { op, domain: domain === 'ai.onnx' ? '' : domain, name, inputs, outputs, attributes }
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }

function attributeOf(bytes: Uint8Array, depth: number): OnnxAttribute {
  const attribute: Writable<OnnxAttribute> = { name: '', type: 0 }
  const floats: number[] = []
  const ints: number[] = []
  const strings: string[] = []
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) attribute.name = asText(field)
    else if (field.number === 2) attribute.float = asFloat(field)
    else if (field.number === 3) attribute.int = asInt(field)
    else if (field.number === 4) attribute.string = asText(field)
    else if (field.number === 5) attribute.tensor = tensorOf(asMessage(field))
    else if (field.number === 6) attribute.graph = graphOf(asMessage(field), depth + 1)
    else if (field.number === 7) addFloats(field, floats)
    else if (field.number === 8) addInts(field, ints)
    else if (field.number === 9) strings.push(asText(field))
    else if (field.number === 20) attribute.type = asInt(field)
  }
  if (floats.length > 0) attribute.floats = floats
  if (ints.length > 0) attribute.ints = ints
  if (strings.length > 0) attribute.strings = strings
  return attribute
}

function tensorOf(bytes: Uint8Array): OnnxTensor {
  let name = ''
  let dataType = 0
  let raw: Uint8Array | undefined
  let external = false
  const dims: number[] = []
  const numbers: number[] = []
  const strings: string[] = []
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) addInts(field, dims)
    else if (field.number === 2) dataType = asInt(field)
    else if (field.number === 4) addFloats(field, numbers)
    else if (field.number === 5 || field.number === 7 || field.number === 11) addInts(field, numbers)
    else if (field.number === 6) strings.push(asText(field))
    else if (field.number === 8) name = asText(field)
    else if (field.number === 9) raw = asMessage(field)
    else if (field.number === 10) addDoubles(field, numbers)
    else if (field.number === 13) external = true
    else if (field.number === 14) external ||= asInt(field) === 1
  }
  const values = raw ? rawValues(raw, dataType) : dataType === dataTypes.string ? strings : numbers
  return { name, dims, dataType, values, rawBytes: raw?.length ?? 0, external }
}

/** Undefined for the types that Millrace does not compute with. */
function rawValues(raw: Uint8Array, dataType: number): number[] | undefined {
  const values: number[] = []
  if (dataType === dataTypes.float) readFixed(raw, 4, (view, at) => view.getFloat32(at, true), values)
  else if (dataType === dataTypes.double) readFixed(raw, 8, (view, at) => view.getFloat64(at, true), values)
  else if (dataType === dataTypes.int32) readFixed(raw, 4, (view, at) => view.getInt32(at, true), values)
  else if (dataType === dataTypes.int64) readFixed(raw, 8, (view, at) => Number(view.getBigInt64(at, true)), values)
  else return undefined
  return values
}

function valueOf(bytes: Uint8Array): OnnxValue {
  let name = ''
  let type: OnnxType = undeclared
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) name = asText(field)
    else if (field.number === 2) type = typeOf(asMessage(field), 0)
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
    if (kind === undefined) continue
    const inner = asMessage(field)
    if (kind === 'tensor' || kind === 'sparse') type = { kind, ...tensorTypeOf(inner) }
    else type = { kind, shape: undefined, ...holderTypeOf(inner, kind, depth) }
  }
  return type
}

function tensorTypeOf(bytes: Uint8Array): Pick<OnnxType, 'elementType' | 'shape'> {
  let elementType = 0
  let shape: Dimension[] | undefined
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) elementType = asInt(field)
    else if (field.number === 2) {
      shape = []
      for (const dim of fieldsOf(asMessage(field))) if (dim.number === 1) shape.push(dimensionOf(asMessage(dim)))
    }
  }
  return { elementType, shape }
}

function holderTypeOf(bytes: Uint8Array, kind: OnnxType['kind'], depth: number): Pick<OnnxType, 'elementType' | 'of'> {
  let elementType = 0
  let of = undeclared
  for (const field of fieldsOf(bytes)) {
    if (kind === 'map' && field.number === 1) elementType = asInt(field)
    else if (field.number === (kind === 'map' ? 2 : 1)) of = typeOf(asMessage(field), depth + 1)
  }
  return { elementType, of }
}

function dimensionOf(bytes: Uint8Array): Dimension {
  let dimension: Dimension
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) dimension = asInt(field)
    else if (field.number === 2) dimension = asText(field)
  }
  return dimension
}

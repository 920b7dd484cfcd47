/** The parts of ONNX's ModelProto that Millrace reads and writes, as plain data. */
export interface OnnxModel {
  readonly irVersion: number
  readonly producerName: string
  readonly producerVersion: string
  readonly modelVersion: number
  readonly opsets: readonly { readonly domain: string; readonly version: number }[]
  readonly metadata: readonly { readonly key: string; readonly value: string }[]
  readonly graph: OnnxGraph | undefined
  readonly functions: readonly OnnxFunction[]
}

/** An operator that the file itself defines. */
export interface OnnxFunction {
  readonly name: string
  readonly domain: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: readonly string[]
  readonly opsets: OnnxModel['opsets']
  readonly nodes: readonly OnnxNode[]
}

export interface OnnxGraph {
  readonly name: string
  readonly nodes: readonly OnnxNode[]
  readonly initializers: readonly OnnxTensor[]
  readonly inputs: readonly OnnxValue[]
  readonly outputs: readonly OnnxValue[]
  /** Types of values within, where the file says them. */
  readonly values?: readonly OnnxValue[]
  /** Names and shapes of constants that are written as their non-zero entries; they are not read further. */
  readonly sparse?: readonly { readonly name: string; readonly dataType: number }[]
}

export interface OnnxNode {
  readonly op: string
  /** Empty for the default domain `ai.onnx`. */
  readonly domain: string
  readonly name: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: readonly OnnxAttribute[]
}

export interface OnnxAttribute {
  readonly name: string
  readonly type: number
  readonly float?: number
  readonly int?: number
  readonly string?: string
  readonly floats?: readonly number[]
  readonly ints?: readonly number[]
  readonly strings?: readonly string[]
  readonly tensor?: OnnxTensor
  readonly graph?: OnnxGraph
  readonly graphs?: readonly OnnxGraph[]
  /** Attribute of the function around it whose value it takes. */
  readonly refers?: string
  /** Types of the values that are there, of which there should be one at most, that of `type`. */
  readonly holds?: readonly number[]
}

export interface OnnxTensor {
  readonly name: string
  readonly dims: readonly number[]
  readonly dataType: number
  /** Numbers or strings, when they are in the file and of a type that Millrace reads. */
  readonly values: readonly (number | bigint)[] | readonly string[] | undefined
  /** Bytes of `raw_data`, 0 when absent. */
  readonly rawBytes: number
  readonly external: boolean
  /** Where the data lie, of an external one. */
  readonly location?: string
  /** Numbers of the fields that hold data. */
  readonly fields?: readonly number[]
  /** Values in the field that is not raw. */
  readonly listed?: number
}

/** A dimension: a number, a name for a free one, or undefined when nothing is said. */
export type Dimension = number | string | undefined

export interface OnnxType {
  /** `none`: nothing is declared. */
  readonly kind: 'tensor' | 'sequence' | 'map' | 'optional' | 'sparse' | 'none'
  /** Of a tensor; of a map, the type of its keys. 0 where there is none. */
  readonly elementType: number
  /** Undefined when no shape is declared. */
  readonly shape: readonly Dimension[] | undefined
  /** What a sequence, a map or an optional holds. */
  readonly of?: OnnxType
}

export interface OnnxValue extends OnnxType {
  readonly name: string
}

/** TensorProto.DataType. */
export const dataTypes = {
  float: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  double: 11,
  uint32: 12,
  uint64: 13,
} as const

/** Name of an element type as numpy and ONNX Runtime say it; `type 33` for what is none of the above. */
export function elementName(type: number): string {
  const known = Object.entries(dataTypes).find(([, value]) => value === type)?.[0]
  return known === undefined ? `type ${type}` : known === 'float' ? 'float32' : known === 'double' ? 'float64' : known
}

/** AttributeProto.AttributeType. */
export const attributeTypes = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
  tensors: 9,
  graphs: 10,
  sparse_tensor: 11,
  sparse_tensors: 12,
  type_proto: 13,
  type_protos: 14,
} as const

export const mlDomain = 'ai.onnx.ml'

/** The parts of ONNX's ModelProto that Millrace reads and writes, as plain data. */
export interface OnnxModel {
  readonly irVersion: number
  readonly producerName: string
  readonly producerVersion: string
  readonly modelVersion: number
  readonly opsets: readonly { readonly domain: string; readonly version: number }[]
  readonly metadata: readonly { readonly key: string; readonly value: string }[]
  readonly graph: OnnxGraph | undefined
  /** Number of model-local functions, which Millrace does not evaluate. */
  readonly functions: number
}

export interface OnnxGraph {
  readonly name: string
  readonly nodes: readonly OnnxNode[]
  readonly initializers: readonly OnnxTensor[]
  readonly inputs: readonly OnnxValue[]
  readonly outputs: readonly OnnxValue[]
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
}

/** A dimension: a number, a name for a free one, or undefined when nothing is said. */
export type Dimension = number | string | undefined

export interface OnnxValue {
  readonly name: string
  /** Tensor, or another kind of value (sequence, map), or undeclared. */
  readonly kind: 'tensor' | 'other' | 'none'
  readonly elementType: number
  /** Undefined when no shape is declared. */
  readonly shape: readonly Dimension[] | undefined
}

/** TensorProto.DataType. */
export const dataTypes = { float: 1, uint8: 2, int32: 6, int64: 7, string: 8, bool: 9, double: 11 } as const

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
} as const

export const mlDomain = 'ai.onnx.ml'

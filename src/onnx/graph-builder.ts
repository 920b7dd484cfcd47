import {
  attributeTypes,
  dataTypes,
  type Dimension,
  mlDomain,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
} from './proto.ts'

export type ElementType = 'float' | 'double' | 'int64' | 'int32' | 'bool' | 'string'

/** An attribute by its ONNX type; the key says which. */
export type AttributeValue =
  | { readonly float: number }
  | { readonly int: number }
  | { readonly string: string }
  | { readonly floats: readonly number[] }
  | { readonly ints: readonly number[] }
  | { readonly strings: readonly string[] }
  | { readonly tensor: OnnxTensor }

/** Builds a graph in order; every method that makes a value returns its name. */
export interface GraphBuilder {
  input(name: string, type: ElementType, shape: readonly Dimension[]): string
  /** Bool values are 0 and 1; an int64 beyond 2^53 is a bigint. */
  constant(
    name: string,
    type: Exclude<ElementType, 'string'>,
    dims: readonly number[],
    values: readonly (number | bigint)[],
  ): string
  /** Appends a node and gives its first output. Operators of `ai.onnx.ml` are named `ml.Scaler`. */
  node(
    op: string,
    inputs: readonly string[],
    output: string | readonly string[],
    attributes?: Readonly<Record<string, AttributeValue>>,
  ): string
  /** Without a shape, none is declared. */
  output(name: string, type: ElementType, shape: readonly Dimension[] | undefined): GraphBuilder
  /** An output that is no tensor. */
  otherOutput(value: OnnxValue): GraphBuilder
  build(): OnnxGraph
}

export function graph(name: string): GraphBuilder {
  const nodes: OnnxNode[] = []
  const initializers: OnnxTensor[] = []
  const inputs: OnnxValue[] = []
  const outputs: OnnxValue[] = []
  const builder: GraphBuilder = {
    input(value, type, shape) {
      inputs.push({ name: value, kind: 'tensor', elementType: dataTypes[type], shape })
      return value
    },
    constant(value, type, dims, values) {
      initializers.push({ name: value, dims, dataType: dataTypes[type], values, rawBytes: 0, external: false })
      return value
    },
    node(op, from, to, attributes = {}) {
      const ml = op.startsWith('ml.')
      const made = typeof to === 'string' ? [to] : to
      const first = made[0] ?? ''
      nodes.push({
        op: ml ? op.slice(3) : op,
        domain: ml ? mlDomain : '',
        name: first,
        inputs: from,
        outputs: made,
        attributes: Object.entries(attributes).map(([key, value]) => attributeOf(key, value)),
      })
      return first
    },
    output(value, type, shape) {
      outputs.push({ name: value, kind: 'tensor', elementType: dataTypes[type], shape })
      return builder
    },
    otherOutput(value) {
      outputs.push(value)
      return builder
    },
    build: () => ({ name, nodes, initializers, inputs, outputs }),
  }
  return builder
}

function attributeOf(name: string, value: AttributeValue): OnnxAttribute {
  const [kind] = Object.keys(value) as [
    keyof typeof attributeTypes & ('float' | 'int' | 'string' | 'floats' | 'ints' | 'strings'),
  ]
  return { name, type: attributeTypes[kind], ...value }
}

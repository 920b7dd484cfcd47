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

export type ElementType = 'float' | 'double' | 'int64' | 'bool' | 'string'

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
  /** Appends a node with one output. Operators of `ai.onnx.ml` are named `ml.Scaler`. */
  node(
    op: string,
    inputs: readonly string[],
    output: string,
    attributes?: Readonly<Record<string, AttributeValue>>,
  ): string
  output(name: string, type: ElementType, shape: readonly Dimension[]): GraphBuilder
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
      nodes.push({
        op: ml ? op.slice(3) : op,
        domain: ml ? mlDomain : '',
        name: to,
        inputs: from,
        outputs: [to],
        attributes: Object.entries(attributes).map(([key, value]) => attributeOf(key, value)),
      })
      return to
    },
    output(value, type, shape) {
      outputs.push({ name: value, kind: 'tensor', elementType: dataTypes[type], shape })
      return builder
    },
    build: () => ({ name, nodes, initializers, inputs, outputs }),
  }
  return builder
}

function attributeOf(name: string, value: AttributeValue): OnnxAttribute {
  const [kind] = Object.keys(value) as [Exclude<keyof typeof attributeTypes, 'graph'>]
  return { name, type: attributeTypes[kind], ...value }
}

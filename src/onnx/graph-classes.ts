import { listOf } from './tree-attributes.ts'
import { attributeTypes, type OnnxGraph, type OnnxNode, type OnnxTensor } from './proto.ts'

/** Names of classes as the graph has them: text, or numbers (which labels are often given as). */
export type GraphClasses = readonly (string | number)[]

/** What a graph says of its values, looked up once. */
export interface GraphMap {
  /** The node that makes a value. */
  maker(value: string): OnnxNode | undefined
  constant(value: string): OnnxTensor | undefined
}

export function mapOf(graph: OnnxGraph): GraphMap {
  const makers = new Map(graph.nodes.flatMap(node => node.outputs.map(output => [output, node] as const)))
  const constants = new Map(graph.initializers.map(tensor => [tensor.name, tensor]))
  return {
    maker: value => makers.get(value),
    constant(value) {
      const node = makers.get(value)
      if (node?.op !== 'Constant') return constants.get(value)
      return node.attributes.find(({ type }) => type === attributeTypes.tensor)?.tensor
    },
  }
}

const passThrough: readonly string[] = ['Cast', 'Reshape', 'Identity', 'Squeeze', 'Unsqueeze', 'Flatten', 'Transpose']
/** No real graph has a longer way from its classifier to its label. */
const greatestWay = 64

/** The classes that a label is one of, found on the way back to what decides it; undefined where the graph names none. */
export function classesOfLabel(map: GraphMap, label: string): GraphClasses | undefined {
  let value = label
  // LabelEncoders between, the last first
  const encoders: OnnxNode[] = []
  for (let step = 0; step < greatestWay; step++) {
    const node = map.maker(value)
    if (!node) return undefined
    const listed = classLabels(node)
    // The other outputs of a classifier are its scores
    if (listed) return node.outputs[0] === value ? encoders.reduceRight(encoded, listed) : undefined
    const [first = ''] = node.inputs
    if (node.op === 'ArrayFeatureExtractor' || node.op === 'Gather') {
      const list = map.constant(first)
      if (!list?.values || list.dims.filter(size => size !== 1).length > 1) return undefined
      return encoders.reduceRight(encoded, [...list.values].map(plain))
    }
    if (node.op === 'ArgMax') {
      const [encoder] = encoders.splice(-1)
      return encoder && encoders.reduceRight(encoded, valuesByPlace(encoder))
    }
    if (node.op === 'LabelEncoder') encoders.push(node)
    else if (!passThrough.includes(node.op)) return undefined
    value = first
  }
  return undefined
}

/** The list of a classifier or a ZipMap. */
export function classLabels(node: OnnxNode): GraphClasses | undefined {
  for (const [name, kind] of [
    ['classlabels_int64s', 'ints'],
    ['classlabels_ints', 'ints'],
    ['classlabels_strings', 'strings'],
  ] as const) {
    const list: readonly (string | number)[] = listOf(node, name, kind)
    if (list.length > 0) return list
  }
  return undefined
}

const plain = (value: number | bigint | string): string | number => (typeof value === 'bigint' ? Number(value) : value)

function tablesOf(node: OnnxNode): { readonly keys: GraphClasses; readonly values: GraphClasses } {
  const side = (prefix: 'keys' | 'values'): GraphClasses => {
    const strings = listOf(node, `${prefix}_strings`, 'strings')
    if (strings.length > 0) return strings
    const ints = listOf(node, `${prefix}_int64s`, 'ints')
    return ints.length > 0 ? ints : listOf(node, `${prefix}_floats`, 'floats')
  }
  // Its first version had one list for both ways
  const both = listOf(node, 'classes_strings', 'strings')
  return both.length > 0
    ? { keys: both.map((_, at) => at), values: both }
    : { keys: side('keys'), values: side('values') }
}

function encoded(classes: GraphClasses, encoder: OnnxNode): GraphClasses {
  const { keys, values } = tablesOf(encoder)
  const table = new Map(keys.map((key, at) => [key, values[at]]))
  return classes.map(one => table.get(one) ?? one)
}

function valuesByPlace(encoder: OnnxNode): GraphClasses {
  const { keys, values } = tablesOf(encoder)
  const table = new Map(keys.map((key, at) => [key, values[at]]))
  return keys.map((_, at) => table.get(at) ?? at)
}

/** Why a value holds margins rather than probabilities; undefined when nothing says so. */
export function marginReason(map: GraphMap, output: string): string | undefined {
  let value = output
  for (let step = 0; step < greatestWay; step++) {
    const node = map.maker(value)
    if (!node) return undefined
    const transform = node.attributes.find(({ name }) => name === 'post_transform')?.string ?? 'NONE'
    // One column of a two-class model is bent to a probability by nothing either
    if (node.op === 'LinearClassifier' && transform === 'NONE') return 'a LinearClassifier gives it without a link'
    if (node.op === 'SVMClassifier' && listOf(node, 'prob_a', 'floats').length === 0 && transform === 'NONE') {
      return 'an SVMClassifier gives it without probabilities'
    }
    if (node.op === 'LogSoftmax') return 'LogSoftmax makes logarithms of probabilities'
    if (!passThrough.includes(node.op)) return undefined
    value = node.inputs[0] ?? ''
  }
  return undefined
}

import type { OnnxGraph, OnnxValue } from './proto.ts'
import { readModel } from './read-model.ts'
import { listOf } from './tree-attributes.ts'

export interface ModelSummary {
  readonly bytes: number
  readonly irVersion: number
  readonly producer: string
  readonly opsets: Readonly<Record<string, number>>
  readonly inputs: readonly ValueSummary[]
  readonly outputs: readonly ValueSummary[]
  /** How often each operator occurs. */
  readonly operators: Readonly<Record<string, number>>
  readonly trees: number
  readonly treeNodes: number
  readonly metadata: Readonly<Record<string, string>>
}

export interface ValueSummary {
  readonly name: string
  readonly type: string
  /** `null` for a dimension of which nothing is said. */
  readonly shape: readonly (number | string | null)[]
}

const typeNames: Readonly<Record<number, string>> = {
  1: 'float32',
  2: 'uint8',
  3: 'int8',
  6: 'int32',
  7: 'int64',
  8: 'string',
  9: 'bool',
  10: 'float16',
  11: 'float64',
}

/** What is in an ONNX file. Throws `onnxMalformed`. */
export function inspectModel(bytes: Uint8Array, file = 'the model'): ModelSummary {
  const model = readModel(bytes, file)
  const nodes = model.graph?.nodes ?? []
  const operators: Record<string, number> = {}
  let trees = 0
  let treeNodes = 0
  for (const node of nodes) {
    operators[node.op] = (operators[node.op] ?? 0) + 1
    const ids = listOf(node, 'nodes_treeids', 'ints')
    treeNodes += ids.length
    trees += new Set(ids).size
  }
  return {
    bytes: bytes.length,
    irVersion: model.irVersion,
    producer: `${model.producerName} ${model.producerVersion}`.trim(),
    opsets: Object.fromEntries(model.opsets.map(({ domain, version }) => [domain || 'ai.onnx', version])),
    inputs: summaries(model.graph, 'inputs'),
    outputs: summaries(model.graph, 'outputs'),
    operators,
    trees,
    treeNodes,
    metadata: Object.fromEntries(model.metadata.map(({ key, value }) => [key, value])),
  }
}

function summaries(graph: OnnxGraph | undefined, which: 'inputs' | 'outputs'): ValueSummary[] {
  return (graph?.[which] ?? []).map((value: OnnxValue) => ({
    name: value.name,
    type: value.kind === 'tensor' ? (typeNames[value.elementType] ?? `type ${value.elementType}`) : 'not a tensor',
    shape: (value.shape ?? []).map(dimension => dimension ?? null),
  }))
}

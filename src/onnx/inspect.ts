import { elementName, type OnnxGraph, type OnnxType, type OnnxValue } from './proto.ts'
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
    type: typeName(value),
    shape: (value.shape ?? []).map(dimension => dimension ?? null),
  }))
}

/** `float32`, `sequence(map(int64, float32))`. */
function typeName({ kind, elementType, of }: OnnxType): string {
  if (kind === 'none') return 'undeclared'
  if (kind === 'tensor') return elementName(elementType)
  if (kind === 'sparse') return `sparse ${elementName(elementType)}`
  const inside = of ? typeName(of) : 'undeclared'
  return kind === 'map' ? `map(${elementName(elementType)}, ${inside})` : `${kind}(${inside})`
}

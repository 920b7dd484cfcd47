import { float32Scale, isIdentity } from '../math/scaler/index.ts'
import type { Findings } from './check.ts'
import type { OnnxGraph, OnnxModel, OnnxNode } from './proto.ts'
import { listOf } from './tree-attributes.ts'
import type { VerifyOptions } from './verify.ts'

/** Features a row of each two-dimensional value, as far as the operators at hand tell. */
export function widthsOf(graph: OnnxGraph): ReadonlyMap<string, number> {
  const widths = new Map<string, number>()
  for (const { name, shape } of graph.inputs) {
    const width = shape?.[1]
    if (shape?.length === 2 && typeof width === 'number') widths.set(name, width)
  }
  const constants = new Map(graph.initializers.map(tensor => [tensor.name, tensor]))
  for (const node of graph.nodes) {
    const [output] = node.outputs
    if (output === undefined) continue
    const ofInputs = node.inputs.map(input => widths.get(input))
    if (keepsWidth.has(node.op)) {
      if (ofInputs[0] !== undefined) widths.set(output, ofInputs[0])
    } else if (node.op === 'Gather') {
      const [index] = constants.get(node.inputs[1] ?? '')?.dims ?? []
      if (index !== undefined) widths.set(output, index)
    } else if (node.op === 'Concat' && ofInputs.every(width => width !== undefined)) {
      widths.set(
        output,
        ofInputs.reduce<number>((sum, width) => sum + (width ?? 0), 0),
      )
    }
  }
  return widths
}

const keepsWidth = new Set([
  'Scaler',
  'Imputer',
  'LabelEncoder',
  'Normalizer',
  'Cast',
  'Identity',
  'Sigmoid',
  'Softmax',
])

function nodesOf(graph: OnnxGraph, op: string): OnnxNode[] {
  return graph.nodes.filter(node => node.op === op)
}

const listed = [
  ['Imputer', 'imputed_value_floats'],
  ['LinearRegressor', 'coefficients'],
] as const

/** Lengths of the lists that other parts keep by feature. */
export function featureWidths(_: OnnxModel, graph: OnnxGraph): Findings | undefined {
  const widths = widthsOf(graph)
  const problems: string[] = []
  let evaluated = 0
  for (const [op, attribute] of listed) {
    for (const node of nodesOf(graph, op)) {
      evaluated++
      const targets = node.attributes.find(({ name }) => name === 'targets')?.int ?? 1
      const length = listOf(node, attribute, 'floats').length / (op === 'LinearRegressor' ? targets : 1)
      const width = widths.get(node.inputs[0] ?? '')
      if (width !== undefined && length !== width && !(op === 'Imputer' && length === 1)) {
        problems.push(`${op} "${node.name}" is made for ${length} features and gets ${width}`)
      }
    }
  }
  return evaluated > 0 ? { evaluated, problems } : undefined
}

function scalersOf(graph: OnnxGraph): { node: OnnxNode; offset: readonly number[]; factor: readonly number[] }[] {
  return nodesOf(graph, 'Scaler').map(node => ({
    node,
    offset: listOf(node, 'offset', 'floats'),
    factor: listOf(node, 'scale', 'floats'),
  }))
}

export function scalerLengths(_: OnnxModel, graph: OnnxGraph): Findings | undefined {
  const widths = widthsOf(graph)
  const scalers = scalersOf(graph)
  const problems = scalers.flatMap(({ node, offset, factor }) => {
    const width = widths.get(node.inputs[0] ?? '')
    const bad = [offset.length, factor.length].filter(length => length !== (width ?? offset.length) && length !== 1)
    return bad.map(length => `scaler "${node.name}" has ${length} figures for ${width ?? offset.length} features`)
  })
  return scalers.length > 0 ? { evaluated: scalers.length, problems } : undefined
}

function figures(
  graph: OnnxGraph,
  problem: (offset: number, factor: number, at: number) => string | undefined,
): Findings | undefined {
  const scalers = scalersOf(graph)
  if (scalers.length === 0) return undefined
  const problems: string[] = []
  let evaluated = 0
  for (const { offset, factor } of scalers) {
    const width = Math.max(offset.length, factor.length)
    for (let at = 0; at < width; at++) {
      evaluated++
      // A single figure stands for every feature.
      const found = problem(offset[offset.length === 1 ? 0 : at] ?? 0, factor[factor.length === 1 ? 0 : at] ?? 1, at)
      if (found !== undefined) problems.push(found)
    }
  }
  return { evaluated, problems }
}

export function scalerFinite(_: OnnxModel, graph: OnnxGraph): Findings | undefined {
  return figures(graph, (offset, factor, at) =>
    Number.isFinite(offset) && Number.isFinite(factor)
      ? undefined
      : `feature ${at} has offset ${offset} and factor ${factor}`,
  )
}

export function scalerNotZero(_: OnnxModel, graph: OnnxGraph): Findings | undefined {
  return figures(graph, (_offset, factor, at) => (factor === 0 ? `the factor of feature ${at} is 0` : undefined))
}

export function scalerMatches(_: OnnxModel, graph: OnnxGraph, { scaler }: VerifyOptions): Findings | undefined {
  if (!scaler) return undefined
  const expected = float32Scale(scaler)
  if (scalersOf(graph).length === 0) {
    const problems = isIdentity(scaler) ? [] : [`the graph has no scaler, training used ${scaler.kind}`]
    return { evaluated: 1, problems }
  }
  return figures(graph, (offset, factor, at) => {
    const minus = expected.offset[at]
    const times = expected.factor[at]
    return offset === minus && factor === times
      ? undefined
      : `feature ${at} has offset ${offset} and factor ${factor}, training used ${minus} and ${times}`
  })
}

export function scalerWithin(_: OnnxModel, graph: OnnxGraph, { profile }: VerifyOptions): Findings | undefined {
  if (!profile) return undefined
  return figures(graph, (offset, factor, at) => {
    const range = profile[at]
    if (!range || (offset === 0 && factor === 1)) return undefined
    const slack = 1e-6 * Math.max(Math.abs(range.min), Math.abs(range.max))
    return offset >= range.min - slack && offset <= range.max + slack
      ? undefined
      : `the offset ${offset} of feature ${at} lies outside ${range.min} to ${range.max}`
  })
}

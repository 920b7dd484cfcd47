import type { Findings } from './check.ts'
import {
  attributeTypes,
  mlDomain,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxType,
} from './proto.ts'
import { bitsOfType, fieldOfType } from './read-tensor.ts'
import { elementText, graphsOf } from './type-text.ts'
import { nodeName } from './verify-nodes.ts'

/** Newest versions of the format; what a runtime takes is another matter. */
const newest = { ir: 14, opset: 28, mlOpset: 5 } as const

export function irVersion({ irVersion: version }: OnnxModel): Findings {
  const problem =
    version === 0
      ? 'the IR version is missing (ir-version-missing)'
      : version < 1 || version > newest.ir
        ? `IR version ${version} is not supported (ir-version-unsupported)`
        : undefined
  return { evaluated: 1, problems: problem ? [problem] : [], observed: { irVersion: version } }
}

export function opsets({ irVersion: ir, opsets: imports, functions }: OnnxModel, graph: OnnxGraph): Findings {
  const problems: string[] = []
  const versions = new Set(imports.map(one => one.domain))
  const used = new Set(allNodes(graph).map(node => node.domain))
  for (const { domain, version } of imports) {
    const limit = domain === '' ? newest.opset : domain === mlDomain ? newest.mlOpset : undefined
    if (used.has(domain) && (version < 1 || (limit !== undefined && version > limit))) {
      problems.push(`${domain || 'ai.onnx'} ${version} is not supported, ${limit ?? 'any'} is the newest`)
    }
  }
  if (ir >= 3 && imports.length === 0) problems.push('no operator set is imported (opset-import-missing)')
  if (ir < 3 && imports.length > 0)
    problems.push(`IR version ${ir} knows no operator sets, ${imports.length} are imported`)
  const made = new Set(functions.map(one => one.domain))
  for (const domain of used) {
    if (!versions.has(domain) && ir >= 3) {
      problems.push(`${domain || 'ai.onnx'} is used but not imported (opset-import-missing)`)
    } else if (domain !== '' && domain !== mlDomain && !made.has(domain)) {
      problems.push(`operators of ${domain} are not registered (operator-not-registered)`)
    }
  }
  return { evaluated: imports.length, problems }
}

export function metadataKeys({ metadata }: OnnxModel): Findings {
  const seen = new Set<string>()
  const problems: string[] = []
  for (const { key } of metadata) {
    if (seen.has(key)) problems.push(`metadata key "${key}" occurs twice`)
    seen.add(key)
  }
  return { evaluated: metadata.length, problems }
}

/** The graph's nodes with those of the graphs in their attributes. Reading has bounded the depth. */
export function allNodes(graph: OnnxGraph): OnnxNode[] {
  return graph.nodes.flatMap(node => [node, ...graphsOf(node).flatMap(allNodes)])
}

export function names({ functions }: OnnxModel, graph: OnnxGraph): Findings {
  const problems: string[] = []
  if (graph.name === '') problems.push('the graph has no name')
  for (const value of [...graph.inputs, ...graph.outputs]) if (value.name === '') problems.push('a value has no name')
  for (const tensor of graph.initializers) if (tensor.name === '') problems.push('a constant has no name')
  const nodes = [...allNodes(graph), ...functions.flatMap(one => one.nodes)]
  const called = new Set<string>()
  nodes.forEach((node, at) => {
    const who = nodeName(node, at)
    if (node.name !== '' && called.has(node.name)) problems.push(`two nodes are called "${node.name}"`)
    called.add(node.name)
    if (node.op === '') problems.push(`node ${at} has no operator`)
    if (node.outputs.length === 0 && node.inputs.length === 0) problems.push(`${who} has neither inputs nor outputs`)
    const seen = new Set<string>()
    for (const attribute of node.attributes) {
      if (attribute.name === '') problems.push(`${who} has an attribute without a name`)
      if (seen.has(attribute.name)) problems.push(`${who} has the attribute "${attribute.name}" twice`)
      seen.add(attribute.name)
      const problem = valueProblem(attribute)
      if (problem) problems.push(`attribute "${attribute.name}" of ${who} ${problem}`)
    }
  })
  return { evaluated: nodes.length, problems }
}

/** Types of which an attribute cannot hold none. */
const singleMessages = new Set<number>([
  attributeTypes.tensor,
  attributeTypes.graph,
  attributeTypes.sparse_tensor,
  attributeTypes.type_proto,
])

/** An attribute says its type and holds one value, of that type; an empty list is none. */
function valueProblem({ type, holds = [], refers }: OnnxAttribute): string | undefined {
  if (type < 1 || type > 14) return 'has no type'
  const [held] = holds
  if (held === undefined) return singleMessages.has(type) && !refers ? 'holds nothing' : undefined
  if (refers !== undefined && refers !== '') return 'has a value and refers to another'
  if (holds.length > 1) return 'holds values of several types'
  return held === type ? undefined : `holds type ${held} where it says ${type}`
}

export function allTensors(graph: OnnxGraph): OnnxTensor[] {
  const inside = allNodes(graph).flatMap(node => [
    ...node.attributes.flatMap(({ type, tensor }) => (type === attributeTypes.tensor && tensor ? [tensor] : [])),
    ...graphsOf(node).flatMap(inner => inner.initializers),
  ])
  return [...graph.initializers, ...inside]
}

/** A model may name files beside it, never elsewhere. */
export function externalData(_: OnnxModel, graph: OnnxGraph): Findings {
  const all = allTensors(graph)
  const problems = all.flatMap(({ external, name, location = '' }) => {
    if (!external) return []
    if (location === '') return [`"${name}" lies in a file that is not named`]
    const parts = location.split(/[/\\]/)
    const outside = parts.includes('..') || /^([/\\]|[A-Za-z]:)/.test(location) || location.includes('\0')
    return outside ? [`"${name}" lies outside the folder of the model: ${location.slice(0, 200)}`] : []
  })
  return { evaluated: all.length, problems }
}

export function tensors(_: OnnxModel, graph: OnnxGraph): Findings {
  const all = allTensors(graph)
  const problems = all.flatMap(tensor => {
    const problem = tensorProblem(tensor)
    return problem === undefined ? [] : [`"${tensor.name}" ${problem}`]
  })
  return { evaluated: all.length, problems }
}

const rawField = 9

function tensorProblem(tensor: OnnxTensor): string | undefined {
  const { dims, dataType, external, fields = [], rawBytes, listed = 0 } = tensor
  if (dataType === 0) return 'has no element type'
  const bits = bitsOfType(dataType)
  if (bits === undefined && dataType !== 8) return `has the unknown element type ${dataType}`
  if (dims.some(dim => dim < 0)) return 'has a negative dimension'
  if (external) return fields.length > 0 ? 'has data in the file and elsewhere' : undefined
  const size = dims.reduce((product, dim) => product * dim, 1)
  if (!Number.isSafeInteger(size)) return `is said to have ${size} values`
  if (fields.length > 1) return 'has data in several fields'
  const [field] = fields
  if (field === undefined) return size === 0 ? undefined : `holds no values where its shape says ${size}`
  if (size === 0) return rawBytes > 0 || listed > 0 ? `holds values where its shape says none` : undefined
  if (field === rawField) {
    if (bits === undefined) return 'has texts as raw data'
    const bytes = Math.ceil((size * bits) / 8)
    return rawBytes === bytes ? undefined : `holds ${rawBytes} bytes where its shape says ${bytes}`
  }
  if (field !== fieldOfType(dataType)) return 'has data in the field of another type'
  // Complex numbers take two each, small types share bytes
  const held = dataType === 14 || dataType === 15 ? listed / 2 : listed
  const wanted = bits !== undefined && bits < 8 ? Math.ceil((size * bits) / 8) : size
  return held === wanted ? undefined : `holds ${held} values where its shape says ${wanted}`
}

/** Static single assignment in topological order; graphs in attributes see the values around them. */
export function topology({ irVersion: ir, functions }: OnnxModel, graph: OnnxGraph): Findings {
  const problems: string[] = []
  walk(graph, new Set(), problems, ir)
  for (const one of functions) {
    const inside = { name: one.name, nodes: one.nodes, initializers: [] }
    const values = (list: readonly string[]) =>
      list.map(name => ({ name, kind: 'none' as const, elementType: 0, shape: undefined }))
    walk({ ...inside, inputs: values(one.inputs), outputs: values(one.outputs) }, new Set(), problems, ir)
  }
  return { evaluated: graph.nodes.length, problems }
}

function walk(graph: OnnxGraph, outer: ReadonlySet<string>, problems: string[], ir: number): void {
  const known = new Set(outer)
  const own = new Set<string>()
  const define = (name: string, what: string): void => {
    if (name === '') return
    if (own.has(name) || outer.has(name)) problems.push(`"${name}" is defined twice, the second time by ${what}`)
    own.add(name)
    known.add(name)
  }
  for (const input of graph.inputs) define(input.name, 'an input')
  const inputs = new Set(graph.inputs.map(input => input.name))
  const constants = new Set<string>()
  for (const { name } of [...graph.initializers, ...(graph.sparse ?? [])]) {
    if (constants.has(name)) problems.push(`"${name}" is defined twice, the second time by a constant`)
    constants.add(name)
    // Before IR 4 every constant was also listed as an input.
    if (!inputs.has(name)) {
      if (ir < 4 && outer.size === 0) problems.push(`"${name}" is a constant that IR ${ir} wants among the inputs`)
      define(name, 'a constant')
    }
  }
  graph.nodes.forEach((node, at) => {
    const who = nodeName(node, at)
    for (const input of node.inputs) {
      if (input !== '' && !known.has(input)) problems.push(`${who} uses "${input}" before anything defines it`)
    }
    for (const inner of graphsOf(node)) walk(inner, known, problems, ir)
    for (const output of node.outputs) define(output, who)
  })
  for (const output of graph.outputs) {
    if (!known.has(output.name)) problems.push(`nothing defines the output "${output.name}"`)
  }
}

/** Inputs and outputs say what they are; whatever is said, of values within too, is a type that there is. */
export function declared(_: OnnxModel, graph: OnnxGraph): Findings {
  const constants = new Set(graph.initializers.map(tensor => tensor.name))
  const values = [...graph.inputs.filter(input => !constants.has(input.name)), ...graph.outputs]
  const problems = values.filter(value => value.kind === 'none').map(({ name }) => `"${name}" has no type`)
  const all = [...graph.inputs, ...graph.outputs, ...(graph.values ?? [])]
  for (const value of all) {
    const problem = typeProblem(value)
    if (problem) problems.push(`"${value.name}" ${problem}`)
  }
  return { evaluated: all.length, problems }
}

function typeProblem({ kind, elementType, of }: OnnxType): string | undefined {
  if (kind === 'none') return undefined
  if (kind === 'sequence' || kind === 'optional') {
    return of && of.kind !== 'none' ? typeProblem(of) : `does not say what its ${kind} holds`
  }
  if (elementText(elementType) === undefined) {
    return elementType === 0 ? 'has no type' : `has the unknown element type ${elementType}`
  }
  if (kind !== 'map') return undefined
  return of && of.kind !== 'none' ? typeProblem(of) : 'does not say what its map holds'
}

export function unusedInputs(_: OnnxModel, graph: OnnxGraph): Findings {
  const used = new Set([...allNodes(graph).flatMap(node => node.inputs), ...graph.outputs.map(output => output.name)])
  for (const node of graph.nodes)
    for (const inner of graphsOf(node)) for (const { name } of inner.outputs) used.add(name)
  const problems = graph.inputs
    // A model of texts alone declares features of width 0, so that callers need not care.
    .filter(input => !used.has(input.name) && input.shape?.[1] !== 0)
    .map(input => `nothing uses the input "${input.name}"`)
  return { evaluated: graph.inputs.length, problems }
}

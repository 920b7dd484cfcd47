import type { Findings } from './check.ts'
import { attributeTypes, mlDomain, type OnnxGraph, type OnnxModel, type OnnxNode, type OnnxTensor } from './proto.ts'

/** Newest versions that ONNX Runtime 1.30 loads. */
const newest = { ir: 13, opset: 26, mlOpset: 5 } as const

export function irVersion({ irVersion: version }: OnnxModel): Findings {
  const problem =
    version === 0
      ? 'the IR version is missing (ir-version-missing)'
      : version < 3 || version > newest.ir
        ? `IR version ${version} is not supported (ir-version-unsupported)`
        : undefined
  return { evaluated: 1, problems: problem ? [problem] : [], observed: { irVersion: version } }
}

export function opsets({ opsets: imports, functions }: OnnxModel, graph: OnnxGraph): Findings {
  const problems: string[] = []
  const versions = new Map<string, number>()
  for (const { domain, version } of imports) {
    const name = domain || 'ai.onnx'
    if (versions.has(domain)) problems.push(`${name} is imported twice`)
    versions.set(domain, version)
    const limit = domain === '' ? newest.opset : domain === mlDomain ? newest.mlOpset : undefined
    if (version < 1 || (limit !== undefined && version > limit)) {
      problems.push(`${name} ${version} is not supported, ${limit ?? 'any'} is the newest`)
    }
  }
  const used = new Set(allNodes(graph).map(node => node.domain))
  for (const domain of used) {
    if (!versions.has(domain)) problems.push(`${domain || 'ai.onnx'} is used but not imported (opset-import-missing)`)
    else if (domain !== '' && domain !== mlDomain && functions === 0) {
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
function allNodes(graph: OnnxGraph): OnnxNode[] {
  return graph.nodes.flatMap(node => [
    node,
    ...node.attributes.flatMap(attribute => (attribute.graph ? allNodes(attribute.graph) : [])),
  ])
}

export function names(_: OnnxModel, graph: OnnxGraph): Findings {
  const problems: string[] = []
  if (graph.name === '') problems.push('the graph has no name')
  for (const value of [...graph.inputs, ...graph.outputs]) if (value.name === '') problems.push('a value has no name')
  const nodes = allNodes(graph)
  nodes.forEach((node, at) => {
    const who = node.name || `node ${at}`
    if (node.op === '') problems.push(`${who} has no operator`)
    if (node.outputs.length === 0 && node.inputs.length === 0) problems.push(`${who} has neither inputs nor outputs`)
    const seen = new Set<string>()
    for (const attribute of node.attributes) {
      if (seen.has(attribute.name)) problems.push(`${who} has the attribute "${attribute.name}" twice`)
      seen.add(attribute.name)
      if (attribute.type < 1 || attribute.type > 14)
        problems.push(`attribute "${attribute.name}" of ${who} has no type`)
    }
  })
  return { evaluated: nodes.length, problems }
}

function allTensors(graph: OnnxGraph): OnnxTensor[] {
  const attributes = allNodes(graph).flatMap(node => node.attributes)
  const inside = attributes.flatMap(attribute => [
    ...(attribute.type === attributeTypes.tensor && attribute.tensor ? [attribute.tensor] : []),
    ...(attribute.graph?.initializers ?? []),
  ])
  return [...graph.initializers, ...inside]
}

export function externalData(_: OnnxModel, graph: OnnxGraph): Findings {
  const all = allTensors(graph)
  const problems = all.filter(tensor => tensor.external).map(tensor => `"${tensor.name}" lies in another file`)
  return { evaluated: all.length, problems }
}

export function tensors(_: OnnxModel, graph: OnnxGraph): Findings {
  const problems: string[] = []
  const all = allTensors(graph)
  for (const tensor of all) {
    if (tensor.external) continue
    if (tensor.dims.some(dim => dim < 0)) problems.push(`"${tensor.name}" has a negative dimension`)
    const size = tensor.dims.reduce((product, dim) => product * dim, 1)
    if (tensor.dataType === 0) problems.push(`"${tensor.name}" has no element type`)
    // Small types (bool, float16, …) are packed in ways of their own and stay unread.
    else if (tensor.values && isPlain(tensor) && tensor.values.length !== size) {
      problems.push(`"${tensor.name}" holds ${tensor.values.length} values where its shape says ${size}`)
    }
  }
  return { evaluated: all.length, problems }
}

function isPlain({ dataType }: OnnxTensor): boolean {
  return dataType === 1 || dataType === 6 || dataType === 7 || dataType === 8 || dataType === 11
}

/** Static single assignment in topological order; graphs in attributes see the values around them. */
export function topology(_: OnnxModel, graph: OnnxGraph): Findings {
  const problems: string[] = []
  walk(graph, new Set(), problems)
  return { evaluated: graph.nodes.length, problems }
}

function walk(graph: OnnxGraph, outer: ReadonlySet<string>, problems: string[]): void {
  const known = new Set(outer)
  const own = new Set<string>()
  const define = (name: string, what: string): void => {
    if (name === '') return
    if (own.has(name) || outer.has(name)) problems.push(`"${name}" is defined twice, the second time by ${what}`)
    own.add(name)
    known.add(name)
  }
  for (const input of graph.inputs) define(input.name, 'an input')
  for (const tensor of graph.initializers) {
    // Before IR 4 every constant was also listed as an input.
    if (!graph.inputs.some(input => input.name === tensor.name)) define(tensor.name, 'a constant')
  }
  graph.nodes.forEach((node, at) => {
    const who = `${node.op} "${node.name || at}"`
    for (const input of node.inputs) {
      if (input !== '' && !known.has(input)) problems.push(`${who} uses "${input}" before anything defines it`)
    }
    for (const { graph: inner } of node.attributes) if (inner) walk(inner, known, problems)
    for (const output of node.outputs) define(output, who)
  })
  for (const output of graph.outputs) {
    if (!known.has(output.name)) problems.push(`nothing defines the output "${output.name}"`)
  }
}

export function shapes(_: OnnxModel, graph: OnnxGraph): Findings {
  const problems: string[] = []
  const constants = new Set(graph.initializers.map(tensor => tensor.name))
  const inputs = graph.inputs.filter(input => !constants.has(input.name))
  if (inputs.length === 0) problems.push('there is no input')
  if (graph.outputs.length === 0) problems.push('there is no output')
  for (const value of [...inputs, ...graph.outputs]) {
    if (value.kind === 'none' || (value.kind === 'tensor' && value.elementType === 0)) {
      problems.push(`"${value.name}" has no type`)
    } else if (value.kind === 'tensor' && value.shape === undefined) problems.push(`"${value.name}" has no shape`)
    else if (value.kind === 'tensor' && typeof value.shape?.[0] === 'number') {
      problems.push(`"${value.name}" takes exactly ${value.shape[0]} rows`)
    }
    if (value.shape?.some(dimension => typeof dimension === 'number' && dimension < 0)) {
      problems.push(`"${value.name}" has a negative dimension`)
    }
  }
  return { evaluated: inputs.length + graph.outputs.length, problems }
}

export function tensorOutputs(_: OnnxModel, graph: OnnxGraph): Findings {
  const problems = graph.outputs
    .filter(output => output.kind !== 'tensor' && output.kind !== 'none')
    .map(output => `"${output.name}" is not a tensor; a ZipMap at the end must be removed`)
  return { evaluated: graph.outputs.length, problems }
}

export function unusedInputs(_: OnnxModel, graph: OnnxGraph): Findings {
  const used = new Set([...allNodes(graph).flatMap(node => node.inputs), ...graph.outputs.map(output => output.name)])
  const problems = graph.inputs
    // A model of texts alone declares features of width 0, so that callers need not care.
    .filter(input => !used.has(input.name) && input.shape?.[1] !== 0)
    .map(input => `nothing uses the input "${input.name}"`)
  return { evaluated: graph.inputs.length, problems }
}

import type { Findings } from './check.ts'
import { mlDomain, type OnnxGraph, type OnnxModel, type OnnxNode, type OnnxTensor, type OnnxValue } from './proto.ts'
import { type Shape, shapeRules } from './shape-rules.ts'
import { attributeOf, graphsOf } from './type-text.ts'
import { nodeName } from './verify-nodes.ts'

interface Scope {
  readonly shapes: Map<string, Shape | undefined>
  readonly constants: Map<string, OnnxTensor>
}

/** Follows shapes through the graph: axes that are not there, sizes that do not fit, and what is declared otherwise. */
export function verifyShapes({ opsets }: OnnxModel, graph: OnnxGraph): Findings {
  const problems: string[] = []
  const versions = new Map(opsets.map(({ domain, version }) => [domain, version]))
  visit(graph, { shapes: new Map(), constants: new Map() }, versions, problems)
  return { evaluated: graph.nodes.length, problems }
}

const shapeOf = ({ kind, shape }: OnnxValue): Shape | undefined =>
  kind === 'tensor' ? shape?.map(size => (typeof size === 'number' && size >= 0 ? size : undefined)) : undefined

function visit(
  graph: OnnxGraph,
  outer: Scope,
  versions: ReadonlyMap<string, number>,
  problems: string[],
  given: readonly (Shape | undefined)[] = [],
): void {
  const shapes = new Map(outer.shapes)
  const constants = new Map(outer.constants)
  const declared = new Map<string, Shape>()
  for (const value of [...(graph.values ?? []), ...graph.outputs]) {
    const shape = shapeOf(value)
    if (shape) declared.set(value.name, shape)
  }
  graph.inputs.forEach((input, at) => {
    const said = shapeOf(input)
    const shape = given[at]
    if (shape && said) compare(input.name, 'what it is given by', shape, said, problems)
    shapes.set(input.name, shape?.map((size, i) => size ?? said?.[i]) ?? said)
    constants.delete(input.name)
  })
  for (const tensor of graph.initializers) {
    // One that is also an input may be given otherwise
    if (!graph.inputs.some(input => input.name === tensor.name)) constants.set(tensor.name, tensor)
    shapes.set(tensor.name, tensor.dims)
  }
  graph.nodes.forEach((node, at) => {
    const who = nodeName(node, at)
    for (const inner of graphsOf(node)) {
      const given = node.op === 'Scan' ? scanned(node, inner, who, shapes, problems) : undefined
      visit(inner, { shapes, constants }, versions, problems, given)
    }
    const rule = shapeRules[node.domain === mlDomain ? `ml.${node.op}` : node.op]
    const known = rule?.({
      node,
      opset: versions.get('') ?? 1,
      mlOpset: versions.get(mlDomain) ?? 1,
      inputs: node.inputs.map(input => shapes.get(input)),
      constant: place => constants.get(node.inputs[place] ?? ''),
      refuse: problem => problems.push(`${who} ${problem}`),
    })
    node.outputs.forEach((output, place) => {
      const shape = known?.[place]
      const said = declared.get(output)
      if (shape && said) compare(output, who, shape, said, problems)
      shapes.set(output, shape ? shape.map((size, i) => size ?? said?.[i]) : said)
    })
    const [output] = node.outputs
    const tensor = node.op === 'Constant' ? attributeOf(node, 'value')?.tensor : undefined
    if (output !== undefined && tensor) constants.set(output, tensor)
  })
}

/** What the body of a Scan is given: its state as it is, of the rest one slice. */
function scanned(
  node: OnnxNode,
  body: OnnxGraph,
  who: string,
  shapes: ReadonlyMap<string, Shape | undefined>,
  problems: string[],
): (Shape | undefined)[] {
  const slices = attributeOf(node, 'num_scan_inputs')?.int ?? 0
  if (slices > node.inputs.length) problems.push(`${who} takes ${slices} of its ${node.inputs.length} inputs in slices`)
  // In its first version the state had a dimension more
  if (body.inputs.length !== node.inputs.length) return []
  const axes = attributeOf(node, 'scan_input_axes')?.ints ?? []
  return node.inputs.map((input, at) => {
    const shape = shapes.get(input)
    const slice = at - (node.inputs.length - slices)
    if (slice < 0 || !shape) return shape
    const axis = axes[slice] ?? 0
    return shape.filter((_, place) => place !== (axis < 0 ? axis + shape.length : axis))
  })
}

function compare(output: string, who: string, shape: Shape, said: Shape, problems: string[]): void {
  if (shape.length !== said.length) {
    problems.push(`"${output}" is declared with ${said.length} dimensions, ${who} gives ${shape.length}`)
    return
  }
  shape.forEach((size, at) => {
    const other = said[at]
    if (size !== undefined && other !== undefined && size !== other) {
      problems.push(`"${output}" is declared ${other} wide in dimension ${at}, ${who} gives ${size}`)
    }
  })
}

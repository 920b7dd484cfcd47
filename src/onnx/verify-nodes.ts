import type { Findings } from './check.ts'
import { type Formal, formalAt, type OperatorSchema, operatorSchema } from './operators.ts'
import { outputRules, wantedInput } from './output-types.ts'
import { attributeTypes, mlDomain, type OnnxAttribute, type OnnxGraph, type OnnxModel, type OnnxNode } from './proto.ts'
import { graphsOf, tensorText, typeText } from './type-text.ts'

/** What is known of a graph's nodes: which rule each breaks. */
export interface NodeFindings {
  readonly operators: Findings
  readonly attributes: Findings
  readonly types: Findings
}

/** Names by which a node is called in a finding. */
export const nodeName = (node: OnnxNode, at: number): string => `${node.op} "${node.name || at}"`

interface Walk {
  readonly opsets: ReadonlyMap<string, number>
  readonly functions: ReadonlySet<string>
  readonly operators: string[]
  readonly attributes: string[]
  readonly types: string[]
  evaluated: number
}

/** Holds every node, those of inner graphs and functions too, to the schema of its operator in the version that is imported. */
export function verifyNodes({ opsets, functions }: OnnxModel, graph: OnnxGraph): NodeFindings {
  const walk: Walk = {
    opsets: new Map(opsets.map(({ domain, version }) => [domain, version])),
    functions: new Set(functions.map(one => `${one.domain} ${one.name}`)),
    operators: [],
    attributes: [],
    types: [],
    evaluated: 0,
  }
  visitGraph(walk, graph, new Map())
  for (const one of functions) {
    const inside = { ...walk, opsets: new Map(one.opsets.map(({ domain, version }) => [domain, version])) }
    visitNodes(inside, one.nodes, new Map(one.inputs.map(name => [name, undefined])), new Map())
  }
  const { evaluated } = walk
  const found = (problems: readonly string[]): Findings => ({ evaluated, problems })
  return { operators: found(walk.operators), attributes: found(walk.attributes), types: found(walk.types) }
}

type Types = Map<string, string | undefined>

/** Types of the outputs, in their order. */
function visitGraph(walk: Walk, graph: OnnxGraph, outer: Types): (string | undefined)[] {
  const types: Types = new Map(outer)
  const said: Types = new Map()
  for (const value of [...(graph.values ?? []), ...graph.outputs]) {
    const type = typeText(value)
    if (type !== undefined) said.set(value.name, type)
  }
  for (const input of graph.inputs) types.set(input.name, typeText(input))
  for (const tensor of graph.initializers) {
    const type = tensorText(tensor.dataType)
    const declared = types.get(tensor.name)
    if (
      declared !== undefined &&
      type !== undefined &&
      graph.inputs.some(one => one.name === tensor.name) &&
      declared !== type
    )
      walk.types.push(`the input "${tensor.name}" is ${declared}, its default ${type}`)
    types.set(tensor.name, type)
  }
  for (const tensor of graph.sparse ?? []) types.set(tensor.name, tensorText(tensor.dataType))
  visitNodes(walk, graph.nodes, types, said)
  return graph.outputs.map(output => types.get(output.name) ?? said.get(output.name))
}

function visitNodes(walk: Walk, nodes: readonly OnnxNode[], types: Types, said: Types): void {
  nodes.forEach((node, at) => {
    walk.evaluated++
    const who = nodeName(node, at)
    const inner = new Map<string, (string | undefined)[]>()
    for (const attribute of node.attributes) {
      if (attribute.graph) inner.set(attribute.name, visitGraph(walk, attribute.graph, types))
    }
    for (const graph of graphsOf(node))
      if (!node.attributes.some(one => one.graph === graph)) visitGraph(walk, graph, types)
    const opset = walk.opsets.get(node.domain)
    const made = walk.functions.has(`${node.domain} ${node.op}`)
    const schema = opset === undefined || made ? undefined : operatorSchema(node.domain, node.op, opset)
    if (!schema) {
      if (!made && opset !== undefined && (node.domain === '' || node.domain === mlDomain)) {
        walk.operators.push(
          `${node.domain || 'ai.onnx'} ${opset} has no operator "${node.op}" (operator-not-registered)`,
        )
      }
      for (const output of node.outputs) types.set(output, said.get(output))
      return
    }
    if (schema.deprecated) walk.operators.push(`${node.op} is deprecated in ${node.domain || 'ai.onnx'} ${opset}`)
    checkCounts(walk, who, node, schema)
    checkAttributes(walk, who, node, schema)
    if (node.op === 'Constant' && node.attributes.length !== 1) {
      walk.attributes.push(`${who} has ${node.attributes.length} values`)
    }
    const given = node.inputs.map(input => types.get(input))
    const variables = bind(walk, who, node, schema, given)
    const op = node.domain === mlDomain ? `ml.${node.op}` : node.op
    const wanted = wantedInput(op, node)
    if (wanted !== undefined && given[0] !== undefined && given[0] !== wanted) {
      walk.types.push(`${who} is made for ${wanted} and gets ${given[0]}`)
    }
    const rule = outputRules[op]
    const ruled = rule?.({ node, inputs: given, inner })
    node.outputs.forEach((output, place) => {
      if (output === '') return
      const formal = formalAt(schema.outputs, place)
      const type = ruled?.[place] ?? (formal && outputType(schema, formal, variables))
      const declared = said.get(output)
      if (type !== undefined && declared !== undefined && type !== declared) {
        walk.types.push(`"${output}" is declared ${declared}, ${who} gives ${type}`)
      }
      if (type !== undefined && formal && !allowed(schema, formal, type)) {
        walk.types.push(`${who} cannot give ${type}`)
      }
      types.set(output, type ?? declared)
    })
  })
}

/** Optional ones behind the last that must be there may be left out, or be named ''. */
function checkCounts(walk: Walk, who: string, node: OnnxNode, schema: OperatorSchema): void {
  for (const [what, given, formals, least, most] of [
    ['inputs', node.inputs, schema.inputs, schema.leastInputs, schema.maxInputs],
    ['outputs', node.outputs, schema.outputs, schema.leastOutputs, schema.maxOutputs],
  ] as const) {
    if (given.length < least || given.length > most) {
      const wanted = most === least ? `${least}` : most === Infinity ? `at least ${least}` : `${least} to ${most}`
      walk.operators.push(`${who} has ${given.length} ${what}, ${wanted} belong there`)
    }
    if (what === 'outputs') continue
    given.forEach((name, at) => {
      const formal = formals[at]
      if (name === '' && formal && !formal.optional && !formal.many) {
        walk.operators.push(`${who} lacks its ${what.slice(0, -1)} ${at + 1}`)
      }
    })
  }
}

const kindNumbers: Readonly<Record<string, number>> = attributeTypes

function checkAttributes(walk: Walk, who: string, node: OnnxNode, schema: OperatorSchema): void {
  const given = new Set<string>()
  for (const attribute of node.attributes) {
    given.add(attribute.name)
    const known = schema.attributes.get(attribute.name)
    if (!known) {
      // By convention such are for tools, and no part of the operator
      if (!attribute.name.startsWith('__')) walk.attributes.push(`${who} has no attribute "${attribute.name}"`)
    } else if (kindNumbers[known.kind] !== attribute.type && attribute.refers === undefined) {
      walk.attributes.push(`attribute "${attribute.name}" of ${who} is ${kindOf(attribute)}, not ${known.kind}`)
    }
  }
  for (const [name, { required }] of schema.attributes) {
    if (required && !given.has(name)) walk.attributes.push(`${who} lacks its attribute "${name}"`)
  }
}

function kindOf({ type }: OnnxAttribute): string {
  return Object.entries(attributeTypes).find(([, number]) => number === type)?.[0] ?? `type ${type}`
}

/** What each variable of the schema stands for here. */
function bind(
  walk: Walk,
  who: string,
  node: OnnxNode,
  schema: OperatorSchema,
  given: readonly (string | undefined)[],
): ReadonlyMap<string, string> {
  const variables = new Map<string, string>()
  given.forEach((type, at) => {
    const formal = formalAt(schema.inputs, at)
    if (type === undefined || node.inputs[at] === '' || !formal) return
    if (!allowed(schema, formal, type)) {
      walk.types.push(`${who} cannot take ${type} as its input ${at + 1}`)
      return
    }
    if (formal.mixed || !schema.variables.has(formal.type)) return
    const bound = variables.get(formal.type)
    if (bound !== undefined && bound !== type) {
      walk.types.push(`${who} takes ${bound} and ${type}, which must be of one type`)
    } else variables.set(formal.type, type)
  })
  return variables
}

function allowed({ variables }: OperatorSchema, formal: Formal, type: string): boolean {
  const set = variables.get(formal.type)
  return set ? set.has(type) : formal.type === type
}

function outputType(
  { variables }: OperatorSchema,
  formal: Formal,
  bound: ReadonlyMap<string, string>,
): string | undefined {
  if (formal.mixed) return undefined
  const set = variables.get(formal.type)
  if (!set) return formal.type
  const known = bound.get(formal.type)
  if (known !== undefined) return known
  if (set.size !== 1) return undefined
  const [only] = set
  return only
}

import { operatorTable, typeSets } from './operator-table.ts'
import { mlDomain } from './proto.ts'

/** One input or output of an operator: a type, or the name of a variable that stands for one. */
export interface Formal {
  readonly type: string
  readonly optional: boolean
  /** It stands for any number of values; `mixed`: each may be of another type. */
  readonly many: boolean
  readonly mixed: boolean
}

/** What one version of an operator takes, gives and is told. */
export interface OperatorSchema {
  readonly since: number
  readonly deprecated: boolean
  readonly inputs: readonly Formal[]
  readonly leastInputs: number
  readonly maxInputs: number
  readonly outputs: readonly Formal[]
  readonly leastOutputs: number
  readonly maxOutputs: number
  readonly attributes: ReadonlyMap<string, { readonly kind: string; readonly required: boolean }>
  /** The types that each variable may stand for. */
  readonly variables: ReadonlyMap<string, ReadonlySet<string>>
}

type Row = [
  since: number,
  deprecated: number,
  inputs: string[],
  leastInputs: number,
  maxInputs: number,
  outputs: string[],
  leastOutputs: number,
  maxOutputs: number,
  attributes: string[],
  constraints: Record<string, number>,
]

let lines: Map<string, string> | undefined
let sets: ReadonlySet<string>[] | undefined
const read = new Map<string, readonly OperatorSchema[]>()

const linesOf = (text: string): string[] => text.split('\n').filter(line => line !== '')

/** Every version of an operator, the newest first; undefined for an operator that there is not. */
function versionsOf(domain: string, op: string): readonly OperatorSchema[] | undefined {
  lines ??= new Map(
    linesOf(operatorTable).map(line => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]),
  )
  const key = domain === mlDomain ? `ml.${op}` : op
  const known = read.get(key)
  if (known) return known
  const text = lines.get(key)
  if (text === undefined) return undefined
  const versions = (JSON.parse(text) as Row[]).map(schemaOf)
  read.set(key, versions)
  return versions
}

function schemaOf([since, deprecated, inputs, ...rest]: Row): OperatorSchema {
  const [leastInputs, maxInputs, outputs, leastOutputs, maxOutputs, attributes, constraints] = rest
  sets ??= linesOf(typeSets).map(line => new Set(line.split(' ')))
  const all = sets
  return {
    since,
    deprecated: deprecated === 1,
    inputs: inputs.map(formalOf),
    leastInputs,
    maxInputs: maxInputs < 0 ? Infinity : maxInputs,
    outputs: outputs.map(formalOf),
    leastOutputs,
    maxOutputs: maxOutputs < 0 ? Infinity : maxOutputs,
    attributes: new Map(
      attributes.map(text => {
        const [name = '', kind = ''] = text.split(':')
        const required = kind.endsWith('!')
        return [name, { kind: required ? kind.slice(0, -1) : kind, required }]
      }),
    ),
    variables: new Map(Object.entries(constraints).map(([name, place]) => [name, all[place] ?? new Set<string>()])),
  }
}

function formalOf(text: string): Formal {
  const mark = text.slice(-1)
  const marked = mark === '?' || mark === '*' || mark === '+'
  return {
    type: marked ? text.slice(0, -1) : text,
    optional: mark === '?',
    many: mark === '*' || mark === '+',
    mixed: mark === '+',
  }
}

/** The schema of an operator in a version of its operator set; undefined where that has no such operator. */
export function operatorSchema(domain: string, op: string, opset: number): OperatorSchema | undefined {
  if (domain !== '' && domain !== mlDomain) return undefined
  return versionsOf(domain, op)?.find(version => version.since <= opset)
}

/** The nth value's place among the formal ones, the last of which may stand for many. */
export function formalAt(formals: readonly Formal[], at: number): Formal | undefined {
  return formals[at] ?? (formals.at(-1)?.many ? formals.at(-1) : undefined)
}

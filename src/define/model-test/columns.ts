import type { Node } from '../expression/node.ts'
import { describe } from '../expression/node.ts'
import type { BoolExpression, Expression } from '../expression/types.ts'
import type { Form } from '../forms.ts'

// What tests look at besides inputs: conditions and values of the rows, which the training frame carries for them.

/** Rows of which it is true; a row of which it is null is none. */
export interface NamedCondition {
  readonly name: string
  readonly where: Node
}

/** A value by which rows are parted. */
export interface NamedValue {
  readonly name: string
  readonly node: Node
}

export type Conditions = Readonly<Record<string, BoolExpression<boolean, string>>>
export type Values = Expression | readonly Expression[]

const nodeOf = (value: unknown): Partial<Node> | undefined => (value as { readonly node?: Partial<Node> } | null)?.node
const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null
const parting: readonly unknown[] = ['int', 'float', 'text', 'bool']
const isValue = (value: unknown): boolean => isObject(value) && parting.includes(nodeOf(value)?.type)
const isConditions = (value: unknown): boolean =>
  isObject(value) &&
  !Array.isArray(value) &&
  Object.values(value).length > 0 &&
  Object.values(value).every(one => nodeOf(one)?.type === 'bool')
const isValues = (value: unknown): boolean =>
  isValue(value) || (Array.isArray(value) && value.length > 0 && value.every(isValue))

export const valuesForm: Form = {
  words: 'a number, text or boolean over columns such as c.region, or a list of them',
  holds: isValues,
}

export const conditionsOrValues: Form = {
  words: 'conditions by name, or numbers, texts or booleans over columns such as c.region, at least one',
  holds: value => isValues(value) || (nodeOf(value) === undefined && isConditions(value)),
}

export function valuesOf(given: Values): readonly NamedValue[] {
  return (Array.isArray(given) ? (given as readonly Expression[]) : [given as Expression]).map(({ node }) => ({
    name: describe(node),
    node,
  }))
}

export function conditionsOf(given: Conditions): readonly NamedCondition[] {
  return Object.entries(given).map(([name, where]) => ({ name, where: where.node }))
}

export const isNamed = (given: Values | Conditions): given is Conditions => !isValues(given)

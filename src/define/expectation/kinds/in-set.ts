import { fromNode } from '../../expression/build.ts'
import { columnsOf, describe, type Node } from '../../expression/node.ts'
import type { TextExpression } from '../../expression/types.ts'
import { columnKind } from '../kind.ts'
import { expressionKind } from '../row-kind.ts'
import { rowExpectation, type Expectation, type NoFloatOptions, type RowOptions } from '../spec.ts'
import { checkFlags, checkSet } from '../options.ts'

export interface Case {
  /** Whether upper and lower case differ (default true). */
  readonly caseSensitive?: boolean
}
type OfInts = (values: readonly (number | bigint)[], options?: NoFloatOptions) => Expectation
type OfFloats = (values: readonly (number | bigint)[], options?: RowOptions) => Expectation
type OfTexts = (values: readonly string[], options?: NoFloatOptions & Case) => Expectation
type OfBools = (values: readonly boolean[], options?: NoFloatOptions) => Expectation

type Element = string | number | bigint | boolean

/** The membership test of a column in a list of values. */
export function membership(of: Node, values: readonly Element[], caseSensitive: boolean): Node {
  const value = fromNode(of) as TextExpression<boolean, string>
  if (caseSensitive) return value.in(values as readonly string[]).node
  return value.lower().in(values.map(one => String(one).toLowerCase())).node
}

/** Up to six of the values. */
export function setInWords(values: readonly Element[]): string {
  return values.length > 6 ? `${values.slice(0, 6).join(', ')}, … (${values.length})` : values.join(', ')
}

export const inSet = columnKind<{ int: OfInts; float: OfFloats; text: OfTexts; bool: OfBools }>()({
  kind: expressionKind<{ good: Node }>({
    name: 'inSet',
    group: 'row',
    summary: 'Every value is one of a list.',
    example: "c.shop.inSet(['north', 'south', 'harbour'])",
    good: ({ good }) => good,
  }),
  on: ['int', 'float', 'text', 'bool'],
  make: (of: Node, values: readonly Element[], { caseSensitive = true, ...options }: RowOptions & Case = {}) => {
    checkSet('inSet', of.type, values)
    checkFlags('inSet', { caseSensitive })
    return rowExpectation({
      kind: 'inSet',
      says: `${describe(of)} in ${setInWords(values)}`,
      args: { good: membership(of, values, caseSensitive) },
      columns: columnsOf(of),
      options,
    })
  },
})

import { fromNode } from '../../expression/build.ts'
import { columnsOf, describe, type Node } from '../../expression/node.ts'
import type { BoolExpression } from '../../expression/types.ts'
import { columnKind } from '../kind.ts'
import { expressionKind } from '../row-kind.ts'
import { rowExpectation, type Expectation, type NoFloatOptions, type RowOptions } from '../spec.ts'
import { membership, setInWords } from './in-set.ts'
import { checkFlags, checkSet } from '../options.ts'

export interface Case {
  /** Whether upper and lower case differ (default true). */
  readonly caseSensitive?: boolean
}
type OfInts = (values: readonly (number | bigint)[], options?: NoFloatOptions) => Expectation
type OfFloats = (values: readonly (number | bigint)[], options?: RowOptions) => Expectation
type OfTexts = (values: readonly string[], options?: NoFloatOptions & Case) => Expectation

export const notInSet = columnKind<{ int: OfInts; float: OfFloats; text: OfTexts }>()({
  kind: expressionKind<{ good: Node }>({
    name: 'notInSet',
    group: 'row',
    summary: 'No value is one of a list.',
    example: "c.shop.notInSet(['test', 'unknown'])",
    good: ({ good }) => good,
  }),
  on: ['int', 'float', 'text'],
  make: (
    of: Node,
    values: readonly (string | number | bigint)[],
    { caseSensitive = true, ...options }: RowOptions & Case = {},
  ) => {
    checkSet('notInSet', of.type, values)
    checkFlags('notInSet', { caseSensitive })
    const inside = fromNode(membership(of, values, caseSensitive)) as BoolExpression<boolean, string>
    return rowExpectation({
      kind: 'notInSet',
      says: `${describe(of)} not in ${setInWords(values)}`,
      args: { good: inside.not().node },
      columns: columnsOf(of),
      options,
    })
  },
})

import { columnsOf, describe, type Node } from '../../expression/node.ts'
import type { BoolExpression } from '../../expression/types.ts'
import { tableKind } from '../kind.ts'
import { expressionKind } from '../row-kind.ts'
import { rowExpectation, type RowOptions } from '../spec.ts'

export const that = tableKind({
  kind: expressionKind<{ good: Node }>({
    name: 'expression',
    group: 'custom',
    summary: 'Any boolean expression is true of every row. Where it is null the row is not judged.',
    example: 'expect.that(c.amount.gt(0).or(c.returned))',
    good: ({ good }) => good,
  }),
  make: (condition: BoolExpression<boolean, string>, options: RowOptions = {}) =>
    rowExpectation({
      kind: 'expression',
      says: describe(condition.node),
      args: { good: condition.node },
      columns: columnsOf(condition.node),
      options,
      nonFinite: 'allow',
    }),
})

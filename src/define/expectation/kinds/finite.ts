import { fromNode } from '../../expression/build.ts'
import { columnsOf, describe, type Node } from '../../expression/node.ts'
import type { NumberExpression } from '../../expression/types.ts'
import { columnKind } from '../kind.ts'
import { expressionKind } from '../row-kind.ts'
import { rowExpectation, type Expectation, type NoFloatOptions } from '../spec.ts'

type Method = (options?: NoFloatOptions) => Expectation

export const finite = columnKind<{ int: Method; float: Method }>()({
  kind: expressionKind<{ of: Node }>({
    name: 'finite',
    group: 'row',
    summary: 'No NaN and no infinity. Stands by itself for every float column.',
    example: 'c.amount.finite()',
    good: ({ of }) => (fromNode(of) as NumberExpression<'float', boolean, string>).isFinite().node,
  }),
  on: ['int', 'float'],
  make: (of: Node, options: NoFloatOptions = {}) =>
    rowExpectation({
      kind: 'finite',
      says: `${describe(of)} is finite`,
      args: { of },
      columns: columnsOf(of),
      options,
      nonFinite: 'allow',
      without: ['nonFinite'],
    }),
})

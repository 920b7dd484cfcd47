import { fromNode } from '../../expression/build.ts'
import { columnsOf, describe, type Node } from '../../expression/node.ts'
import { columnKind } from '../kind.ts'
import { expressionKind } from '../row-kind.ts'
import { rowExpectation, type Expectation, undecided, type DecidedOptions } from '../spec.ts'

type Method = (options?: DecidedOptions) => Expectation

export const isNull = columnKind<Record<'int' | 'float' | 'text' | 'bool' | 'timestamp' | 'vector', Method>>()({
  kind: expressionKind<{ of: Node }>({
    name: 'isNull',
    group: 'row',
    summary: 'Every value is null: a column that is kept but must not be filled.',
    example: 'c.coupon.null({ when: c.quantity.lt(0) })',
    good: ({ of }) => fromNode(of).isNull().node,
  }),
  on: ['int', 'float', 'text', 'bool', 'timestamp', 'vector'],
  make: (of: Node, options: DecidedOptions = {}) =>
    rowExpectation({
      kind: 'isNull',
      says: `${describe(of)} is null`,
      args: { of },
      columns: columnsOf(of),
      options,
      nonFinite: 'allow',
      without: undecided,
    }),
})

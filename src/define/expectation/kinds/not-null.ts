import { fromNode } from '../../expression/build.ts'
import { columnsOf, describe, type Node } from '../../expression/node.ts'
import { columnKind } from '../kind.ts'
import { expressionKind } from '../row-kind.ts'
import { rowExpectation, type Expectation, undecided, type DecidedOptions } from '../spec.ts'

type Method = (options?: DecidedOptions) => Expectation

export const notNull = columnKind<Record<'int' | 'float' | 'text' | 'bool' | 'timestamp' | 'vector', Method>>()({
  kind: expressionKind<{ of: Node }>({
    name: 'notNull',
    group: 'row',
    summary: 'No value is null. Stands by itself for every column that is not `t.nullable`.',
    example: 'c.shop.notNull()',
    good: ({ of }) => fromNode(of).isNotNull().node,
  }),
  on: ['int', 'float', 'text', 'bool', 'timestamp', 'vector'],
  make: (of: Node, options: DecidedOptions = {}) =>
    rowExpectation({
      kind: 'notNull',
      says: `${describe(of)} is not null`,
      args: { of },
      columns: columnsOf(of),
      options,
      nulls: 'bad',
      nonFinite: 'allow',
      without: undecided,
    }),
})

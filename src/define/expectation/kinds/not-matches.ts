import { columnsOf, describe, type Node } from '../../expression/node.ts'
import { columnKind } from '../kind.ts'
import { expressionKind } from '../row-kind.ts'
import { rowExpectation, type Expectation, type NoFloatOptions } from '../spec.ts'
import { search } from './matches.ts'

type Method = (pattern: RegExp, options?: NoFloatOptions) => Expectation

export const notMatches = columnKind<{ text: Method }>()({
  kind: expressionKind<{ good: Node }>({
    name: 'notMatches',
    group: 'row',
    summary: 'No text holds a pattern.',
    example: 'c.sku.notMatches(/TEST/i)',
    good: ({ good }) => good,
  }),
  on: ['text'],
  make: (of: Node, pattern: RegExp, options: NoFloatOptions = {}) =>
    rowExpectation({
      kind: 'notMatches',
      says: `${describe(of)} does not match ${String(pattern)}`,
      args: { good: search(of, pattern).not().node },
      columns: columnsOf(of),
      options,
    }),
})

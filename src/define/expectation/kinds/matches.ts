import { fromNode } from '../../expression/build.ts'
import { columnsOf, describe, type Node } from '../../expression/node.ts'
import type { TextExpression } from '../../expression/types.ts'
import { columnKind } from '../kind.ts'
import { expressionKind } from '../row-kind.ts'
import { rowExpectation, type Expectation, type NoFloatOptions } from '../spec.ts'

type Method = (pattern: RegExp, options?: NoFloatOptions) => Expectation

/** Whether a text holds a pattern, as an expression. */
export function search(of: Node, pattern: RegExp) {
  return (fromNode(of) as TextExpression<boolean, string>).matches(pattern)
}

export const matches = columnKind<{ text: Method }>()({
  kind: expressionKind<{ good: Node }>({
    name: 'matches',
    group: 'row',
    summary:
      'Every text holds a pattern, as RegExp means it, searched for in linear time: no look-around, no back-references.',
    example: 'c.sku.matches(/^[A-Z]{2}-[0-9]{4}$/)',
    good: ({ good }) => good,
  }),
  on: ['text'],
  make: (of: Node, pattern: RegExp, options: NoFloatOptions = {}) =>
    rowExpectation({
      kind: 'matches',
      says: `${describe(of)} matches ${String(pattern)}`,
      args: { good: search(of, pattern).node },
      columns: columnsOf(of),
      options,
    }),
})

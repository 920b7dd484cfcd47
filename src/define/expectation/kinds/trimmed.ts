import { fromNode } from '../../expression/build.ts'
import { columnsOf, describe, type Node } from '../../expression/node.ts'
import type { BoolExpression } from '../../expression/types.ts'
import { columnKind } from '../kind.ts'
import { expressionKind } from '../row-kind.ts'
import { rowExpectation, type Expectation, type NoFloatOptions } from '../spec.ts'
import { search } from './matches.ts'

type Method = (options?: NoFloatOptions) => Expectation

/** A space of any script or a byte order mark at an edge, or a control character anywhere. */
const untidy = /^[\p{Z}\uFEFF]|[\p{Z}\uFEFF]$|\p{Cc}/u

export const trimmed = columnKind<{ text: Method }>()({
  kind: expressionKind<{ of: Node }>({
    name: 'trimmed',
    group: 'row',
    summary: 'No white space at either end of a text, and no control characters in it.',
    example: 'c.shop.trimmed()',
    good: ({ of }) => (search(of, untidy) as BoolExpression<boolean, string>).not().node,
  }),
  on: ['text'],
  make: (of: Node, options: NoFloatOptions = {}) =>
    rowExpectation({
      kind: 'trimmed',
      says: `${describe(fromNode(of).node)} has no space at its ends and no control characters`,
      args: { of },
      columns: columnsOf(of),
      options,
    }),
})

import { fromNode } from '../../expression/build.ts'
import { columnsOf, describe, type Node } from '../../expression/node.ts'
import type { TextExpression } from '../../expression/types.ts'
import { columnKind } from '../kind.ts'
import { expressionKind } from '../row-kind.ts'
import {
  boundsInWords,
  checkBounds,
  onlyBounds,
  rowExpectation,
  type Bounds,
  type Expectation,
  type NoFloatOptions,
} from '../spec.ts'

type Method = (bounds: Bounds, options?: NoFloatOptions) => Expectation

export const length = columnKind<{ text: Method }>()({
  kind: expressionKind<{ good: Node }>({
    name: 'length',
    group: 'row',
    summary: 'The length of every text, in code points, lies within bounds.',
    example: 'c.sku.length({ min: 7, max: 7 })',
    good: ({ good }) => good,
  }),
  on: ['text'],
  make: (of: Node, bounds: Bounds, options: NoFloatOptions = {}) => {
    onlyBounds('length', bounds)
    checkBounds('length', bounds, 0)
    const size = (fromNode(of) as TextExpression<boolean, string>).length()
    const low = bounds.min === undefined ? undefined : size.gte(bounds.min)
    const high = bounds.max === undefined ? undefined : size.lte(bounds.max)
    return rowExpectation({
      kind: 'length',
      says: `length of ${describe(of)} ${boundsInWords(bounds)}`,
      args: { good: (low && high ? low.and(high) : (low ?? high))?.node as Node },
      columns: columnsOf(of),
      options,
    })
  },
})

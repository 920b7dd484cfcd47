import { fromNode } from '../../expression/build.ts'
import type { Node } from '../../expression/node.ts'
import { refuse } from '../../named.ts'
import { tableKind } from '../kind.ts'
import { expressionKind } from '../row-kind.ts'
import { columnName, rowExpectation, type ColumnReference, type RowOptions } from '../spec.ts'

export const allOrNoneNull = tableKind({
  kind: expressionKind<{ good: Node }>({
    name: 'allOrNoneNull',
    group: 'several columns',
    summary: 'Within a row either all of the columns are null or none is.',
    example: 'expect.allOrNoneNull([c.net, c.tax])',
    good: ({ good }) => good,
  }),
  make: (columns: readonly ColumnReference[], options: RowOptions = {}) => {
    const names = columns.map(one => columnName(one, 'allOrNoneNull'))
    if (names.length < 2) refuse('expectation', 'allOrNoneNull', 'needs at least two columns')
    const nulls = columns.map(one => fromNode(one.node).isNull())
    const filled = columns.map(one => fromNode(one.node).isNotNull())
    const good = nulls.reduce((all, one) => all.and(one)).or(filled.reduce((all, one) => all.and(one)))
    return rowExpectation({
      kind: 'allOrNoneNull',
      says: `${names.join(', ')} are all null or none is`,
      args: { good: good.node },
      columns: names,
      options: { ...options, nonFinite: 'allow' },
    })
  },
})

import type { BoolExpression } from '../../expression/types.ts'
import { fromNode } from '../../expression/build.ts'
import type { Node } from '../../expression/node.ts'
import { refuse } from '../../named.ts'
import { tableKind } from '../kind.ts'
import { expressionKind } from '../row-kind.ts'
import { columnNames, rowExpectation, undecided, type ColumnReference, type DecidedOptions } from '../spec.ts'
import { inPairs } from '../where.ts'

export const allOrNoneNull = tableKind({
  kind: expressionKind<{ good: Node }>({
    name: 'allOrNoneNull',
    group: 'several columns',
    summary: 'Within a row either all of the columns are null or none is.',
    example: 'expect.allOrNoneNull([c.net, c.tax])',
    good: ({ good }) => good,
  }),
  make: (columns: readonly ColumnReference[], options: DecidedOptions = {}) => {
    const names = columnNames(columns, 'allOrNoneNull')
    if (names.length < 2) refuse('expectation', 'allOrNoneNull', 'needs at least two columns')
    const nulls = columns.map(one => fromNode(one.node).isNull())
    const filled = columns.map(one => fromNode(one.node).isNotNull())
    const both = (all: readonly BoolExpression<boolean, string>[]) =>
      inPairs(all, (one, other) => one.and(other)) as BoolExpression<boolean, string>
    const good = both(nulls).or(both(filled))
    return rowExpectation({
      kind: 'allOrNoneNull',
      says: `${names.join(', ')} are all null or none is`,
      args: { good: good.node },
      columns: names,
      options,
      nonFinite: 'allow',
      without: undecided,
    })
  },
})

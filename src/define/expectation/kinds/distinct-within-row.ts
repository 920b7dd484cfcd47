import { fromNode } from '../../expression/build.ts'
import type { Node } from '../../expression/node.ts'
import type { BoolExpression, NumberExpression } from '../../expression/types.ts'
import { refuse } from '../../named.ts'
import { tableKind } from '../kind.ts'
import { expressionKind } from '../row-kind.ts'
import { columnNames, rowExpectation, type ColumnReference, type RowOptions } from '../spec.ts'
import { inPairs } from '../where.ts'

export const distinctWithinRow = tableKind({
  kind: expressionKind<{ good: Node }>({
    name: 'distinctWithinRow',
    group: 'several columns',
    summary: 'Within a row no two of the columns are equal. Nulls equal nothing.',
    example: 'expect.distinctWithinRow([c.shop, c.sku])',
    good: ({ good }) => good,
  }),
  make: (columns: readonly ColumnReference[], options: RowOptions = {}) => {
    const names = columnNames(columns, 'distinctWithinRow')
    if (names.length < 2) refuse('expectation', 'distinctWithinRow', 'needs at least two columns')
    const values = columns.map(one => fromNode(one.node) as NumberExpression<'int', boolean, string>)
    const different = values.flatMap((a, i) =>
      values.slice(i + 1).map(b => a.eq(b).not().or(a.isNull()).or(b.isNull())),
    )
    const good = inPairs(different, (one, other) => one.and(other)) as BoolExpression<boolean, string>
    return rowExpectation({
      kind: 'distinctWithinRow',
      says: `${names.join(', ')} differ within a row`,
      args: { good: good.node },
      columns: names,
      options,
    })
  },
})

import { fromNode } from '../../expression/build.ts'
import { columnsOf, describe, type Node } from '../../expression/node.ts'
import type { NumberExpression, NumberType, TextExpression, TimestampExpression } from '../../expression/types.ts'
import { tableKind } from '../kind.ts'
import { expressionKind } from '../row-kind.ts'
import { rowExpectation, type Expectation, type RowOptions } from '../spec.ts'
import { checkNumbers, checkWord } from '../options.ts'

const signs = ['eq', 'ne', 'lt', 'lte', 'gt', 'gte'] as const
type Sign = (typeof signs)[number]
type AnyNumber = NumberExpression<NumberType, boolean, string>

export interface Tolerance {
  /** Numbers that differ by at most this count as equal. */
  readonly tolerance?: number
}

export interface Compare {
  (left: AnyNumber, sign: Sign, right: AnyNumber, options?: RowOptions & Tolerance): Expectation
  (
    left: TextExpression<boolean, string>,
    sign: Sign,
    right: TextExpression<boolean, string>,
    options?: RowOptions,
  ): Expectation
  (
    left: TimestampExpression<boolean, string>,
    sign: Sign,
    right: TimestampExpression<boolean, string>,
    options?: RowOptions,
  ): Expectation
}

function comparison(left: Node, sign: Sign, right: Node, tolerance: number | undefined) {
  const a = fromNode(left) as AnyNumber
  const b = fromNode(right) as AnyNumber
  if (tolerance === undefined || tolerance === 0) return a[sign](b)
  const gap = a.toFloat().minus(b.toFloat())
  if (sign === 'eq') return gap.abs().lte(tolerance)
  if (sign === 'ne') return gap.abs().gt(tolerance)
  if (sign === 'lt' || sign === 'gt') return sign === 'lt' ? gap.lt(-tolerance) : gap.gt(tolerance)
  return sign === 'lte' ? gap.lte(tolerance) : gap.gte(-tolerance)
}

export const compare = tableKind({
  kind: expressionKind<{ good: Node }>({
    name: 'compare',
    group: 'several columns',
    summary: 'Two columns of a row stand in a relation: `eq`, `ne`, `lt`, `lte`, `gt` or `gte`.',
    example: "expect.compare(c.net, 'lte', c.amount)",
    good: ({ good }) => good,
  }),
  make: ((
    left: { readonly node: Node },
    sign: Sign,
    right: { readonly node: Node },
    { tolerance, ...options }: RowOptions & Tolerance = {},
  ) => {
    checkWord('compare', 'the relation', sign ?? '', signs)
    if (tolerance !== undefined) checkNumbers('compare', { tolerance })
    const exact = (fromNode(left.node) as AnyNumber)[sign](fromNode(right.node) as AnyNumber).node
    const good = comparison(left.node, sign, right.node, tolerance).node
    return rowExpectation({
      kind: 'compare',
      says: `${describe(exact)}${tolerance ? ` (within ${tolerance})` : ''}`,
      args: { good },
      columns: columnsOf(exact),
      options,
    })
  }) as Compare,
})

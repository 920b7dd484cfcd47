import { fromNode } from '../../expression/build.ts'
import { columnsOf, describe, type Node } from '../../expression/node.ts'
import type { NumberExpression, NumberType } from '../../expression/types.ts'
import { refuse } from '../../named.ts'
import { tableKind } from '../kind.ts'
import { expressionKind } from '../row-kind.ts'
import { rowExpectation, type RowOptions } from '../spec.ts'
import { checkNumbers } from '../options.ts'

type AnyNumber = NumberExpression<NumberType, boolean, string>

export interface Tolerance {
  /** Greatest difference between the sum and what it should be (default 1e-9 for floats, 0 for integers). */
  readonly tolerance?: number
}

export const sumEquals = tableKind({
  kind: expressionKind<{ good: Node }>({
    name: 'sumEquals',
    group: 'several columns',
    summary: 'Several columns of a row add up to another column, or to a number.',
    example: 'expect.sumEquals([c.net, c.tax], c.amount, { tolerance: 0.005 })',
    good: ({ good }) => good,
  }),
  make: (
    parts: readonly AnyNumber[],
    whole: AnyNumber | number,
    { tolerance, ...options }: RowOptions & Tolerance = {},
  ) => {
    const [first, ...others] = parts.map(part => fromNode(part.node) as AnyNumber)
    if (!first) refuse('expectation', 'sumEquals', 'needs at least one column')
    checkNumbers('sumEquals', { tolerance })
    const sum = others.reduce((all, one) => all.plus(one) as AnyNumber, first)
    const gap = sum.minus(typeof whole === 'number' ? whole : (fromNode(whole.node) as AnyNumber)) as AnyNumber
    const allowed = tolerance ?? (gap.node.type === 'int' ? 0 : 1e-9)
    const target = typeof whole === 'number' ? String(whole) : describe(whole.node)
    return rowExpectation({
      kind: 'sumEquals',
      says: `${parts.map(part => describe(part.node)).join(' + ')} = ${target}`,
      args: { good: gap.abs().lte(allowed).node },
      columns: columnsOf(gap.node),
      options,
    })
  },
})

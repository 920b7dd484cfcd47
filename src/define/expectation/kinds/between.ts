import { fromNode } from '../../expression/build.ts'
import { columnsOf, describe, type Node } from '../../expression/node.ts'
import type { NumberExpression } from '../../expression/types.ts'
import { refuse } from '../../named.ts'
import { columnKind } from '../kind.ts'
import { expressionKind } from '../row-kind.ts'
import { rowExpectation, type Expectation, type NoFloatOptions, type RowOptions } from '../spec.ts'
import { checkFlags } from '../options.ts'

export interface Exclusive {
  /** The lower bound itself is out (default false). */
  readonly minExclusive?: boolean
  /** The upper bound itself is out (default false). */
  readonly maxExclusive?: boolean
}
type Between<V, O = NoFloatOptions> = (min: V | undefined, max: V | undefined, options?: O & Exclusive) => Expectation

type Bound = number | bigint | Date

function shown(bound: Bound): string {
  return bound instanceof Date ? bound.toISOString().replace('.000Z', 'Z') : String(bound)
}

function inWords(min: Bound | undefined, max: Bound | undefined, open: Exclusive): string {
  const low = min === undefined ? '' : `${open.minExclusive ? 'above' : 'at least'} ${shown(min)}`
  const high = max === undefined ? '' : `${open.maxExclusive ? 'below' : 'at most'} ${shown(max)}`
  if (low && high && !open.minExclusive && !open.maxExclusive)
    return `between ${shown(min as Bound)} and ${shown(max as Bound)}`
  return low && high ? `${low} and ${high}` : low || high
}

function comparison(of: Node, min: Bound | undefined, max: Bound | undefined, open: Exclusive): Node {
  const value = fromNode(of) as NumberExpression<'int', boolean, string>
  const low = min === undefined ? undefined : value[open.minExclusive ? 'gt' : 'gte'](min as number)
  const high = max === undefined ? undefined : value[open.maxExclusive ? 'lt' : 'lte'](max as number)
  if (!low && !high) refuse('expectation', 'between', 'needs a lower bound, an upper bound or both')
  return (low && high ? low.and(high) : (low ?? high))?.node as Node
}

export const between = columnKind<{
  int: Between<number | bigint>
  float: Between<number, RowOptions>
  timestamp: Between<Date>
}>()({
  kind: expressionKind<{ good: Node }>({
    name: 'between',
    group: 'row',
    summary: 'Values of a number or a timestamp lie within bounds; `undefined` leaves a side open.',
    example: 'c.amount.between(0, 10_000, { mostly: 0.999 })',
    good: ({ good }) => good,
  }),
  on: ['int', 'float', 'timestamp'],
  make: (
    of: Node,
    min: Bound | undefined,
    max: Bound | undefined,
    { minExclusive = false, maxExclusive = false, ...options }: RowOptions & Exclusive = {},
  ) => {
    checkFlags('between', { minExclusive, maxExclusive })
    for (const bound of [min, max])
      if (Number.isNaN(Number(bound ?? 0))) refuse('expectation', 'between', 'a bound is not a number')
    if (min !== undefined && max !== undefined && min > max)
      refuse('expectation', 'between', `the lower bound ${shown(min)} is above the upper bound ${shown(max)}`)
    const open = { minExclusive, maxExclusive }
    return rowExpectation({
      kind: 'between',
      says: `${describe(of)} ${inWords(min, max, open)}`,
      args: { good: comparison(of, min, max, open) },
      columns: columnsOf(of),
      options,
    })
  },
})

import { fromNode } from '../expression/build.ts'
import { columnsOf, describe, type Node } from '../expression/node.ts'
import type { BoolExpression, NumberExpression, NumberType, TextExpression } from '../expression/types.ts'
import { expectation, tolerance, type Expectation, type RowOptions } from './spec.ts'

type AnyNumber = NumberExpression<NumberType, boolean, string>

function holds(
  kind: string,
  good: { readonly node: Node },
  says: string,
  options: RowOptions,
  nulls: 'ignore' | 'bad' | 'good' = 'ignore',
): Expectation {
  return expectation(
    {
      form: 'row',
      kind,
      columns: columnsOf(good.node),
      good: good.node,
      nulls: options.nulls ?? nulls,
      says,
      ...tolerance(options),
    },
    options,
  )
}

/** Any boolean expression must be true of the row. */
export function that(condition: BoolExpression<boolean, string>, options: RowOptions = {}): Expectation {
  return holds('expression', condition, describe(condition.node), options)
}

export function notNull(column: Node, options: RowOptions = {}): Expectation {
  const good = fromNode(column).isNotNull()
  return holds('notNull', good, `${describe(column)} is not null`, { ...options, nulls: 'bad' })
}

export function isNull(column: Node, options: RowOptions = {}): Expectation {
  return holds('isNull', fromNode(column).isNull(), `${describe(column)} is null`, options)
}

/** Both bounds included; leave one out for a half-open range. */
export function between(
  column: Node,
  min: number | Date | undefined,
  max: number | Date | undefined,
  options: RowOptions = {},
): Expectation {
  const value = fromNode(column) as AnyNumber
  const low = min === undefined ? undefined : value.gte(min as number)
  const high = max === undefined ? undefined : value.lte(max as number)
  const good = low && high ? low.and(high) : (low ?? high ?? value.isNotNull())
  const show = (bound: number | Date | undefined) => (bound instanceof Date ? bound.toISOString() : String(bound))
  const says =
    low && high ? `between ${show(min)} and ${show(max)}` : low ? `at least ${show(min)}` : `at most ${show(max)}`
  return holds('between', good, `${describe(column)} ${says}`, options)
}

export function inSet(column: Node, values: readonly (string | number)[], options: RowOptions = {}): Expectation {
  const value = fromNode(column) as TextExpression<boolean, string>
  const few = values.length > 6 ? `${values.slice(0, 6).join(', ')}, … (${values.length})` : values.join(', ')
  return holds('inSet', value.in(values as readonly string[]), `${describe(column)} in ${few}`, options)
}

export function notInSet(column: Node, values: readonly (string | number)[], options: RowOptions = {}): Expectation {
  const value = fromNode(column) as TextExpression<boolean, string>
  return holds(
    'notInSet',
    value.in(values as readonly string[]).not(),
    `${describe(column)} not in ${values.join(', ')}`,
    options,
  )
}

export function matches(column: Node, pattern: RegExp, options: RowOptions = {}): Expectation {
  const value = fromNode(column) as TextExpression<boolean, string>
  return holds('matches', value.matches(pattern), `${describe(column)} matches ${pattern.source}`, options)
}

/** Length in code points. */
export function length(
  column: Node,
  bounds: { readonly min?: number; readonly max?: number },
  options: RowOptions = {},
): Expectation {
  const size = (fromNode(column) as TextExpression<boolean, string>).length().node
  const inner = between(size, bounds.min, bounds.max, options).expectation
  return { expectation: { ...inner, kind: 'length', columns: columnsOf(column) } }
}

export function finite(column: Node, options: RowOptions = {}): Expectation {
  return holds('finite', (fromNode(column) as AnyNumber).isFinite(), `${describe(column)} is finite`, options)
}

/** A comparison between two columns of the row. */
export function compare(
  left: Node,
  sign: 'eq' | 'ne' | 'lt' | 'lte' | 'gt' | 'gte',
  right: Node,
  options: RowOptions = {},
): Expectation {
  const good = (fromNode(left) as AnyNumber)[sign](fromNode(right) as AnyNumber)
  return holds('compare', good, describe(good.node), options)
}

import { fromNode } from '../../expression/build.ts'
import { columnsOf, describe, type Node } from '../../expression/node.ts'
import type { NumberExpression } from '../../expression/types.ts'
import { refuse } from '../../named.ts'
import { columnKind } from '../kind.ts'
import { expressionKind } from '../row-kind.ts'
import { rowExpectation, type Expectation, type NoFloatOptions, type RowOptions } from '../spec.ts'
import { checkNumbers } from '../options.ts'

export interface Tolerance {
  /** Greatest distance from the nearest multiple (default 0, and 1e-9 of the step for floats). */
  readonly tolerance?: number
}
type Method<O> = (step: number, options?: O & Tolerance) => Expectation

export const multipleOf = columnKind<{ int: Method<NoFloatOptions>; float: Method<RowOptions> }>()({
  kind: expressionKind<{ good: Node }>({
    name: 'multipleOf',
    group: 'row',
    summary: 'Every number is a multiple of a step.',
    example: 'c.amount.multipleOf(0.01)',
    good: ({ good }) => good,
  }),
  on: ['int', 'float'],
  make: (of: Node, step: number, { tolerance, ...options }: RowOptions & Tolerance = {}) => {
    checkNumbers('multipleOf', { tolerance })
    if (!(step > 0) || !Number.isFinite(step)) refuse('expectation', 'multipleOf', 'the step must be above 0')
    if (tolerance !== undefined && !(tolerance >= 0 && tolerance < step / 2))
      refuse('expectation', 'multipleOf', 'the tolerance must be from 0 to half the step')
    const whole = of.type === 'int' && Number.isInteger(step) && tolerance === undefined
    const value = fromNode(of) as NumberExpression<'int' | 'float', boolean, string>
    const allowed = tolerance ?? step * 1e-9
    const rest = whole ? value.mod(step) : value.toFloat().mod(step).abs()
    const good = whole ? rest.eq(0) : rest.lte(allowed).or(rest.gte(step - allowed))
    return rowExpectation({
      kind: 'multipleOf',
      says: `${describe(of)} is a multiple of ${step}`,
      args: { good: good.node },
      columns: columnsOf(of),
      options,
    })
  },
})

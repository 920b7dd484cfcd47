import type { Duration } from '../../../internal/time.ts'
import { columnsOf, describe, type Node } from '../../expression/node.ts'
import { refuse } from '../../named.ts'
import { columnKind } from '../kind.ts'
import { rowKind } from '../row-kind.ts'
import {
  columnName,
  columnNames,
  rowExpectation,
  type ColumnReference,
  type Expectation,
  type NoFloatOptions,
} from '../spec.ts'
import { timeoutOf } from '../options.ts'

export interface Steps<S> {
  /** Greatest step from one value to the next greater one. */
  readonly step: S
  /** Each partition is looked at by itself. */
  readonly partitionBy?: readonly ColumnReference[]
}
type Method<S> = (options: NoFloatOptions & Steps<S>) => Expectation

interface Args {
  readonly of: string
  readonly within: readonly string[]
  readonly step: number
}

export const contiguous = columnKind<{ int: Method<number>; timestamp: Method<Duration> }>()({
  kind: rowKind<Args>({
    name: 'contiguous',
    group: 'table',
    summary: 'In the order of its own values a column has no gap wider than a step. Bad are the rows after a gap.',
    example: "c.day.contiguous({ step: '1d' })",
    rule: ({ args }) => ({ by: 'order', of: args.of, orderBy: args.of, within: args.within, step: { max: args.step } }),
  }),
  on: ['int', 'timestamp'],
  optionsRequired: true,
  make: (of: Node, { step, partitionBy = [], ...options }: NoFloatOptions & Steps<number | Duration>) => {
    const size = of.type === 'timestamp' ? timeoutOf('contiguous', step as Duration) : (step as number)
    if (!(typeof size === 'number' && size > 0 && Number.isFinite(size)))
      refuse('expectation', 'contiguous', 'the step must be a number above 0')
    const within = columnNames(partitionBy, 'contiguous')
    return rowExpectation({
      kind: 'contiguous',
      says: `${describe(of)} has no gap above ${step}${within.length === 0 ? '' : ` within each ${within.join(' + ')}`}`,
      args: { of: columnName({ node: of }, 'contiguous'), within, step: size } satisfies Args,
      columns: [...columnsOf(of), ...within],
      options,
      without: ['nonFinite'],
    })
  },
})

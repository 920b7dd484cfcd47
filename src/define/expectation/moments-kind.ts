import { aggregateKind, type AggregateOptions } from './aggregate-kind.ts'
import { columnKind } from './kind.ts'
import type { Moments } from './metric.ts'
import type { Expectation } from './spec.ts'
import { where } from './where.ts'

type Method = (options: AggregateOptions) => Expectation

interface MomentsKind {
  readonly name: string
  readonly summary: string
  readonly example: string
  /** The figure, of one value at least. */
  readonly figure: (moments: Moments) => number
  /** Whether the figure needs the variance, which overflows first. */
  readonly spread?: true
}

/** One figure of the finite values of a number, read from their moments. */
export function momentsKind({ name, summary, example, figure, spread }: MomentsKind) {
  const aggregate = aggregateKind({
    name,
    summary,
    example,
    words: of => `${name} of ${of}`,
    fn: 'moments',
    metric: (of, when) => ({ fn: 'moments', of, ...(spread ? { spread } : {}), ...where(when) }),
    value: moments => ({ value: moments.count === 0 ? null : figure(moments), evaluated: moments.count }),
  })
  return columnKind<{ int: Method; float: Method }>()({ ...aggregate, on: ['int', 'float'] })
}

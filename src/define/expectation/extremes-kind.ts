import { fromNode } from '../expression/build.ts'
import type { Node } from '../expression/node.ts'
import type { NumberExpression } from '../expression/types.ts'
import { aggregateKind, type AggregateOptions } from './aggregate-kind.ts'
import { columnKind } from './kind.ts'
import type { Metric } from './metric.ts'
import type { Expectation } from './spec.ts'
import { conjunction, where } from './where.ts'

type Method = (options: AggregateOptions) => Expectation

/** The smallest and the greatest finite value of a number. */
export function finiteExtremes(of: Node, when: Node | undefined): Metric & { readonly fn: 'extremes' } {
  if (of.type !== 'float') return { fn: 'extremes', of, ...where(when) }
  const finite = (fromNode(of) as NumberExpression<'float', boolean, string>).isFinite().node
  return { fn: 'extremes', of, where: conjunction(finite, when) }
}

/** The smallest or the greatest finite value of a number. */
export function extremesKind(end: 'min' | 'max', summary: string, example: string) {
  const aggregate = aggregateKind({
    name: end,
    summary,
    example,
    words: of => `${end} of ${of}`,
    fn: 'extremes',
    metric: finiteExtremes,
    value: found => ({ value: found.count === 0 ? null : Number(found[end]), evaluated: found.count }),
  })
  return columnKind<{ int: Method; float: Method }>()({ ...aggregate, on: ['int', 'float'] })
}

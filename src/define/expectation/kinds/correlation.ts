import { describe, type Node } from '../../expression/node.ts'
import type { NumberExpression, NumberType } from '../../expression/types.ts'
import { refuse } from '../../named.ts'
import { tableKind, type Kind } from '../kind.ts'
import {
  boundsInWords,
  boundsOf,
  checkBounds,
  columnsOfAll,
  expectation,
  type Bounds,
  type Expectation,
  type ExpectationOptions,
} from '../spec.ts'
import { bounded } from '../verdict.ts'
import { where } from '../where.ts'

type Method = 'pearson' | 'spearman'
interface Args extends Bounds {
  readonly a: Node
  readonly b: Node
  readonly method: Method
}
type AnyNumber = NumberExpression<NumberType, boolean, string>

const kind: Kind<Args> = {
  name: 'correlation',
  group: 'aggregate',
  summary:
    'The correlation of two numbers over rows that have both (Pearson, or Spearman by mid-ranks) lies within bounds.',
  example: "expect.correlation(c.net, c.amount, { method: 'pearson', min: 0.5 })",
  needs: ({ args: { a, b, method }, when }) => ({
    metrics: {
      measure:
        method === 'pearson'
          ? { fn: 'comoments', a, b, ...where(when) }
          : { fn: 'rankCorrelation', a, b, ...where(when) },
    },
  }),
  verdict: (spec, measured) => {
    if (spec.args.method === 'spearman') {
      const { count, value } = measured.metric('measure', 'rankCorrelation')
      return bounded(spec, spec.args, value, count)
    }
    const { count, cross, m2A, m2B } = measured.metric('measure', 'comoments')
    const scale = Math.sqrt(m2A) * Math.sqrt(m2B)
    return bounded(spec, spec.args, count < 2 || scale === 0 ? null : Math.max(-1, Math.min(1, cross / scale)), count)
  },
}

export const correlation = tableKind({
  kind,
  optionsRequired: true,
  make: (
    a: AnyNumber,
    b: AnyNumber,
    options: Bounds & ExpectationOptions & { readonly method?: Method },
  ): Expectation => {
    checkBounds('correlation', options, -1, 1)
    const { method = 'pearson' } = options
    if (method !== 'pearson' && method !== 'spearman')
      refuse('expectation', 'correlation', `has no method '${String(method)}'; it has pearson, spearman`)
    return expectation({
      kind: 'correlation',
      says: `${method} correlation of ${describe(a.node)} and ${describe(b.node)} ${boundsInWords(options)}`,
      args: { a: a.node, b: b.node, method, ...boundsOf(options) } satisfies Args,
      columns: columnsOfAll([a.node, b.node]),
      options,
      more: ['min', 'max', 'method'],
    })
  },
})

import { columnsOf, describe, type Node } from '../../expression/node.ts'
import { columnKind, type Kind } from '../kind.ts'
import {
  boundsInWords,
  boundsOf,
  checkBounds,
  expectation,
  type Bounds,
  type Expectation,
  type ExpectationOptions,
} from '../spec.ts'
import { bounded, percent } from '../verdict.ts'
import { total, valueInWords } from '../value-counts.ts'
import { where } from '../where.ts'

type Method = (options: Bounds & ExpectationOptions) => Expectation
interface Args extends Bounds {
  readonly of: Node
}

const kind: Kind<Args> = {
  name: 'topValueShare',
  group: 'aggregate',
  summary: 'The most frequent value has a share of the values within bounds.',
  example: 'c.shop.topValueShare({ max: 0.8 })',
  needs: ({ args, when }) => ({ metrics: { values: { fn: 'values', of: args.of, ...where(when) } } }),
  verdict: (spec, measured) => {
    const { values, counts } = measured.metric('values', 'values')
    const all = total(counts)
    if (all === 0) return bounded(spec, spec.args, null, 0)
    let top = 0
    for (let i = 1; i < counts.length; i++) if ((counts[i] as number) > (counts[top] as number)) top = i
    const share = (counts[top] as number) / all
    const value = valueInWords(values[top] ?? null)
    return bounded(spec, spec.args, share, all, { observed: { top: value }, shown: `${percent(share)} (${value})` })
  },
}

export const topValueShare = columnKind<Record<'int' | 'float' | 'text' | 'bool' | 'timestamp', Method>>()({
  kind,
  on: ['int', 'float', 'text', 'bool', 'timestamp'],
  make: (of: Node, options: Bounds & ExpectationOptions) => {
    checkBounds('topValueShare', options, 0)
    return expectation({
      kind: 'topValueShare',
      says: `share of the most frequent ${describe(of)} ${boundsInWords(options)}`,
      args: { of, ...boundsOf(options) } satisfies Args,
      columns: columnsOf(of),
      options,
      more: ['min', 'max'],
    })
  },
})

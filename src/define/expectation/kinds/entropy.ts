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
import { total } from '../value-counts.ts'
import { bounded } from '../verdict.ts'
import { where } from '../where.ts'

type Method = (options: Bounds & ExpectationOptions) => Expectation
interface Args extends Bounds {
  readonly of: Node
}

const kind: Kind<Args> = {
  name: 'entropy',
  group: 'aggregate',
  summary: 'The entropy of the values, −Σ p·log₂ p in bits, lies within bounds.',
  example: 'c.shop.entropy({ min: 0.5 })',
  needs: ({ args, when }) => ({ metrics: { values: { fn: 'values', of: args.of, ...where(when) } } }),
  verdict: (spec, measured) => {
    const { counts } = measured.metric('values', 'values')
    const all = total(counts)
    let bits = 0
    for (const one of counts) bits -= (one / all) * Math.log2(one / all)
    return bounded(spec, spec.args, all === 0 ? null : bits, all)
  },
}

export const entropy = columnKind<Record<'int' | 'text' | 'bool', Method>>()({
  kind,
  on: ['int', 'text', 'bool'],
  make: (of: Node, options: Bounds & ExpectationOptions) => {
    checkBounds('entropy', options, 0)
    return expectation({
      kind: 'entropy',
      says: `entropy of ${describe(of)} ${boundsInWords(options)}`,
      args: { of, ...boundsOf(options) } satisfies Args,
      columns: columnsOf(of),
      options,
      more: ['min', 'max'],
    })
  },
})

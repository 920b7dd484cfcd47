import { fromNode } from '../../expression/build.ts'
import { columnsOf, describe, type Node } from '../../expression/node.ts'
import { columnKind, type Kind } from '../kind.ts'
import { conjunction } from '../where.ts'
import {
  boundsInWords,
  boundsOf,
  checkBounds,
  expectation,
  type Bounds,
  type Expectation,
  type ExpectationOptions,
} from '../spec.ts'
import { bounded, count, percent } from '../verdict.ts'

type Method = (options: Bounds & ExpectationOptions) => Expectation
interface Args extends Bounds {
  readonly of: Node
}

const kind: Kind<Args> = {
  name: 'distinctShare',
  group: 'aggregate',
  summary: 'The number of different values as a share of the values that are not null lies within bounds.',
  example: 'c.id.distinctShare({ min: 0.99 })',
  needs: ({ args, when }) => ({
    metrics: {
      distinct: { fn: 'distinct', of: args.of, ...(when ? { where: when } : {}) },
      values: { fn: 'rows', where: conjunction(fromNode(args.of).isNotNull().node, when) },
    },
  }),
  verdict: (spec, measured) => {
    const distinct = measured.metric('distinct', 'distinct')
    const values = measured.metric('values', 'rows')
    return bounded(spec, spec.args, values === 0 ? null : distinct / values, values, {
      observed: { distinct },
      ...(values === 0 ? {} : { shown: `${percent(distinct / values)} (${count(distinct)} of ${count(values)})` }),
    })
  },
}

export const distinctShare = columnKind<Record<'int' | 'float' | 'text' | 'timestamp', Method>>()({
  kind,
  on: ['int', 'float', 'text', 'timestamp'],
  make: (of: Node, options: Bounds & ExpectationOptions) => {
    checkBounds('distinctShare', options, 0)
    return expectation({
      kind: 'distinctShare',
      says: `share of different values of ${describe(of)} ${boundsInWords(options)}`,
      args: { of, ...boundsOf(options) } satisfies Args,
      columns: columnsOf(of),
      options,
      more: ['min', 'max'],
    })
  },
})

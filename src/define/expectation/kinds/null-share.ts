import { fromNode } from '../../expression/build.ts'
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
import { conjunction, where } from '../where.ts'

type Method = (options: Bounds & ExpectationOptions) => Expectation
interface Args extends Bounds {
  readonly of: Node
}

const kind: Kind<Args> = {
  name: 'nullShare',
  group: 'aggregate',
  summary: 'The share of nulls lies within bounds.',
  example: 'c.note.nullShare({ max: 0.99 })',
  needs: ({ args, when }) => ({
    metrics: {
      rows: { fn: 'rows', ...where(when) },
      nulls: { fn: 'rows', where: conjunction(fromNode(args.of).isNull().node, when) },
    },
  }),
  verdict: (spec, measured) => {
    const rows = measured.metric('rows', 'rows')
    const share = measured.metric('nulls', 'rows') / rows
    return bounded(spec, spec.args, rows === 0 ? null : share, rows, rows === 0 ? {} : { shown: percent(share) })
  },
}

export const nullShare = columnKind<Record<'int' | 'float' | 'text' | 'bool' | 'timestamp', Method>>()({
  kind,
  on: ['int', 'float', 'text', 'bool', 'timestamp'],
  make: (of: Node, options: Bounds & ExpectationOptions) => {
    checkBounds('nullShare', options, 0)
    return expectation({
      kind: 'nullShare',
      says: `share of nulls of ${describe(of)} ${boundsInWords(options)}`,
      args: { of, ...boundsOf(options) } satisfies Args,
      columns: columnsOf(of),
      options,
      more: ['min', 'max'],
    })
  },
})

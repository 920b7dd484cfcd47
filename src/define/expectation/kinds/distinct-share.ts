import { fromNode } from '../../expression/build.ts'
import { columnKind, type Kind } from '../kind.ts'
import { conjunction, where } from '../where.ts'
import { boundedColumn, type BoundedArgs, type BoundedMethod } from '../bounded-column.ts'
import { bounded, count, percent } from '../verdict.ts'

const kind: Kind<BoundedArgs> = {
  name: 'distinctShare',
  group: 'aggregate',
  summary: 'The number of different values as a share of the values that are not null lies within bounds.',
  example: 'c.id.distinctShare({ min: 0.99 })',
  needs: ({ args, when }) => ({
    metrics: {
      distinct: { fn: 'distinct', of: args.of, ...where(when) },
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

export const distinctShare = columnKind<Record<'int' | 'float' | 'text' | 'timestamp', BoundedMethod>>()({
  kind,
  on: ['int', 'float', 'text', 'timestamp'],
  optionsRequired: true,
  make: boundedColumn('distinctShare', of => `share of different values of ${of}`, 1),
})

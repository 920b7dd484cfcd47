import { fromNode } from '../../expression/build.ts'
import { columnKind, type Kind } from '../kind.ts'
import { boundedColumn, type BoundedArgs, type BoundedMethod } from '../bounded-column.ts'
import { bounded, percent } from '../verdict.ts'
import { conjunction, where } from '../where.ts'

const kind: Kind<BoundedArgs> = {
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

export const nullShare = columnKind<
  Record<'int' | 'float' | 'text' | 'bool' | 'timestamp' | 'vector', BoundedMethod>
>()({
  kind,
  on: ['int', 'float', 'text', 'bool', 'timestamp', 'vector'],
  optionsRequired: true,
  make: boundedColumn('nullShare', of => `share of nulls of ${of}`, 1),
})

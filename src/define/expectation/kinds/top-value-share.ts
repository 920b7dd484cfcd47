import { columnKind, type Kind } from '../kind.ts'
import { boundedColumn, type BoundedArgs, type BoundedMethod } from '../bounded-column.ts'
import { bounded, percent } from '../verdict.ts'
import { total, valueInWords } from '../value-counts.ts'
import { where } from '../where.ts'

const kind: Kind<BoundedArgs> = {
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

export const topValueShare = columnKind<Record<'int' | 'float' | 'text' | 'bool' | 'timestamp', BoundedMethod>>()({
  kind,
  on: ['int', 'float', 'text', 'bool', 'timestamp'],
  optionsRequired: true,
  make: boundedColumn('topValueShare', of => `share of the most frequent ${of}`, 1),
})

import { columnKind, type Kind } from '../kind.ts'
import { boundedColumn, type BoundedArgs, type BoundedMethod } from '../bounded-column.ts'
import { total } from '../value-counts.ts'
import { bounded } from '../verdict.ts'
import { where } from '../where.ts'

const kind: Kind<BoundedArgs> = {
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

export const entropy = columnKind<Record<'int' | 'text' | 'bool', BoundedMethod>>()({
  kind,
  on: ['int', 'text', 'bool'],
  optionsRequired: true,
  make: boundedColumn('entropy', of => `entropy of ${of}`),
})

import { columnsOf, describe, type Node } from '../../expression/node.ts'
import { refuse } from '../../named.ts'
import { columnKind, type Kind } from '../kind.ts'
import { expectation, type Expectation, type ExpectationOptions } from '../spec.ts'
import { total, valueInWords } from '../value-counts.ts'
import { bounded, percent } from '../verdict.ts'
import { where } from '../where.ts'

export interface Balance {
  /** Least share of the rarest class (default 0.01). */
  readonly minShare?: number
}
type Method = (options?: Balance & ExpectationOptions) => Expectation

const kind: Kind<{ of: Node; minShare: number }> = {
  name: 'classBalance',
  group: 'distribution',
  summary: 'The rarest class of a label has at least a share of the rows, and there is more than one class.',
  example: 'c.returned.classBalance({ minShare: 0.01 })',
  needs: ({ args, when }) => ({ metrics: { values: { fn: 'values', of: args.of, ...where(when) } } }),
  verdict: (spec, measured) => {
    const { values, counts } = measured.metric('values', 'values')
    const all = total(counts)
    if (all === 0) return bounded(spec, { min: spec.args.minShare }, null, 0)
    const rarest = counts.reduce((least, one, i) => (one < (counts[least] as number) ? i : least), 0)
    const share = values.length < 2 ? 0 : (counts[rarest] as number) / all
    const shown =
      values.length < 2
        ? `only the class ${valueInWords(values[0] ?? null)}`
        : `${percent(share)} (${valueInWords(values[rarest] ?? null)})`
    return bounded(spec, { min: spec.args.minShare }, share, all, { observed: { classes: values.length }, shown })
  },
}

export const classBalance = columnKind<Record<'int' | 'text' | 'bool', Method>>()({
  kind,
  on: ['int', 'text', 'bool'],
  make: (of: Node, { minShare = 0.01, ...options }: Balance & ExpectationOptions = {}) => {
    if (typeof minShare !== 'number' || !(minShare > 0 && minShare <= 0.5))
      refuse('expectation', 'classBalance', 'minShare must be above 0 and at most 0.5')
    return expectation({
      kind: 'classBalance',
      says: `rarest ${describe(of)} at least ${percent(minShare)}`,
      args: { of, minShare },
      columns: columnsOf(of),
      options,
    })
  },
})

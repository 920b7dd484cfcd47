import { columnsOf, describe, type Node } from '../../expression/node.ts'
import { refuse } from '../../named.ts'
import { columnKind, type Kind } from '../kind.ts'
import { referenceOf, type ReferenceOption } from '../reference.ts'
import type { Reference } from '../rule.ts'
import { expectation, type Expectation, type ExpectationOptions } from '../spec.ts'
import { keyOf, total, valueInWords } from '../value-counts.ts'
import { overNothing, plural, skipped } from '../verdict.ts'
import { where } from '../where.ts'

export interface NewCategoriesOptions {
  /** Default: the snapshot accepted before. */
  readonly from?: ReferenceOption
  /** Most values that may be new (default 0). */
  readonly max?: number
}
type Method = (options?: NewCategoriesOptions & ExpectationOptions) => Expectation
interface Args {
  readonly of: Node
  readonly from: Reference
  readonly max: number
}

const kind: Kind<Args> = {
  name: 'newCategories',
  group: 'distribution',
  summary: 'No value, or few, that a reference does not have.',
  example: 'c.shop.newCategories({ from: archive })',
  needs: ({ args: { of, from }, when }) => {
    const values = { fn: 'values', of, ...where(when) } as const
    return { metrics: { values }, reference: { from, metrics: { values } } }
  },
  verdict: (spec, measured) => {
    const before = measured.reference('values', 'values')
    if (!before) return skipped(spec, 'there is no reference to compare with')
    const now = measured.metric('values', 'values')
    const threshold = spec.args.max === 0 ? 'no new value' : `at most ${plural(spec.args.max, 'new value')}`
    if (now.values.length === 0) return overNothing(spec, threshold)
    const known = new Set(before.values.map(keyOf))
    const fresh = now.values.filter(value => !known.has(keyOf(value))).map(valueInWords)
    return {
      status: fresh.length <= spec.args.max ? 'pass' : 'fail',
      observed: { value: fresh.length, new: fresh.slice(0, 20) },
      evaluated: total(now.counts),
      bad: fresh.length,
      threshold,
      message: `${spec.says}: ${fresh.length === 0 ? 'there is none' : `${plural(fresh.length, 'new value')} (${fresh.slice(0, 6).join(', ')}${fresh.length > 6 ? ', …' : ''})`}`,
    }
  },
}

export const newCategories = columnKind<Record<'int' | 'text' | 'bool', Method>>()({
  kind,
  on: ['int', 'text', 'bool'],
  make: (of: Node, { from = 'previous', max = 0, ...options }: NewCategoriesOptions & ExpectationOptions = {}) => {
    if (!(Number.isInteger(max) && max >= 0))
      refuse('expectation', 'newCategories', 'max must be a whole number, 0 or more')
    const reference = referenceOf('newCategories', from)
    return expectation({
      kind: 'newCategories',
      says: `${describe(of)} has no value that ${reference.words} has not`,
      args: { of, from: reference.from, max } satisfies Args,
      columns: columnsOf(of),
      options,
      uses: reference.uses,
    })
  },
})

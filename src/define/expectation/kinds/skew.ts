import type { Dataset } from '../../dataset.ts'
import { refuse } from '../../named.ts'
import { tableKind } from '../kind.ts'
import { rowKind } from '../row-kind.ts'
import { rowExpectation, type ColumnReference, type Expectation, type NoFloatOptions } from '../spec.ts'
import { matching, type Closeness } from './reconcile.ts'

export interface Skew {
  /** What was served, or trained on: the other side of the same features. */
  readonly with: Dataset
  /** Columns, of the same names in both, that tell which rows belong together. */
  readonly on: readonly ColumnReference[]
  /** Columns, of the same names in both, that must be equal. */
  readonly features: readonly ColumnReference[]
  /** Default 1e-6 relative. */
  readonly tolerance?: Closeness
}

export const skew = tableKind({
  kind: rowKind<ReturnType<typeof matching>>({
    name: 'skew',
    group: 'distribution',
    summary:
      'Features that were served equal those that are trained on, row by row. Rows without a partner are not judged.',
    example: 'expect.skew({ with: ledger, on: [c.id], features: [c.amount] })',
    rule: ({ args }) => ({
      by: 'match',
      with: { dataset: args.dataset },
      on: args.on,
      compare: args.compare,
      abs: args.abs,
      rel: args.rel,
      unmatched: 'ignore',
    }),
  }),
  optionsRequired: true,
  make: ({ with: other, on, features, tolerance, ...options }: NoFloatOptions & Skew): Expectation => {
    if (!features || features.length === 0) refuse('expectation', 'skew', 'needs `features`: the columns to compare')
    const args = matching(
      'skew',
      { with: other, on, compare: features, ...(tolerance ? { tolerance } : {}) },
      { abs: 0, rel: 1e-6 },
    )
    return rowExpectation({
      kind: 'skew',
      says: `${args.compare.join(', ')} as in ${other.name}`,
      args,
      columns: [...args.on, ...args.compare],
      options,
      without: ['nonFinite'],
      uses: [other],
    })
  },
})

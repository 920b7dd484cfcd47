import type { Dataset } from '../../dataset.ts'
import { refuse } from '../../named.ts'
import { tableKind } from '../kind.ts'
import { rowKind } from '../row-kind.ts'
import { columnNames, rowExpectation, type ColumnReference, type Expectation, type NoFloatOptions } from '../spec.ts'

/** How far two numbers may differ and still count as equal: |a − b| ≤ abs + rel·|b|. */
export interface Closeness {
  readonly abs?: number
  readonly rel?: number
}

export interface Comparison {
  /** The dataset that must agree. */
  readonly with: Dataset
  /** Columns, of the same names in both, that tell which rows belong together. */
  readonly on: readonly ColumnReference[]
  /** Columns, of the same names in both, that must be equal. */
  readonly compare?: readonly ColumnReference[]
  /** How far numbers may lie apart (default: not at all). */
  readonly tolerance?: Closeness
}

interface Args {
  readonly dataset: string
  readonly on: readonly string[]
  readonly compare: readonly string[]
  readonly abs: number
  readonly rel: number
}

/** What `reconcile` and `skew` share: names checked in both datasets. */
export function matching(kind: string, comparison: Comparison, exact: Required<Closeness>): Args {
  const names = (columns: readonly ColumnReference[]) => columnNames(columns, kind)
  const on = names(comparison.on)
  const compare = names(comparison.compare ?? [])
  const { abs = exact.abs, rel = exact.rel } = comparison.tolerance ?? {}
  if (on.length === 0) refuse('expectation', kind, 'needs `on`: the columns that tell which rows belong together')
  if (!(abs >= 0 && rel >= 0)) refuse('expectation', kind, 'tolerances must be 0 or more')
  for (const column of [...on, ...compare])
    if (!Object.hasOwn(comparison.with.columns, column))
      refuse('expectation', kind, `${comparison.with.name} has no column '${column}'`)
  return { dataset: comparison.with.name, on, compare, abs, rel }
}

export const reconcile = tableKind({
  kind: rowKind<Args>({
    name: 'reconcile',
    group: 'table',
    summary: 'Two datasets hold the same rows: none missing on either side, compared columns equal.',
    example: 'expect.reconcile({ with: ledger, on: [c.id], compare: [c.amount], tolerance: { abs: 0.005 } })',
    rule: ({ args }) => ({
      by: 'match',
      with: { dataset: args.dataset },
      on: args.on,
      compare: args.compare,
      abs: args.abs,
      rel: args.rel,
      unmatched: 'bad',
    }),
  }),
  optionsRequired: true,
  make: ({ with: other, on, compare, tolerance, ...options }: NoFloatOptions & Comparison): Expectation => {
    const args = matching(
      'reconcile',
      { with: other, on, ...(compare ? { compare } : {}), ...(tolerance ? { tolerance } : {}) },
      { abs: 0, rel: 0 },
    )
    return rowExpectation({
      kind: 'reconcile',
      says: `agrees with ${other.name} on ${args.on.join(' + ')}${args.compare.length === 0 ? '' : ` in ${args.compare.join(', ')}`}`,
      args,
      columns: [...args.on, ...args.compare],
      options,
      without: ['nonFinite'],
      uses: [other],
    })
  },
})

import type { Dataset } from '../../dataset.ts'
import { refuse } from '../../named.ts'
import { tableKind } from '../kind.ts'
import { rowKind } from '../row-kind.ts'
import { columnNames, rowExpectation, type ColumnReference, type Expectation, type NoFloatOptions } from '../spec.ts'

export interface Split {
  /** The other part of the split, with columns of the same names. */
  readonly from: Dataset
  /** Columns that identify a row, or all features. */
  readonly on: readonly ColumnReference[]
}

export const splitLeak = tableKind({
  kind: rowKind<{ dataset: string; on: readonly string[] }>({
    name: 'splitLeak',
    group: 'distribution',
    summary: 'No row of one part of a split stands in the other part as well.',
    example: 'expect.splitLeak({ from: archive, on: [c.id] })',
    rule: ({ args }) => ({
      by: 'lookup',
      columns: args.on,
      in: { dataset: args.dataset },
      inColumns: args.on,
      bad: 'present',
    }),
  }),
  optionsRequired: true,
  make: ({ from, on, ...options }: NoFloatOptions & Split): Expectation => {
    const names = columnNames(on ?? [], 'splitLeak')
    if (names.length === 0) refuse('expectation', 'splitLeak', 'needs `on`: the columns that identify a row')
    for (const column of names)
      if (!Object.hasOwn(from.columns, column))
        refuse('expectation', 'splitLeak', `${from.name} has no column '${column}'`)
    return rowExpectation({
      kind: 'splitLeak',
      says: `no ${names.join(' + ')} of ${from.name}`,
      args: { dataset: from.name, on: names },
      columns: names,
      options,
      without: ['nonFinite'],
      uses: [from],
    })
  },
})

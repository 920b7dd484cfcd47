import { refuse } from '../../named.ts'
import { tableKind } from '../kind.ts'
import { rowKind } from '../row-kind.ts'
import {
  columnName,
  columnNames,
  rowExpectation,
  type ColumnReference,
  type Expectation,
  type RowOptions,
} from '../spec.ts'

export interface By {
  /** The columns that a model sees. */
  readonly by: readonly ColumnReference[]
}

export const conflictingLabels = tableKind({
  kind: rowKind<{ label: string; by: readonly string[] }>({
    name: 'conflictingLabels',
    group: 'distribution',
    summary: 'Rows that are alike in what a model sees have the same label.',
    example: 'expect.conflictingLabels(c.returned, { by: [c.id, c.sku] })',
    rule: ({ args }) => ({ by: 'group', over: args.by, nulls: 'equal', spare: 'none', conflicting: args.label }),
  }),
  optionsRequired: true,
  make: (label: ColumnReference, { by, ...options }: Omit<RowOptions, 'nulls' | 'nonFinite'> & By): Expectation => {
    const name = columnName(label, 'conflictingLabels')
    const names = columnNames(by ?? [], 'conflictingLabels')
    if (names.length === 0) refuse('expectation', 'conflictingLabels', 'needs `by`: the columns that a model sees')
    return rowExpectation({
      kind: 'conflictingLabels',
      says: `one ${name} for each ${names.join(' + ')}`,
      args: { label: name, by: names },
      columns: [name, ...names],
      options,
      without: ['nulls', 'nonFinite'],
    })
  },
})

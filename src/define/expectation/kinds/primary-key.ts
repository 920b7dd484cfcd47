import { refuse } from '../../named.ts'
import { tableKind } from '../kind.ts'
import { rowKind } from '../row-kind.ts'
import { columnNames, rowExpectation, type ColumnReference, type Expectation, type RowOptions } from '../spec.ts'

export const primaryKey = tableKind({
  kind: rowKind<{ columns: readonly string[] }>({
    name: 'primaryKey',
    group: 'table',
    summary: 'Some columns identify a row: no nulls among them, no two rows alike.',
    example: 'expect.primaryKey([c.id])',
    rule: ({ args }) => ({ by: 'group', over: args.columns, nulls: 'equal', spare: 'none', nullsBad: true }),
  }),
  make: (columns: readonly ColumnReference[], options: Omit<RowOptions, 'nulls' | 'nonFinite'> = {}): Expectation => {
    const names = columnNames(columns, 'primaryKey')
    if (names.length === 0) refuse('expectation', 'primaryKey', 'needs at least one column')
    return rowExpectation({
      kind: 'primaryKey',
      says: `${names.join(' + ')} identifies a row`,
      args: { columns: names },
      columns: names,
      options,
      nulls: 'bad',
      without: ['nulls', 'nonFinite'],
    })
  },
})

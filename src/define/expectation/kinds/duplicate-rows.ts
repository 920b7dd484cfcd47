import { tableKind } from '../kind.ts'
import { rowKind } from '../row-kind.ts'
import { columnNames, rowExpectation, type ColumnReference, type Expectation, type RowOptions } from '../spec.ts'

export interface DuplicateOptions {
  /** Columns that may differ between duplicates, such as a load time. */
  readonly ignoreColumns?: readonly ColumnReference[]
}

export const duplicateRows = tableKind({
  kind: rowKind<{ ignore: readonly string[] }>({
    name: 'duplicateRows',
    group: 'table',
    summary:
      'No row is a copy of another in every declared column. All but the first of each group are bad; nulls are values like others.',
    example: 'expect.duplicateRows({ maxBad: 10 })',
    rule: ({ args }) => ({ by: 'group', over: [], except: args.ignore, nulls: 'equal', spare: 'first' }),
  }),
  make: ({
    ignoreColumns = [],
    ...options
  }: Omit<RowOptions, 'nulls' | 'nonFinite'> & DuplicateOptions = {}): Expectation => {
    const ignore = columnNames(ignoreColumns, 'duplicateRows')
    return rowExpectation({
      kind: 'duplicateRows',
      says: `no duplicate rows${ignore.length === 0 ? '' : ` (${ignore.join(', ')} left aside)`}`,
      args: { ignore },
      columns: [],
      options,
      without: ['nulls', 'nonFinite'],
    })
  },
})

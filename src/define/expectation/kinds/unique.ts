import { refuse } from '../../named.ts'
import type { Node } from '../../expression/node.ts'
import { columnKind, tableKind } from '../kind.ts'
import { rowKind } from '../row-kind.ts'
import { columnNames, rowExpectation, type ColumnReference, type Expectation, type RowOptions } from '../spec.ts'

export interface KeyOptions extends Omit<RowOptions, 'nulls' | 'nonFinite'> {
  /**
   * Rows with a null among the columns: not judged (`ignore`, default), equal to each other where the rest is (`equal`),
   * or judged but alike to no other (`distinct`).
   */
  readonly nulls?: 'ignore' | 'equal' | 'distinct'
}
type Method = (options?: KeyOptions) => Expectation

interface Args {
  readonly columns: readonly string[]
  readonly nulls: 'ignore' | 'equal' | 'distinct'
}

function make(columns: readonly ColumnReference[], { nulls = 'ignore', ...options }: KeyOptions = {}): Expectation {
  const names = columnNames(columns, 'unique')
  if (names.length === 0) refuse('expectation', 'unique', 'needs at least one column')
  if (!['ignore', 'equal', 'distinct'].includes(nulls))
    refuse('expectation', 'unique', 'nulls must be one of ignore, equal, distinct')
  return rowExpectation({
    kind: 'unique',
    says: `${names.join(' + ')} unique`,
    args: { columns: names, nulls } satisfies Args,
    columns: names,
    options,
    without: ['nulls', 'nonFinite'],
  })
}

const kind = rowKind<Args>({
  name: 'unique',
  group: 'table',
  summary: 'No two rows share the values of some columns. All rows of a group of two or more are bad.',
  example: 'expect.unique([c.id])',
  rule: ({ args }) => ({ by: 'group', over: args.columns, nulls: args.nulls, spare: 'none' }),
})

export const unique = tableKind({ kind, make })

/** The same of one column, as its method. */
export const uniqueColumn = columnKind<Record<'int' | 'float' | 'text' | 'bool' | 'timestamp', Method>>()({
  kind,
  on: ['int', 'float', 'text', 'bool', 'timestamp'],
  make: (node: Node, options: KeyOptions = {}) => make([{ node }], options),
})

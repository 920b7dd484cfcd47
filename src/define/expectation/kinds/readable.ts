import { describe, type Node } from '../../expression/node.ts'
import { columnKind } from '../kind.ts'
import { expressionKind } from '../row-kind.ts'
import { columnName, rowExpectation, type Expectation, undecided, type DecidedOptions } from '../spec.ts'

type Method = (options?: DecidedOptions) => Expectation

const suffix = '?unreadable'

/** Name of the column that says whether a cell of a text source could not be read as its declared type. */
export const unreadableName = (column: string): string => `${column}${suffix}`

/** Whether a column has such a name. */
export const isUnreadableName = (name: string): boolean => name.endsWith(suffix)

/** The column whose cells a column tells of: itself, but of one that says whether they are unreadable. */
export const cellsOf = (name: string): string => (isUnreadableName(name) ? name.slice(0, -suffix.length) : name)

/** That the cells of a column read as its type. */
export function readableCells(of: Node, options: DecidedOptions = {}): Expectation {
  const name = columnName({ node: of }, 'readable')
  return rowExpectation({
    kind: 'readable',
    says: `${describe(of)} reads as ${of.type}`,
    args: { of: name },
    columns: [name],
    options,
    nonFinite: 'allow',
    without: undecided,
  })
}

export const readable = columnKind<Record<'int' | 'float' | 'bool' | 'timestamp' | 'vector', Method>>()({
  kind: expressionKind<{ of: string }>({
    name: 'readable',
    group: 'row',
    summary:
      "Every cell holds a value of its column's type. Stands by itself for every column of text (CSV, JSON lines, SQLite, PostgreSQL), where an empty cell is null, and for columns of other sources whose type holds more than the declared one.",
    example: 'c.amount.readable({ mostly: 0.999 })',
    good: ({ of }) => ({
      op: 'call',
      fn: 'not',
      type: 'bool',
      args: [{ op: 'column', name: unreadableName(of), type: 'bool' }],
    }),
  }),
  on: ['int', 'float', 'bool', 'timestamp', 'vector'],
  make: readableCells,
})

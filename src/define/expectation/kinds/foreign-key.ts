import type { Dataset } from '../../dataset.ts'
import { refuse } from '../../named.ts'
import { tableKind } from '../kind.ts'
import { rowKind } from '../row-kind.ts'
import { columnNames, rowExpectation, type ColumnReference, type Expectation, type NoFloatOptions } from '../spec.ts'

interface Args {
  readonly columns: readonly string[]
  readonly dataset: string
  readonly references: readonly string[]
}

export const foreignKey = tableKind({
  kind: rowKind<Args>({
    name: 'foreignKey',
    group: 'table',
    summary:
      'The values of some columns occur together as a row of another dataset. A row with a null among them is not judged.',
    example: "expect.foreignKey([c.shop], shops, ['name'])",
    rule: ({ args }) => ({
      by: 'lookup',
      columns: args.columns,
      in: { dataset: args.dataset },
      inColumns: args.references,
      bad: 'absent',
    }),
  }),
  make: <D extends Dataset>(
    columns: readonly ColumnReference[],
    dataset: D,
    references: readonly (keyof D['columns'] & string)[],
    options: NoFloatOptions = {},
  ): Expectation => {
    const names = columnNames(columns, 'foreignKey')
    if (names.length === 0 || names.length !== references.length)
      refuse('expectation', 'foreignKey', 'needs as many columns here as in the other dataset, at least one')
    for (const column of references)
      if (!Object.hasOwn(dataset.columns, column))
        refuse('expectation', 'foreignKey', `${dataset.name} has no column '${column}'`)
    return rowExpectation({
      kind: 'foreignKey',
      says: `${names.join(' + ')} refers to ${dataset.name} (${references.join(', ')})`,
      args: { columns: names, dataset: dataset.name, references },
      columns: names,
      options,
      without: ['nonFinite'],
      uses: [dataset],
    })
  },
})

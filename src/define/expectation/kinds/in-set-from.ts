import type { Dataset } from '../../dataset.ts'
import { columnsOf, describe, type Node } from '../../expression/node.ts'
import { refuse } from '../../named.ts'
import { columnKind } from '../kind.ts'
import { rowKind } from '../row-kind.ts'
import { columnName, rowExpectation, type Expectation, type NoFloatOptions } from '../spec.ts'

type Method = <D extends Dataset>(
  dataset: D,
  column: keyof D['columns'] & string,
  options?: NoFloatOptions,
) => Expectation

export const inSetFrom = columnKind<{ int: Method; text: Method; timestamp: Method }>()({
  kind: rowKind<{ of: string; dataset: string; column: string }>({
    name: 'inSetFrom',
    group: 'row',
    summary: 'Every value occurs in a column of another dataset.',
    example: "c.shop.inSetFrom(shops, 'name')",
    rule: ({ args }) => ({
      by: 'lookup',
      columns: [args.of],
      in: { dataset: args.dataset },
      inColumns: [args.column],
      bad: 'absent',
    }),
  }),
  on: ['int', 'text', 'timestamp'],
  make: (of: Node, dataset: Dataset, column: string, options: NoFloatOptions = {}) => {
    if (!Object.hasOwn(dataset.columns, column))
      refuse('expectation', 'inSetFrom', `${dataset.name} has no column '${column}'`)
    return rowExpectation({
      kind: 'inSetFrom',
      says: `${describe(of)} occurs in ${dataset.name}.${column}`,
      args: { of: columnName({ node: of }, 'inSetFrom'), dataset: dataset.name, column },
      columns: columnsOf(of),
      options,
      without: ['nonFinite'],
      uses: [dataset],
    })
  },
})

import { columnsOf, describe, type Node } from '../../expression/node.ts'
import { columnKind } from '../kind.ts'
import { rowKind } from '../row-kind.ts'
import {
  columnName,
  columnNames,
  rowExpectation,
  type ColumnReference,
  type Expectation,
  type NoFloatOptions,
  type RowOptions,
} from '../spec.ts'
import { checkFlags } from '../options.ts'

export interface Order {
  /** In which order the rows are taken. */
  readonly orderBy: ColumnReference
  /** Each partition is looked at by itself. */
  readonly partitionBy?: readonly ColumnReference[]
  /** Equal neighbours are bad as well. */
  readonly strict?: boolean
}
type Method<O> = (options: O & Order) => Expectation

interface Args {
  readonly of: string
  readonly orderBy: string
  readonly within: readonly string[]
  readonly strict: boolean
}

/** The two kinds that hold a column to a direction. */
export function orderedKind(
  name: 'increasing' | 'decreasing',
  texts: { readonly summary: string; readonly example: string },
) {
  return columnKind<{ int: Method<NoFloatOptions>; float: Method<RowOptions>; timestamp: Method<NoFloatOptions> }>()({
    kind: rowKind<Args>({
      name,
      group: 'row',
      ...texts,
      rule: ({ args: { of, orderBy, within, strict } }) => ({
        by: 'order',
        of,
        orderBy,
        within,
        step: name === 'increasing' ? { min: 0, strict } : { max: 0, strict },
      }),
    }),
    on: ['int', 'float', 'timestamp'],
    optionsRequired: true,
    make: (of: Node, { orderBy, partitionBy = [], strict = false, ...options }: RowOptions & Order) => {
      checkFlags(name, { strict })
      const args: Args = {
        of: columnName({ node: of }, name),
        orderBy: columnName(orderBy, name),
        within: columnNames(partitionBy, name),
        strict,
      }
      const per = args.within.length === 0 ? '' : ` within each ${args.within.join(' + ')}`
      return rowExpectation({
        kind: name,
        says: `${describe(of)} ${strict ? 'strictly ' : ''}${name} by ${args.orderBy}${per}`,
        args,
        columns: [...new Set([...columnsOf(of), args.orderBy, ...args.within])],
        options,
        floats: of.type === 'float',
      })
    },
  })
}

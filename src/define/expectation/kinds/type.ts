import { columnsOf, describe, type Node } from '../../expression/node.ts'
import { columnKind } from '../kind.ts'
import { expressionKind } from '../row-kind.ts'
import { rowExpectation, type Expectation, type NoFloatOptions } from '../spec.ts'
import { search } from './matches.ts'
import { checkWord } from '../options.ts'

type Readable = 'int' | 'float' | 'bool' | 'timestamp' | 'date'
type Method = (type: Readable, options?: NoFloatOptions) => Expectation

/** The written forms that are read as each type without loss: no spaces, no thousands separators, no locale. */
const forms: Record<Readable, RegExp> = {
  int: /^[+-]?(?:0|[1-9][0-9]{0,17})$/,
  float: /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?$/,
  bool: /^(?:true|false)$/i,
  date: /^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])$/,
  timestamp:
    /^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?$/,
}

export const type = columnKind<{ text: Method }>()({
  kind: expressionKind<{ good: Node }>({
    name: 'type',
    group: 'row',
    summary: 'Every text can be read as a type. (That a column has its declared type is checked by the schema.)',
    example: "c.quantity_text.type('int')",
    good: ({ good }) => good,
  }),
  on: ['text'],
  make: (of: Node, wanted: Readable, options: NoFloatOptions = {}) => {
    checkWord('type', 'the type', wanted ?? '', Object.keys(forms))
    return rowExpectation({
      kind: 'type',
      says: `${describe(of)} reads as ${wanted}`,
      args: { good: search(of, forms[wanted]).node },
      columns: columnsOf(of),
      options,
    })
  },
})

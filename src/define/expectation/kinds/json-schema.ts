import type { Json } from '../../../internal/canonical-json.ts'
import { columnsOf, describe, type Node } from '../../expression/node.ts'
import { refuse } from '../../named.ts'
import { columnKind } from '../kind.ts'
import { rowKind } from '../row-kind.ts'
import { columnName, rowExpectation, type Expectation, type NoFloatOptions } from '../spec.ts'

type Schema = { readonly [key: string]: Json }
type Method = (schema: Schema, options?: NoFloatOptions) => Expectation

export const jsonSchema = columnKind<{ text: Method }>()({
  kind: rowKind<{ of: string; schema: Schema }>({
    name: 'jsonSchema',
    group: 'row',
    summary: 'Every text is JSON that meets a JSON Schema (draft 2020-12). Each different text is judged once.',
    example: "c.details.jsonSchema({ type: 'object', required: ['size'] })",
    rule: ({ args }) => ({ by: 'levels', of: args.of, test: 'json-schema', option: args.schema }),
  }),
  on: ['text'],
  make: (of: Node, schema: Schema, options: NoFloatOptions = {}) => {
    if (typeof schema !== 'object' || schema === null || Array.isArray(schema))
      refuse('expectation', 'jsonSchema', 'needs a JSON Schema as an object')
    return rowExpectation({
      kind: 'jsonSchema',
      says: `${describe(of)} meets its JSON Schema`,
      args: { of: columnName({ node: of }, 'jsonSchema'), schema },
      columns: columnsOf(of),
      options,
      without: ['nonFinite'],
    })
  },
})

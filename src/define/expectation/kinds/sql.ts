import type { Node } from '../../expression/node.ts'
import { literalOf } from '../../expression/build.ts'
import { refuse } from '../../named.ts'
import { tableKind } from '../kind.ts'
import { rowKind } from '../row-kind.ts'
import { columnsOfAll, rowExpectation, type Expectation, type RowOptions } from '../spec.ts'

/** A query as SQL text with expressions in it. Made by the `sql` tag, never from loose text. */
export interface Query {
  readonly query: readonly (string | Node)[]
}

type Hole = { readonly node: Node } | string | number | bigint | boolean | Date

/**
 * SQL with typed holes: a column expression becomes its SQL, any other value a literal. The relation `rows` is the
 * dataset itself. `` sql`SELECT * FROM rows WHERE ${c.net} > ${c.amount} * 2` ``
 */
export function sql(texts: TemplateStringsArray, ...holes: readonly Hole[]): Query {
  return {
    query: texts.flatMap((text, i) => {
      const hole = holes[i]
      if (hole === undefined) return [text]
      return [text, typeof hole === 'object' && 'node' in hole ? hole.node : literalOf(hole)]
    }),
  }
}

export const query = tableKind({
  kind: rowKind<{ query: readonly (string | Node)[] }>({
    name: 'sql',
    group: 'custom',
    summary:
      "A query over `rows` finds nothing; what it finds are the failures. It must keep the dataset's columns of a row.",
    example: 'expect.sql(sql`SELECT * FROM rows WHERE ${c.net} > ${c.amount} + 100`)',
    rule: ({ args }) => ({ by: 'query', parts: args.query }),
  }),
  make: ({ query: parts }: Query, options: RowOptions & { readonly says?: string } = {}): Expectation => {
    const { says, ...others } = options
    if (!Array.isArray(parts)) refuse('expectation', 'sql', 'needs a query made by the sql tag')
    const text = parts
      .map(part => (typeof part === 'string' ? part : '…'))
      .join('')
      .replace(/\s+/g, ' ')
      .trim()
    return rowExpectation({
      kind: 'sql',
      says: says ?? `no row by ${text.length > 80 ? `${text.slice(0, 79)}…` : text}`,
      args: { query: parts },
      columns: columnsOfAll(parts.filter((part): part is Node => typeof part !== 'string')),
      options: { ...others, nulls: 'good' },
    })
  },
})

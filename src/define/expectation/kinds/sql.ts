import { micros, type Duration } from '../../../internal/time.ts'
import type { Node } from '../../expression/node.ts'
import { literalOf } from '../../expression/build.ts'
import { refuse } from '../../named.ts'
import { tableKind } from '../kind.ts'
import { rowKind } from '../row-kind.ts'
import { columnsOfAll, rowExpectation, type Expectation, type RowOptions } from '../spec.ts'
import { timeoutOf } from '../options.ts'

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
  if (!Array.isArray(texts)) refuse('expectation', 'sql', 'is a tag of a template: sql`SELECT …`')
  return {
    query: texts.flatMap((text, i): (string | Node)[] => {
      if (i >= holes.length) return [text]
      const hole = holes[i]
      if (hole === undefined || hole === null) refuse('expectation', 'sql', `its part ${i + 1} is ${String(hole)}`)
      return [text, typeof hole === 'object' && 'node' in hole ? hole.node : literalOf(hole)]
    }),
  }
}

const isPart = (part: unknown): boolean =>
  typeof part === 'string' || (typeof part === 'object' && part !== null && 'op' in part)

/** Whether SQL may ask the clock, chance or the state of the engine: the same rows then give other answers. */
function isVolatile(text: string): boolean {
  return /\b(now|today|current_\w+|local_?time\w*|transaction_timestamp|get_current_\w+|age|random|setseed|\w*uuid\w*|nextval|currval)\b/i.test(
    text,
  )
}

export interface SqlOptions {
  /** Longest time that the query may take (default 5 minutes). */
  readonly timeout?: Duration
}
interface Args {
  readonly query: readonly (string | Node)[]
  /** Absent where it is the default, so that a declaration without it keeps its id. */
  readonly timeoutMicros?: number
}
const longest: Duration = '5m'

export const query = tableKind({
  kind: rowKind<Args>({
    name: 'sql',
    group: 'custom',
    summary:
      'A query over `rows` finds nothing; what it finds are the failures. It is one SELECT that reads nothing else, and is ended after five minutes or its `timeout`.',
    example: 'expect.sql(sql`SELECT * FROM rows WHERE ${c.net} > ${c.amount} + 100`)',
    restsOnMore: ({ args }) => args.query.some(part => typeof part === 'string' && isVolatile(part)),
    rule: ({ args }) => ({ by: 'query', parts: args.query, timeoutMicros: args.timeoutMicros ?? micros(longest) }),
  }),
  make: (
    { query: parts }: Query,
    options: Omit<RowOptions, 'nulls' | 'nonFinite' | 'denominator'> & SqlOptions & { readonly says?: string } = {},
  ): Expectation => {
    const { says, timeout, ...others } = options
    if (!Array.isArray(parts) || !parts.every(isPart)) refuse('expectation', 'sql', 'needs a query made by the sql tag')
    const timeoutMicros = timeout === undefined ? undefined : timeoutOf('sql', timeout)
    const text = parts
      .map(part => (typeof part === 'string' ? part : '…'))
      .join('')
      .replace(/\s+/g, ' ')
      .trim()
    return rowExpectation({
      kind: 'sql',
      says: says ?? `no row by ${text.length > 80 ? `${text.slice(0, 79)}…` : text}`,
      args: { query: parts, ...(timeoutMicros === undefined ? {} : { timeoutMicros }) } satisfies Args,
      columns: columnsOfAll(parts.filter((part): part is Node => typeof part !== 'string')),
      options: others,
      nulls: 'good',
      without: ['nulls', 'nonFinite', 'denominator'],
    })
  },
})

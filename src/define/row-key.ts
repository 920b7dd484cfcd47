import type { ColumnExpressions, Columns } from './column.ts'
import { columnsOf, type Node } from './expression/node.ts'
import type { Expression } from './expression/types.ts'
import { refuse } from './named.ts'

/** What decides where a row goes: one expression, or several together. */
export type Key<C extends Columns> = (c: ColumnExpressions<C>) => Expression | readonly Expression[]

/** The nodes that a callback gave: expressions over columns of the rows themselves. */
export function nodesOf(model: string, what: string, made: unknown): readonly Node[] {
  const list: readonly unknown[] = Array.isArray(made) ? (made as unknown[]) : [made]
  if (list.length === 0) refuse('model', model, `${what} names no column`)
  return list.map(one => {
    const node = (one as { readonly node?: Node } | null | undefined)?.node
    if (typeof node?.op !== 'string') refuse('model', model, `${what} is no expression over columns, such as c.id`)
    const feature = columnsOf(node).find(name => name.includes('.'))
    if (feature !== undefined) refuse('model', model, `${what} reads the feature ${feature}: rows are split by columns`)
    return node
  })
}

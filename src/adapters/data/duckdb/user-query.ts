import type { Json } from '../../../internal/canonical-json.ts'
import { text, type Session } from './session.ts'

/** Table functions that read nothing but their arguments. */
const harmless: ReadonlySet<string> = new Set(['range', 'generate_series', 'unnest'])

/** Names that can only be those of a CTE: a path in quotes would be read as a file where the CTE is out of sight. */
const plainName = /^[a-z_][a-z0-9_]*$/i

type Tree = Json | undefined

const isObject = (tree: Tree): tree is { readonly [key: string]: Tree } =>
  typeof tree === 'object' && tree !== null && !Array.isArray(tree)

/** Every object of a tree, without recursion: a query may be nested as deep as its parser lets it. */
function* objects(root: Tree): Iterable<{ readonly [key: string]: Tree }> {
  const open: Tree[] = [root]
  while (open.length > 0) {
    const tree = open.pop()
    if (isObject(tree)) {
      yield tree
      open.push(...Object.values(tree))
    } else if (Array.isArray(tree)) for (const part of tree) open.push(part as Tree)
  }
}

/** The names that its WITH clauses give. */
function namesWithin(root: Tree): Set<string> {
  const names = new Set<string>()
  for (const node of objects(root))
    if (isObject(node.cte_map) && Array.isArray(node.cte_map.map))
      for (const entry of node.cte_map.map)
        if (isObject(entry as Tree)) names.add(String((entry as { key?: Json }).key))
  return names
}

/**
 * Why a user's query must not be run; undefined where it is one SELECT over `relation` and what it makes of it. The
 * engine's own parser reads it, so nothing hides in quotes, comments or brackets.
 */
export async function refusalOf(query: string, relation: string, session: Session): Promise<string | undefined> {
  const [row] = await session(`SELECT json_serialize_sql(${text(query)}) AS tree`)
  const tree = JSON.parse(String(row?.tree)) as {
    readonly error: boolean
    readonly error_message?: string
    readonly statements?: readonly Json[]
  }
  if (tree.error) {
    const reason = (tree.error_message ?? '').split('\n')[0] as string
    return /Only SELECT/i.test(reason) ? 'it may only be a SELECT' : reason
  }
  if (tree.statements?.length !== 1) return `it must be one statement, it is ${tree.statements?.length ?? 0}`
  const within = namesWithin(tree.statements)
  const odd = [...within].find(name => !plainName.test(name))
  if (odd !== undefined) return `the name '${odd}' of a WITH clause may only have letters, digits and _`
  const known = new Set([relation, ...within].map(name => name.toLowerCase()))
  for (const node of objects(tree.statements)) {
    if (node.type === 'BASE_TABLE') {
      const name = String(node.table_name)
      if (node.catalog_name || node.schema_name || !known.has(name.toLowerCase()))
        return `it may only read '${relation}', not '${[node.catalog_name, node.schema_name, name].filter(Boolean).join('.')}'`
    } else if (node.type === 'TABLE_FUNCTION') {
      const name = isObject(node.function) ? String(node.function.function_name) : ''
      if (!harmless.has(name.toLowerCase())) return `it may only read '${relation}', not what ${name}(…) gives`
    } else if (node.type === 'SHOW_REF') return `it may only read '${relation}', not describe what is there`
  }
  return undefined
}

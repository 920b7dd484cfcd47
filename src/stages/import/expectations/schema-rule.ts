import { table, type Call } from './code.ts'
import { LeftOut } from './given.ts'
import type { Rule } from './rule.ts'

/** A rule about which columns there are, and in which order: the declared columns are then those of the rule. */
export function exactColumns(
  rule: Rule,
  names: readonly string[],
  shape: { readonly mode?: 'exact' | 'superset'; readonly ordered?: true },
  options: Readonly<Record<string, unknown>>,
): Call {
  const { mode = 'exact', ordered } = shape
  if (options['when'] !== undefined) throw new LeftOut('the columns of a table do not depend on its rows')
  for (const name of names) rule.column(name)
  const declared = rule.declaredColumns(names, ordered === true)
  const other = declared.filter(name => !names.includes(name))
  if (mode === 'exact' && other.length > 0) throw new LeftOut(`the dataset declares ${other.join(', ')} as well`)
  if (ordered && (names.some((name, i) => declared[i] !== name) || names.some(name => /^(?:0|[1-9]\d*)$/.test(name))))
    throw new LeftOut('the dataset declares its columns in another order')
  rule.differs('the types of the columns are checked as well')
  return table('schema', [], { ...(mode === 'exact' ? { mode } : {}), ordered, ...options })
}

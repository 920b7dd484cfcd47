import { format } from '@cfworker/json-schema'
import { linearSearch, patternText } from '../../define/expression/pattern.ts'
import type { Json } from '../../internal/canonical-json.ts'

/** Members of a schema that hold values, not schemas. */
const valued: ReadonlySet<string> = new Set(['const', 'enum', 'default', 'examples'])

/**
 * A schema whose patterns are searched for in time linear in the text, as formats of their own: JavaScript's RegExp, which
 * the validator uses, may take for ever. What only that can express stays, and is ended by its time limit.
 */
export function withLinearPatterns(schema: Json): Json {
  if (Array.isArray(schema)) return schema.map(one => withLinearPatterns(one as Json))
  if (typeof schema !== 'object' || schema === null) return schema
  const made: Record<string, Json> = {}
  let searched: string | undefined
  for (const [name, member] of Object.entries(schema as Readonly<Record<string, Json>>)) {
    searched ??= name === 'pattern' && typeof member === 'string' ? formatOf(member) : undefined
    if (name === 'pattern' && searched !== undefined) continue
    // a member of any name, __proto__ among them
    Object.defineProperty(made, name, {
      value: valued.has(name) ? member : withLinearPatterns(member),
      enumerable: true,
      configurable: true,
      writable: true,
    })
  }
  if (searched === undefined) return made
  const others = Array.isArray(made.allOf) ? (made.allOf as Json[]) : []
  return { ...made, allOf: [...others, { format: searched }] }
}

/** The format that searches for a pattern; undefined where it is beyond linear time. */
function formatOf(pattern: string): string | undefined {
  try {
    const search = linearSearch(patternText(new RegExp(pattern, 'u')))
    const name = `pattern ${pattern}`
    ;(format as Record<string, (text: string) => boolean>)[name] = search
    return name
  } catch {
    return undefined
  }
}

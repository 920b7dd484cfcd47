/** Anything that RFC 8785 can carry. `undefined` members are dropped, as in `JSON.stringify`. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined }

/**
 * Canonical JSON (RFC 8785): keys sorted by UTF-16 code units, no spaces, ECMAScript number form.
 * Two values are equal exactly when their canonical texts are; digests of definitions rest on it.
 * Throws `TypeError` on NaN, infinities, bigint and functions: they have no JSON form.
 */
export function canonicalJson(value: Json): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError(`${value} has no JSON form`)
    return JSON.stringify(value)
  }
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value === 'object') {
    const object = value as { readonly [key: string]: Json | undefined }
    const members: string[] = []
    for (const key of Object.keys(object).sort()) {
      const member = object[key]
      if (member !== undefined) members.push(`${JSON.stringify(key)}:${canonicalJson(member)}`)
    }
    return `{${members.join(',')}}`
  }
  throw new TypeError(`${typeof value} has no JSON form`)
}

import { canonicalJson, type Json } from '../../../internal/canonical-json.ts'

/** Structured columns hold canonical JSON text in both databases, so that equal values are equal texts. */
export function encode(value: unknown): string {
  return canonicalJson(value as Json)
}

export function encodeOptional(value: unknown): string | null {
  return value === undefined ? null : encode(value)
}

export function decode<T>(text: string): T {
  return JSON.parse(text) as T
}

/** Leaves out members that the database holds as null: the ports have optional members, never null ones. */
export function present<K extends string, T>(key: K, value: T | null): { [P in K]?: T } {
  return (value === null ? {} : { [key]: value }) as { [P in K]?: T }
}

/** As `present`, for JSON columns. */
export function presentJson<K extends string, T>(key: K, text: string | null): { [P in K]?: T } {
  return (text === null ? {} : { [key]: decode<T>(text) }) as { [P in K]?: T }
}

/** Groups of at most `size`: PostgreSQL takes 65,535 parameters a statement, SQLite 32,766. */
export function* chunks<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let i = 0; i < items.length; i += size) yield items.slice(i, i + size)
}

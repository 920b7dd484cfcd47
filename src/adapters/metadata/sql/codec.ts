import { crc32 } from 'node:zlib'
import { canonicalJson, type Json } from '../../../internal/canonical-json.ts'

const head = '{"crc32":"'
const middle = '","value":'
const sumLength = 8
const headLength = head.length + sumLength + middle.length

const sumOf = (text: string): string => crc32(text).toString(16).padStart(sumLength, '0')

/**
 * Structured columns hold canonical JSON text in both databases, so that equal values are equal texts, with the checksum of the
 * value: no database tells of a bit that turned in a text and left it JSON.
 */
export function encode(value: unknown): string {
  const text = canonicalJson(value as Json)
  return `${head}${sumOf(text)}${middle}${text}}`
}

export function encodeOptional(value: unknown): string | null {
  return value === undefined ? null : encode(value)
}

/** Whether a text has a checksum: what is around it may be damaged as well. */
function hasSum(text: string): boolean {
  const around = text.slice(0, head.length) + text.slice(head.length + sumLength, headLength)
  const expected = head + middle
  let same = 0
  for (let i = 0; i < expected.length; i++) if (around[i] === expected[i]) same++
  return same > expected.length / 2
}

/** A value as `encode` wrote it, or as JSON without a checksum that was written before there was one. Throws where it is damaged. */
export function decode<T>(text: string): T {
  if (!hasSum(text)) return JSON.parse(text) as T
  const value = text.slice(headLength, -1)
  if (text !== `${head}${sumOf(value)}${middle}${value}}`)
    throw new SyntaxError('it is not as it was written: its checksum is another')
  return JSON.parse(value) as T
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

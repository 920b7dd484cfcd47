import type { ColumnType, Value } from '../../ports/data-engine.ts'

/**
 * One text for each value of a type, the same on every path: requests, pushes, files. Undefined for what is no key: null, and
 * NaN, which equals nothing.
 */
const texts: Record<ColumnType, (value: Exclude<Value, null>) => string | undefined> = {
  text: String,
  // no key has one
  vector: () => undefined,
  bool: value => (value === true || value === 1 || value === 'true' ? 'true' : 'false'),
  int: value => (typeof value === 'number' ? wholeText(value) : String(value)),
  timestamp: value => (typeof value === 'number' ? wholeText(value) : String(value)),
  float(value) {
    const number = Number(value)
    // -0 equals 0
    return Number.isNaN(number) ? undefined : String(number === 0 ? 0 : number)
  },
}

/** Without an exponent: 1e21 and 1000000000000000000000 are one number. */
const wholeText = (value: number): string | undefined =>
  Number.isInteger(value) ? BigInt(value).toString() : undefined

/** One text for a composite key that no two different keys share; undefined where a part of it is no key. */
export function encodeKey(values: readonly (Value | undefined)[], types: readonly ColumnType[]): string | undefined {
  const parts: string[] = []
  for (const [i, value] of values.entries()) {
    const part = value === null || value === undefined ? undefined : texts[types[i] ?? 'text'](value)
    if (part === undefined) return undefined
    parts.push(part)
  }
  return parts.length === 1 ? parts[0] : JSON.stringify(parts)
}

/**
 * 53 bits of a text (cyrb53): which row a version is of, in a record. Two rows of one entity share it once in 10^8 entities with ten
 * thousand events each.
 */
export function rowNumberOf(key: string): number {
  let a = 0xdeadbeef
  let b = 0x41c6ce57
  for (let i = 0; i < key.length; i++) {
    const unit = key.charCodeAt(i)
    a = Math.imul(a ^ unit, 2654435761)
    b = Math.imul(b ^ unit, 1597334677)
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909)
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909)
  return 4294967296 * (2097151 & b) + (a >>> 0)
}

/** Text of TypeScript that is made from names and values: whatever is in them, they stand there as literals and nothing else. */

const identifier = /^[A-Za-z_$][\w$]*$/

/** What could end a line, hide itself, or turn the order of what is read. */
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]/gu

const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function escaped(char: string): string {
  return (
    short[char] ??
    [...Array(char.length).keys()].map(i => `\\u${char.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')
  )
}

/** A text as a literal in single quotes. */
export function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, char => `\\${char}`).replace(unseen, escaped)}'`
}

/** A key of an object literal. `__proto__` would set the prototype, unless it is computed. */
export function keyText(name: string): string {
  if (name === '__proto__') return `['__proto__']`
  return identifier.test(name) ? name : quoted(name)
}

/** A member of an object: `c.delay`, `c['late share']`. */
export function memberText(object: string, name: string): string {
  return identifier.test(name) ? `${object}.${name}` : `${object}[${quoted(name)}]`
}

/** What a literal regular expression may hold without a word of the type checker about flags or escapes. */
const plainPattern = /^(?!.*\\[pPkuxc0-9])(?!.*\(\?<)[\x20-\x7e]*$/

function patternText({ source, flags }: RegExp): string {
  if (plainPattern.test(source)) return `/${source}/${flags}`
  return `new RegExp(${[source, ...(flags ? [flags] : [])].map(quoted).join(', ')})`
}

function numberText(value: number): string {
  if (!Number.isFinite(value))
    return `Number.${Number.isNaN(value) ? 'NaN' : value > 0 ? 'POSITIVE_INFINITY' : 'NEGATIVE_INFINITY'}`
  return Object.is(value, -0) ? '0' : String(value)
}

/** Text that is code already and stands as it is. */
export class Code {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** A value as TypeScript. Undefined members of objects are left away. */
export function literalText(value: unknown): string {
  if (value instanceof Code) return value.text
  if (value instanceof RegExp) return patternText(value)
  if (value instanceof Date) return `new Date(${quoted(value.toISOString())})`
  if (Array.isArray(value)) return `[${value.map(literalText).join(', ')}]`
  if (typeof value === 'string') return quoted(value)
  if (typeof value === 'number') return numberText(value)
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? String(value) : `${value}n`
  if (typeof value !== 'object' || value === null) return String(value)
  const members = Object.entries(value).flatMap(([key, member]) =>
    member === undefined ? [] : [`${keyText(key)}: ${literalText(member)}`],
  )
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`
}

/** A text that can stand in a comment of one line, cut where it is longer than `most` characters. */
export function lineComment(text: string, most = Number.POSITIVE_INFINITY): string {
  const plain = text
    .replace(/[\s\u2028\u2029]+/g, ' ')
    .replace(unseen, escaped)
    .trim()
  return plain.length > most ? `${plain.slice(0, most - 1)}…` : plain
}

/** TypeScript text that was made from names and values with `literal`, and is safe to stand in a module. */
export class Code {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

const plainName = /^[A-Za-z_$][\w$]*$/

/** A key of an object literal. `__proto__` would set the prototype, unless it is computed. */
export function keyCode(name: string): string {
  if (name === '__proto__') return '["__proto__"]'
  return plainName.test(name) ? name : textCode(name)
}

/** Characters that would end a line, or turn it about in an editor. */
const unseen = /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g
const escape = (one: string): string => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`

/** A text as a literal: in single quotes where nothing in it needs care. */
export function textCode(text: string): string {
  return /^[\x20-\x26\x28-\x5b\x5d-\x7e]*$/.test(text) ? `'${text}'` : JSON.stringify(text).replace(unseen, escape)
}

/** What a literal regular expression may hold without a word of the type checker about flags or escapes. */
const plainPattern = /^(?!.*\\[pPkuxc0-9])(?!.*\(\?<)[\x20-\x7e]*$/

function patternCode({ source, flags }: RegExp): string {
  if (plainPattern.test(source)) return `/${source}/${flags}`
  return `new RegExp(${[source, ...(flags ? [flags] : [])].map(textCode).join(', ')})`
}

/** A value as TypeScript. Undefined members of objects are left away. */
export function literal(value: unknown): string {
  if (value instanceof Code) return value.text
  if (value instanceof RegExp) return patternCode(value)
  if (value instanceof Date) return `new Date(${textCode(value.toISOString())})`
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  if (typeof value === 'string') return textCode(value)
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '0' : String(value)
  const members = Object.entries(value).flatMap(([key, member]) =>
    member === undefined ? [] : [`${keyCode(key)}: ${literal(member)}`],
  )
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`
}

/** A column within `expect: c => […]`. */
export function columnCode(name: string): Code {
  return new Code(plainName.test(name) ? `c.${name}` : `c[${textCode(name)}]`)
}

/** One expectation: a method of a column or of `expect`. */
export interface Call {
  readonly on: Code
  readonly method: string
  readonly args: readonly unknown[]
  readonly options: Readonly<Record<string, unknown>>
}

export const expectCode = new Code('expect')

/** An expectation about rows as a whole. */
export function table(method: string, args: readonly unknown[], options: Readonly<Record<string, unknown>>): Call {
  return { on: expectCode, method, args, options }
}

export function callCode({ on, method, args, options }: Call): string {
  const told = Object.values(options).some(one => one !== undefined)
  return `${on.text}.${method}(${[...args, ...(told ? [options] : [])].map(literal).join(', ')})`
}

/** Text within a line comment: nothing in it can end the line. */
export function commentText(text: string): string {
  return (
    text
      .replace(/[\n\t]/g, ' ')
      // oxlint-disable-next-line no-control-regex
      .replace(/[\u0000-\u001f]/g, escape)
      .replace(unseen, escape)
  )
}

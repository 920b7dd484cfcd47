import { expectationColumns, expect } from '../../../define/expectation/columns.ts'
import type { Expectation } from '../../../define/expectation/spec.ts'
import type { Columns } from '../../../define/column.ts'
import { literalText, memberText, quoted } from '../../../internal/typescript-text.ts'

/** A column as an argument of an expectation. */
export class ColumnArgument {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

export type Argument =
  | string
  | number
  | boolean
  | RegExp
  | ColumnArgument
  | readonly Argument[]
  | { readonly [option: string]: Argument | undefined }

/** An expectation as one would write it: a method of a column, or of `expect` where `on` is absent. */
export interface Call {
  readonly on?: string
  readonly method: string
  readonly args: readonly Argument[]
}

type Functions = Readonly<Record<string, (...args: unknown[]) => Expectation>>

/** The expectation that a call declares. */
export function build({ on, method, args }: Call, columns: Columns): Expectation {
  const made = expectationColumns(columns) as unknown as Readonly<Record<string, Functions>>
  const value = (one: Argument): unknown => {
    if (one instanceof ColumnArgument) return made[one.name]
    return Array.isArray(one) ? one.map(value) : one
  }
  const functions = on === undefined ? (expect as unknown as Functions) : made[on]
  const make = functions?.[method]
  if (!make) throw new TypeError(`there is no expectation '${method}'`)
  return make(...args.map(value))
}

/** The names under which a file knows the columns and `expect`. */
export interface Names {
  readonly columns: string
  readonly expect: string
}

function numberCode(value: number): string {
  const text = String(value)
  return /^-?\d{5,}$/.test(text) ? text.replace(/\B(?=(\d{3})+$)/g, '_') : text
}

function code(one: Argument, names: Names): string {
  if (typeof one === 'string') return quoted(one)
  if (typeof one === 'number') return numberCode(one)
  if (typeof one === 'boolean' || one instanceof RegExp) return literalText(one)
  if (one instanceof ColumnArgument) return memberText(names.columns, one.name)
  if (Array.isArray(one)) return `[${(one as readonly Argument[]).map(each => code(each, names)).join(', ')}]`
  const options = Object.entries(one).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${code(value, names)}`],
  )
  return `{ ${options.join(', ')} }`
}

/** A call as TypeScript. Names and values from data stand in it as literals and nothing else. */
export function codeOf({ on, method, args }: Call, names: Names): string {
  const object = on === undefined ? names.expect : memberText(names.columns, on)
  return `${object}.${method}(${args.map(one => code(one, names)).join(', ')})`
}

/** The same with further options in its last argument. */
export function withOptions(call: Call, options: { readonly [option: string]: Argument }): Call {
  const last = call.args.at(-1)
  const isOptions =
    typeof last === 'object' && !Array.isArray(last) && !(last instanceof RegExp) && !(last instanceof ColumnArgument)
  // the bounds of a length are no options
  if (isOptions && call.method !== 'length')
    return { ...call, args: [...call.args.slice(0, -1), { ...last, ...options }] }
  return { ...call, args: [...call.args, options] }
}

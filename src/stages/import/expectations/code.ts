import { Code, literalText, memberText } from '../../../internal/typescript-text.ts'

/** A column within `expect: c => […]`. */
export function columnCode(name: string): Code {
  return new Code(memberText('c', name))
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
  return `${on.text}.${method}(${[...args, ...(told ? [options] : [])].map(literalText).join(', ')})`
}

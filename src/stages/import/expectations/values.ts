import type { Json } from '../../../internal/canonical-json.ts'
import type { ScalarType } from '../../../define/expression/node.ts'
import { Code, literalText } from '../../../internal/typescript-text.ts'
import { columnCode, table, type Call } from './code.ts'
import { LeftOut, shown } from './given.ts'
import type { Rule } from './rule.ts'
import { timeOf } from './time-of.ts'

/** Types that a column compared with these values can be of. Nulls among them say nothing and are left away. */
export function typesOf(values: readonly Json[]): readonly ScalarType[] {
  const [first] = values
  if (first === undefined) throw new LeftOut('its list of values is empty')
  if (values.some(one => typeof one !== typeof first))
    throw new LeftOut(`its values ${shown(values)} are of several types`)
  if (typeof first === 'boolean') return ['bool']
  if (typeof first === 'number') return values.every(Number.isInteger) ? ['int', 'float'] : ['float', 'int']
  if (typeof first !== 'string') throw new LeftOut(`its values ${shown(values)} are no texts, numbers or truth values`)
  if (values.some(one => /\p{Cs}/u.test(one as string))) throw new LeftOut('one of its values ends within a character')
  return values.every(one => timeOf(one as string)) ? ['text', 'timestamp'] : ['text']
}

/** Types that a column can be of whose different values are those of a list. */
export function setTypesOf(values: readonly Json[]): readonly ScalarType[] {
  const types = typesOf(values).filter(
    one => one === 'text' || one === 'bool' || (one === 'int' && values.every(Number.isSafeInteger)),
  )
  if (types.length === 0) throw new LeftOut(`of the values ${shown(values)} Millrace keeps no set`)
  return types
}

/** Those of some values that a column of a type can have: no whole number is 1.5. */
export function possible(values: readonly Json[], type: ScalarType): readonly Json[] {
  if (type !== 'int') return values
  const whole = values.filter(one => Number.isInteger(one))
  if (whole.length === 0) throw new LeftOut(`none of its values ${shown(values)} is a whole number`)
  const large = whole.find(one => !Number.isSafeInteger(one))
  if (large !== undefined) throw new LeftOut(`its value ${shown(large)} is not exact as JSON has it`)
  return whole
}

type Options = Readonly<Record<string, unknown>>

/** Every value, or none, is one of a list. Of timestamps and truth values Millrace has no such kind; there it is a condition. */
export function membership(rule: Rule, name: string, given: readonly Json[], inside: boolean, options: Options): Call {
  const values = given.filter(one => one !== null)
  const column = rule.column(name, typesOf(values))
  const direct = inside ? ['int', 'float', 'text', 'bool'] : ['int', 'float', 'text']
  if (direct.includes(column.type))
    return rule.call(column, inside ? 'inSet' : 'notInSet', [possible(values, column.type)], options)
  const { text } = columnCode(name)
  const each = values.map(one =>
    column.type === 'bool'
      ? `${text}.expr${one === true ? '' : '.not()'}`
      : `${text}.eq(${literalText(timeOf(one as string))})`,
  )
  const any = each.reduce((all, one) => `${all}.or(${one})`)
  return table('that', [new Code(inside ? any : `${any}.not()`)], options)
}

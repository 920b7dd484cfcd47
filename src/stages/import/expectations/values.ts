import type { Json } from '../../../internal/canonical-json.ts'
import type { ScalarType } from '../../../define/expression/node.ts'
import { Code, columnCode, literal, table, type Call } from './code.ts'
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
  return values.every(one => timeOf(one as string)) ? ['text', 'timestamp'] : ['text']
}

type Options = Readonly<Record<string, unknown>>

/** Every value, or none, is one of a list. Of timestamps and truth values Millrace has no such kind; there it is a condition. */
export function membership(rule: Rule, name: string, given: readonly Json[], inside: boolean, options: Options): Call {
  const values = given.filter(one => one !== null)
  const column = rule.column(name, typesOf(values))
  const direct = inside ? ['int', 'float', 'text', 'bool'] : ['int', 'float', 'text']
  if (direct.includes(column.type)) return rule.call(column, inside ? 'inSet' : 'notInSet', [values], options)
  const { text } = columnCode(name)
  const each = values.map(one =>
    column.type === 'bool'
      ? `${text}.expr${one === true ? '' : '.not()'}`
      : `${text}.eq(${literal(timeOf(one as string))})`,
  )
  const any = each.reduce((all, one) => `${all}.or(${one})`)
  return table('that', [new Code(inside ? any : `${any}.not()`)], options)
}

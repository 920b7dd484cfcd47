import type { Json } from '../../../../internal/canonical-json.ts'
import { Code, literalText } from '../../../../internal/typescript-text.ts'
import { columnCode, table, type Call } from '../code.ts'
import { LeftOut, shown, type RuleSettings } from '../given.ts'
import { sqlPattern } from '../pattern.ts'
import type { Rule } from '../rule.ts'
import { membership, possible, typesOf } from '../values.ts'

type Options = Readonly<Record<string, unknown>>

/** A condition on one value: as an expectation by itself, and as an expression among others. */
interface Condition {
  readonly call: (options: Options) => Call
  readonly code: string
}

/** Settings have spaces in SodaCL and underscores in contracts. */
export function setting(given: RuleSettings, name: string): Json | undefined {
  return given.take(name) ?? given.take(name.replaceAll(' ', '_'))
}

function number(given: RuleSettings, name: string): number | undefined {
  const value = setting(given, name)
  if (value === undefined) return undefined
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new LeftOut(`${name} is ${shown(value)}`)
  return value
}

function list(given: RuleSettings, name: string): readonly Json[] | undefined {
  const value = setting(given, name)
  if (value === undefined) return undefined
  if (!Array.isArray(value) || value.length === 0) throw new LeftOut(`${name} is ${shown(value)}`)
  return value as readonly Json[]
}

/** A pattern by itself, or as a format of a contract with its name. */
function patternOf(given: RuleSettings, kind: 'valid' | 'invalid' | 'missing'): string | undefined {
  const regex = setting(given, `${kind} regex`)
  if (typeof regex === 'string') return regex
  const format = given.names.includes(`${kind}_format`) ? given.part(`${kind}_format`) : undefined
  format?.ignore('name')
  return format && format.needed('regex', format.text('regex'))
}

const formats: Readonly<Record<string, string>> = {
  email: 'email',
  uuid: 'uuid',
  'ip address': 'ipv4',
  'ipv4 address': 'ipv4',
  'ipv6 address': 'ipv6',
  'date iso 8601': 'iso-date',
}
const readings: Readonly<Record<string, string>> = { integer: 'int', decimal: 'float' }

function inList(rule: Rule, name: string, values: readonly Json[], inside: boolean): Condition {
  const column = rule.column(name, typesOf(values))
  if (!['int', 'float', 'text'].includes(column.type)) {
    const call = membership(rule, name, values, inside, {})
    return { call: options => ({ ...call, options }), code: literalText(call.args[0]) }
  }
  return {
    call: options => membership(rule, name, values, inside, options),
    code: `${column.code.text}.in(${literalText(possible(values, column.type))})${inside ? '' : '.not()'}`,
  }
}

function bounds(rule: Rule, name: string, min: number | undefined, max: number | undefined): Condition {
  const column = rule.column(name, ['float', 'int'])
  if (min !== undefined && max !== undefined && min > max) throw new LeftOut(`nothing lies between ${min} and ${max}`)
  const sides = [...(min === undefined ? [] : [`gte(${min})`]), ...(max === undefined ? [] : [`lte(${max})`])].map(
    one => `${column.code.text}.${one}`,
  )
  return {
    call: options => rule.call(column, 'between', [min, max], options),
    code: sides.length === 2 ? `${sides[0]}.and(${sides[1]})` : (sides[0] as string),
  }
}

function lengths(rule: Rule, name: string, min: number | undefined, max: number | undefined): Condition {
  const column = rule.column(name, ['text'])
  if (min !== undefined && max !== undefined && min > max) throw new LeftOut(`no length lies between ${min} and ${max}`)
  const size = `${column.code.text}.expr.length()`
  const sides = [
    ...(min === undefined ? [] : [`${size}.gte(${min})`]),
    ...(max === undefined ? [] : [`${size}.lte(${max})`]),
  ]
  return {
    call: options => rule.call(column, 'length', [{ min, max }], options),
    code: sides.length === 2 ? `${sides[0]}.and(${sides[1]})` : (sides[0] as string),
  }
}

function matching(rule: Rule, name: string, regex: string, good: boolean): Condition {
  const column = rule.column(name, ['text'])
  const pattern = sqlPattern(rule, regex)
  return {
    call: options => rule.call(column, good ? 'matches' : 'notMatches', [pattern], options),
    code: `${column.code.text}.expr.matches(${literalText(pattern)})${good ? '' : '.not()'}`,
  }
}

function format(rule: Rule, name: string, value: Json): Condition {
  const column = rule.column(name, ['text'])
  const known = typeof value === 'string' ? value.toLowerCase() : ''
  const found = Object.hasOwn(formats, known) ? formats[known] : undefined
  const reading = Object.hasOwn(readings, known) ? readings[known] : undefined
  if (found === undefined && reading === undefined)
    throw new LeftOut(`Millrace has no counterpart of the format ${shown(value)}`)
  rule.differs(`the format ${known} is told by a pattern of Millrace`)
  const call = (options: Options): Call => rule.call(column, found ? 'format' : 'type', [found ?? reading], options)
  return { call, code: '' }
}

/** What makes a value valid, one condition a setting. */
function conditions(rule: Rule, name: string): readonly Condition[] {
  const { given } = rule
  const found: Condition[] = []
  const [valid, invalid] = [list(given, 'valid values'), list(given, 'invalid values')]
  if (valid) found.push(inList(rule, name, valid, true))
  if (invalid) found.push(inList(rule, name, invalid, false))
  const [min, max] = [number(given, 'valid min'), number(given, 'valid max')]
  if (min !== undefined || max !== undefined) found.push(bounds(rule, name, min, max))
  const length = number(given, 'valid length')
  const [least, most] = [number(given, 'valid min length') ?? length, number(given, 'valid max length') ?? length]
  if (least !== undefined || most !== undefined) found.push(lengths(rule, name, least, most))
  const [good, bad] = [patternOf(given, 'valid'), patternOf(given, 'invalid')]
  if (good !== undefined) found.push(matching(rule, name, good, true))
  if (bad !== undefined) found.push(matching(rule, name, bad, false))
  const named = given.names.includes('valid format') ? given.take('valid format') : undefined
  if (named !== undefined) found.push(format(rule, name, named))
  return found
}

/** Every value is valid, by all conditions that the check has. */
export function valid(rule: Rule, name: string, options: Options): Call {
  const found = conditions(rule, name)
  const [first] = found
  if (!first) throw new LeftOut('it does not say what is valid')
  if (found.length === 1) return first.call(options)
  if (found.some(one => one.code === ''))
    throw new LeftOut('a format together with other conditions has no counterpart')
  return table('that', [new Code(found.map(one => one.code).reduce((all, one) => `${all}.and(${one})`))], options)
}

/** That a value is there, where some values count as missing as well; undefined where only nulls do. */
export function present(rule: Rule, name: string): Code | undefined {
  const values = list(rule.given, 'missing values')
  const regex = patternOf(rule.given, 'missing')
  const parts = [
    ...(values ? [inList(rule, name, values, false).code] : []),
    ...(regex === undefined ? [] : [matching(rule, name, regex, false).code]),
  ]
  if (parts.length === 0) return undefined
  return new Code([`${columnCode(name).text}.isNotNull()`, ...parts].reduce((all, one) => `${all}.and(${one})`))
}

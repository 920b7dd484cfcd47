import type { Json } from '../../../../internal/canonical-json.ts'
import { ofCount } from '../bounds.ts'
import { Code, literalText } from '../../../../internal/typescript-text.ts'
import { columnCode, table, type Call } from '../code.ts'
import { numbers } from '../column-types.ts'
import { LeftOut, shown, type RuleSettings } from '../given.ts'
import { escaped, pythonPattern } from '../pattern.ts'
import type { Rule } from '../rule.ts'
import { timeOf } from '../time-of.ts'
import { membership, setTypesOf, typesOf } from '../values.ts'

type Options = Readonly<Record<string, unknown>>
type Check = (rule: Rule, column: string) => Call | readonly Call[]

/** An argument by the name that this version gives it, or as the only value. */
function argument(rule: Rule, ...names: readonly string[]): Json {
  const { given } = rule
  for (const name of [...names, 'value']) {
    const found = given.take(name)
    if (found !== undefined) return found
  }
  throw new LeftOut(`it has no ${names[0]}`)
}

/** Nulls are dropped before a check unless it says otherwise; a check over no value passes. */
function options(rule: Rule, ofNull: 'bad' | 'good' = 'bad'): Options {
  const parts: readonly RuleSettings[] = [
    rule.given,
    ...(rule.given.part('options', '') ? [rule.given.part('options', '') as RuleSettings] : []),
  ]
  const flag = (name: string): boolean | undefined => parts.map(part => part.flag(name)).find(one => one !== undefined)
  for (const part of parts) part.ignore('check_name', 'n_failure_cases', 'error', 'name', 'title', 'description')
  return {
    ...(flag('raise_warning') ? { severity: 'warning' } : {}),
    ...(flag('ignore_na') === false ? { nulls: ofNull } : {}),
    onEmpty: 'pass',
  }
}

function list(value: Json): readonly Json[] {
  if (!Array.isArray(value)) throw new LeftOut(`${shown(value)} is no list`)
  return value as readonly Json[]
}

function text(value: Json): string {
  if (typeof value !== 'string') throw new LeftOut(`${shown(value)} is no text`)
  return value
}

interface Bound {
  readonly value: Json | undefined
  readonly exclusive: boolean
}

/** Values between bounds: numbers and times as `between`, texts in their order as a condition. */
function between(rule: Rule, name: string, low: Bound, high: Bound): Call {
  const given = [low.value, high.value].filter(one => one !== undefined)
  for (const one of given)
    if (typeof one === 'number' && Number.isInteger(one) && !Number.isSafeInteger(one))
      throw new LeftOut(`the bound ${one} is beyond 2^53`)
  const numeric = given.every(one => typeof one === 'number' && Number.isFinite(one))
  const types = numeric ? numbers : typesOf(given).filter(one => one === 'text' || one === 'timestamp')
  if (types.length === 0) throw new LeftOut(`${shown(given)} are no bounds`)
  const column = rule.column(name, numeric ? types : types.toReversed())
  const told = options(rule)
  if (column.type === 'text') {
    const side = (sign: string, { value }: Bound): string[] =>
      value === undefined ? [] : [`${columnCode(name).text}.${sign}(${literalText(value)})`]
    const both = [...side(low.exclusive ? 'gt' : 'gte', low), ...side(high.exclusive ? 'lt' : 'lte', high)]
    return table('that', [new Code(both.length === 2 ? `${both[0]}.and(${both[1]})` : (both[0] as string))], told)
  }
  const [min, max] = [low.value, high.value].map(one =>
    typeof one === 'string' ? timeOf(one) : (one as number | undefined),
  )
  if (min !== undefined && max !== undefined && min > max) throw new LeftOut('nothing lies between its bounds')
  const open = { ...(low.exclusive ? { minExclusive: true } : {}), ...(high.exclusive ? { maxExclusive: true } : {}) }
  return rule.call(column, 'between', [min, max], { ...open, ...told })
}

const none: Bound = { value: undefined, exclusive: false }
const least =
  (exclusive: boolean): Check =>
  (rule, name) =>
    between(rule, name, { value: argument(rule, 'min_value'), exclusive }, none)
const most =
  (exclusive: boolean): Check =>
  (rule, name) =>
    between(rule, name, none, { value: argument(rule, 'max_value'), exclusive })

/** A text that a pattern tells, made of the argument. */
const pattern =
  (name: string, made: (rule: Rule, text: string) => RegExp): Check =>
  (rule, column) =>
    rule.call(rule.column(column, ['text']), 'matches', [made(rule, text(argument(rule, name)))], options(rule))

/** Built-in checks, by the names that the YAML has. */
export const checks: Readonly<Record<string, Check>> = {
  equal_to: (rule, name) => membership(rule, name, [argument(rule)], true, options(rule)),
  not_equal_to: (rule, name) => membership(rule, name, [argument(rule)], false, options(rule, 'good')),
  greater_than: least(true),
  greater_than_or_equal_to: least(false),
  less_than: most(true),
  less_than_or_equal_to: most(false),
  in_range: (rule, name) => {
    const { given } = rule
    const low = { value: argument(rule, 'min_value'), exclusive: given.flag('include_min') === false }
    return between(rule, name, low, {
      value: argument(rule, 'max_value'),
      exclusive: given.flag('include_max') === false,
    })
  },
  isin: (rule, name) => membership(rule, name, list(argument(rule, 'allowed_values')), true, options(rule)),
  notin: (rule, name) => membership(rule, name, list(argument(rule, 'forbidden_values')), false, options(rule, 'good')),
  str_matches: pattern('pattern', (rule, one) => pythonPattern(rule, one, 'start')),
  str_contains: pattern('pattern', (rule, one) => pythonPattern(rule, one, 'search')),
  str_startswith: pattern('string', (_, one) => new RegExp(`^${escaped(one)}`)),
  str_endswith: pattern('string', (_, one) => new RegExp(`${escaped(one)}$`)),
  str_length: (rule, name) => {
    const { given } = rule
    const exact = given.number('exact_value') ?? given.number('value')
    const [min, max] = [given.number('min_value') ?? exact, given.number('max_value') ?? exact]
    if (min === undefined && max === undefined) throw new LeftOut('it has no bound')
    if (min !== undefined && max !== undefined && min > max)
      throw new LeftOut(`no length lies between ${min} and ${max}`)
    const bounds = ofCount({ ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) })
    return rule.call(rule.column(name, ['text']), 'length', [bounds], options(rule))
  },
  unique_values_eq: (rule, name) => {
    const values = list(argument(rule, 'values'))
    const { nulls: _, ...told } = options(rule)
    // where there is no value, the values are not those of the list
    return rule.call(rule.column(name, setTypesOf(values)), 'equalsSet', [[...new Set(values)]], {
      ...told,
      onEmpty: undefined,
    })
  },
}

/** Other names of the same checks. */
export const aliases: Readonly<Record<string, string>> = {
  eq: 'equal_to',
  ne: 'not_equal_to',
  gt: 'greater_than',
  ge: 'greater_than_or_equal_to',
  lt: 'less_than',
  le: 'less_than_or_equal_to',
  between: 'in_range',
}

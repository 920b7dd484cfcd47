import type { Json } from '../../../../internal/canonical-json.ts'
import { floatBounds, inOrder } from '../bounds.ts'
import { Code } from '../../../../internal/typescript-text.ts'
import { columnCode, table, type Call } from '../code.ts'
import { conditionCode, parseCondition } from '../condition.ts'
import { RuleSettings, LeftOut, shown } from '../given.ts'
import { figures } from '../great-expectations/figures.ts'
import { rows } from '../great-expectations/rows.ts'
import { tables } from '../great-expectations/tables.ts'
import { leave, type Carrier, type Rule } from '../rule.ts'
import { membership } from '../values.ts'
import { configured } from './config.ts'

/** A test of a model, or of one of its columns. */
export type Test = (rule: Rule, column: string | undefined) => Call | readonly Call[]

const passing = { onEmpty: 'pass' } as const

/** Arguments stand in `arguments`, or, before dbt 1.10, beside the config. */
export function argumentsOf(rule: Rule): RuleSettings {
  return rule.given.part('arguments', '') ?? rule.given
}

function named(rule: Rule, column: string | undefined): string {
  const name = column ?? argumentsOf(rule).text('column_name')
  if (name === undefined) throw new LeftOut('it names no column')
  return name
}

const method =
  (name: string, counts: string | undefined, never = false): Test =>
  (rule, column) => {
    const found = rule.column(named(rule, column))
    const call = configured(rule, rule.call(found, name, [], passing), counts)
    if (never && Object.keys(call.options).length === 1) rule.neverNull.add(found.name)
    return call
  }

/** Values that SQL is given without quotes are numbers or truth values, also where YAML quotes them. */
function unquoted(value: Json): Json {
  if (typeof value !== 'string') return value
  if (/^(?:true|false)$/i.test(value)) return value.toLowerCase() === 'true'
  if (value.trim() === '' || !Number.isFinite(Number(value))) throw new LeftOut(`${shown(value)} is SQL, not a value`)
  return Number(value)
}

function acceptedValues(inside: boolean): Test {
  return (rule, column) => {
    const given = argumentsOf(rule)
    const values = given.needed('values', given.list('values'))
    const plain = given.flag('quote') === false ? values.map(unquoted) : values
    return configured(rule, membership(rule, named(rule, column), plain, inside, passing), 'different values')
  }
}

function relationships(rule: Rule, column: string | undefined): Call {
  const given = argumentsOf(rule)
  const to = given.needed('to', given.text('to'))
  const field = given.needed('field', given.text('field'))
  const parts =
    /^\s*(?:\{\{\s*)?(?:ref|source)\s*\(\s*(?:(['"])[^'"]+\1\s*,\s*)?(['"])([^'"]+)\2\s*\)(?:\s*\}\})?\s*$/.exec(to)
  if (!parts?.[3]) throw new LeftOut(`it refers to ${shown(to)}`)
  return configured(rule, rule.refers([named(rule, column)], parts[3], [field]), 'rows')
}

function acceptedRange(rule: Rule, column: string | undefined): Call {
  const given = argumentsOf(rule)
  const [min, max] = [given.number('min_value'), given.number('max_value')]
  const open = given.flag('inclusive') === false
  inOrder({ ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) })
  const options = {
    ...(open && min !== undefined ? { minExclusive: true } : {}),
    ...(open && max !== undefined ? { maxExclusive: true } : {}),
    ...passing,
  }
  return configured(
    rule,
    rule.call(rule.column(named(rule, column), ['float', 'int']), 'between', [min, max], options),
    'rows',
  )
}

/** Of a column the expression is what follows its name: `>= 0`. */
function expressionIsTrue(rule: Rule, column: string | undefined): Call {
  const given = argumentsOf(rule)
  const expression = given.needed('expression', given.text('expression'))
  const text = column === undefined ? expression : `"${column.replaceAll('"', '')}" ${expression}`
  const code = conditionCode(rule, parseCondition(text, 'sql'))
  return configured(rule, table('that', [code], passing), 'rows')
}

const periods: Readonly<Record<string, string>> = { minute: 'm', hour: 'h', day: 'd', week: 'w' }

/** A length of time of a whole number of minutes, hours, days or weeks. */
export function duration(count: number, period: string): string {
  const letter = Object.hasOwn(periods, period) ? periods[period] : undefined
  if (letter === undefined || !Number.isInteger(count) || count < 1)
    throw new LeftOut(`${count} ${period} is no length of time`)
  return letter === 'w' ? `${count * 7}d` : `${count}${letter}`
}

function recency(rule: Rule, column: string | undefined): Call {
  const given = argumentsOf(rule)
  const field = column ?? given.needed('field', given.text('field'))
  const age = duration(
    given.needed('interval', given.number('interval')),
    given.needed('datepart', given.text('datepart')),
  )
  rule.differs('a newest value more than five minutes in the future fails')
  return configured(rule, rule.call(rule.column(field, ['timestamp']), 'freshness', [age], {}), undefined)
}

function notNullProportion(rule: Rule, column: string | undefined): Call {
  const given = argumentsOf(rule)
  const [least, most] = [given.number('at_least') ?? 0, given.number('at_most') ?? 1]
  if (!(least >= 0 && most <= 1 && least <= most)) throw new LeftOut(`nothing lies between ${least} and ${most}`)
  const found = rule.column(named(rule, column))
  if (most === 1) return configured(rule, rule.call(found, 'notNull', [], { mostly: least }), undefined)
  const [min, max] = [most, least].map(one => Number((1 - one).toPrecision(12)))
  return configured(rule, rule.call(found, 'nullShare', [], { min, max }), undefined)
}

const otherTable = leave('compare two datasets with expect.reconcile')

const plain: Readonly<Record<string, Test>> = {
  not_null: method('notNull', 'rows', true),
  unique: method('unique', 'different values'),
  accepted_values: acceptedValues(true),
  relationships,
  'dbt_utils.not_accepted_values': acceptedValues(false),
  'dbt_utils.accepted_range': acceptedRange,
  'dbt_utils.expression_is_true': expressionIsTrue,
  'dbt_utils.unique_combination_of_columns': rule => {
    const given = argumentsOf(rule)
    given.ignore('quote_columns')
    const names = given.needed('combination_of_columns', given.texts('combination_of_columns'))
    return configured(
      rule,
      table('unique', [rule.several(names).map(one => one.code)], { nulls: 'equal', ...passing }),
      'different values',
    )
  },
  'dbt_utils.not_null_proportion': notNullProportion,
  'dbt_utils.at_least_one': (rule, column) =>
    configured(rule, rule.call(rule.column(named(rule, column)), 'distinctCount', [], { min: 1 }), undefined),
  'dbt_utils.not_constant': (rule, column) =>
    configured(rule, rule.call(rule.column(named(rule, column)), 'notConstant', [], {}), undefined),
  'dbt_utils.not_empty_string': (rule, column) => {
    const given = argumentsOf(rule)
    const { name } = rule.column(named(rule, column), ['text'])
    const value = `${columnCode(name).text}${given.flag('trim_whitespace') === false ? '' : '.trim()'}`
    return configured(rule, table('that', [new Code(`${value}.ne('')`)], passing), 'rows')
  },
  'dbt_utils.recency': recency,
  'dbt_utils.equal_rowcount': otherTable,
  'dbt_utils.fewer_rows_than': otherTable,
  'dbt_utils.equality': otherTable,
  'dbt_utils.cardinality_equality': otherTable,
  'dbt_utils.relationships_where': leave('a reference under a condition on the other dataset has no counterpart'),
  'dbt_utils.sequential_values': leave('rows have no order of their own; see c.….contiguous'),
  'dbt_utils.mutually_exclusive_ranges': leave('ranges of several rows are not compared'),
  'dbt_expectations.expect_row_values_to_have_recent_data': recency,
  'dbt_expectations.expect_column_quantile_values_to_be_between': (rule, column) => {
    const given = argumentsOf(rule)
    const level = given.needed('quantile', given.number('quantile'))
    const open = given.flag('strictly') ?? false
    const bounds = floatBounds(rule, {
      min: given.number('min_value'),
      max: given.number('max_value'),
      minExclusive: open,
      maxExclusive: open,
    })
    if (!(level >= 0 && level <= 1)) throw new LeftOut(`${level} is no quantile`)
    return configured(
      rule,
      rule.call(rule.column(named(rule, column), ['float', 'int']), 'quantile', [level], bounds),
      undefined,
    )
  },
}

const likeThere: Readonly<Record<string, Carrier>> = { ...tables, ...rows, ...figures }
const renamed: Readonly<Record<string, string>> = {
  column_type: 'type_',
  column_type_list: 'type_list',
  column_name: 'column',
}

/** Tests that Great Expectations has under the same name: read as there, with the config of dbt. */
function asExpectation(carrier: Carrier): Test {
  return (rule, column) => {
    const given = argumentsOf(rule)
    const own = new Set([
      'config',
      'arguments',
      'name',
      'description',
      'severity',
      'where',
      'error_if',
      'warn_if',
      'limit',
      'enabled',
      'tags',
      'meta',
      'row_condition',
      'strictly',
      'quote_values',
    ])
    const kwargs: Record<string, Json> = column === undefined ? {} : { column }
    for (const key of given.names) if (!own.has(key)) kwargs[renamed[key] ?? key] = given.take(key) ?? null
    if (given.flag('strictly')) Object.assign(kwargs, { strict_min: true, strict_max: true })
    given.ignore('quote_values')
    const condition = given.text('row_condition')
    const call = rule.within(new RuleSettings({ kwargs }), one => carrier(one))
    const list = 'method' in call ? [call] : call
    const [first] = list
    // a rule about a type is the declaration of the column
    if (!first) return []
    const when = condition === undefined ? {} : { when: conditionCode(rule, parseCondition(condition, 'sql')) }
    return configured(
      rule,
      { ...first, options: { ...first.options, ...when } },
      first.options['onEmpty'] === 'pass' ? 'rows' : undefined,
    )
  }
}

/** The test of this name; undefined where there is no counterpart. */
export function testNamed(name: string): Test | undefined {
  const bare = name.replace(/^dbt\./, '')
  if (Object.hasOwn(plain, bare)) return plain[bare]
  const expectation = /^dbt_expectations\.(expect_\w+)$/.exec(bare)?.[1]
  if (expectation === undefined || !Object.hasOwn(likeThere, expectation)) return undefined
  return asExpectation(likeThere[expectation] as Carrier)
}

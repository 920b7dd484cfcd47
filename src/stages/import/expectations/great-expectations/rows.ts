import { closed, ofCount, rangeOf } from '../bounds.ts'
import type { Call } from '../code.ts'
import { LeftOut, shown } from '../given.ts'
import { escaped, likePattern, pythonPattern } from '../pattern.ts'
import type { Carrier, Rule, RuleColumn } from '../rule.ts'
import { strftimePattern } from '../strftime.ts'
import { timeOf } from '../time-of.ts'
import { declareType } from '../type-names.ts'
import { membership } from '../values.ts'
import { kwargs, rowOptions, type Options } from './options.ts'

const column = (rule: Rule): string => {
  const given = kwargs(rule)
  return given.needed('column', given.text('column'))
}

const text = (rule: Rule): RuleColumn => rule.column(column(rule), ['text'])

/** Bounds of numbers, or of times that are written as texts. */
function between(rule: Rule): Call {
  const given = kwargs(rule)
  const bounds = [given.take('min_value'), given.take('max_value')]
  const options: Options = {
    ...(given.flag('strict_min') && bounds[0] !== undefined ? { minExclusive: true } : {}),
    ...(given.flag('strict_max') && bounds[1] !== undefined ? { maxExclusive: true } : {}),
    ...rowOptions(rule),
  }
  given.ignore('parse_strings_as_datetimes', 'output_strftime_format')
  if (bounds.every(one => one === undefined)) throw new LeftOut('it has no bound')
  const times = bounds.some(one => typeof one === 'string')
  const [min, max] = bounds.map((one, i) => {
    if (!times) return given.number(i === 0 ? 'min_value' : 'max_value')
    const time = typeof one === 'string' ? timeOf(one) : undefined
    if (one !== undefined && !time)
      throw new LeftOut(`the bound ${shown(one)} is no number and no date; texts have no bounds in Millrace`)
    return time
  })
  if (min !== undefined && max !== undefined && min > max) throw new LeftOut('nothing lies between its bounds')
  return rule.call(rule.column(column(rule), times ? ['timestamp'] : ['float', 'int']), 'between', [min, max], options)
}

function inSet(inside: boolean): Carrier {
  return rule => {
    const given = kwargs(rule)
    given.ignore('parse_strings_as_datetimes')
    return membership(rule, column(rule), given.needed('value_set', given.list('value_set')), inside, rowOptions(rule))
  }
}

function lengths(bounds: (rule: Rule) => { min?: number; max?: number }): Carrier {
  return rule => {
    const limits = ofCount(bounds(rule))
    return rule.call(text(rule), 'length', [limits], rowOptions(rule))
  }
}

/** One pattern that a text must hold, or must not. */
function pattern(method: 'matches' | 'notMatches', read: (rule: Rule) => RegExp): Carrier {
  return rule => rule.call(text(rule), method, [read(rule)], rowOptions(rule))
}

const regex = (rule: Rule): RegExp => {
  const given = kwargs(rule)
  return pythonPattern(rule, given.needed('regex', given.text('regex')), 'search')
}

const like = (rule: Rule): RegExp => {
  const given = kwargs(rule)
  return likePattern(given.needed('like_pattern', given.text('like_pattern')))
}

/** Several patterns: any or all of which a text must hold. */
function patterns(name: string, read: (rule: Rule, text: string) => RegExp): Carrier {
  return rule => {
    const given = kwargs(rule)
    const all = given.needed(name, given.texts(name)).map(one => read(rule, one))
    const on = given.text('match_on') ?? 'any'
    if (on !== 'any' && on !== 'all') throw new LeftOut(`match_on is ${shown(on)}`)
    if (all.length === 0) throw new LeftOut('it has no pattern')
    return rule.call(text(rule), on === 'any' ? 'matchesAny' : 'matchesAll', [all], rowOptions(rule))
  }
}

/** Several patterns none of which a text may hold: one pattern of all of them. */
function noPattern(name: string, read: (rule: Rule, text: string) => RegExp): Carrier {
  return rule => {
    const given = kwargs(rule)
    const all = given.needed(name, given.texts(name)).map(one => read(rule, one))
    if (all.length === 0) throw new LeftOut('it has no pattern')
    if (new Set(all.map(one => one.flags)).size > 1) throw new LeftOut('only some of its patterns leave case aside')
    const whole = new RegExp(
      all.map(one => (all.length === 1 ? one.source : `(?:${one.source})`)).join('|'),
      all[0]?.flags,
    )
    return rule.call(text(rule), 'notMatches', [whole], rowOptions(rule))
  }
}

const python = (rule: Rule, one: string): RegExp => pythonPattern(rule, one, 'search')
const ofLike = (_: Rule, one: string): RegExp => likePattern(one)

function declared(rule: Rule, names: readonly string[]): readonly Call[] {
  kwargs(rule).ignore('mostly')
  return declareType(rule, column(rule), names)
}

const order: Carrier = rule => {
  const direction = rule.source.endsWith('increasing') ? 'increasing' : 'decreasing'
  throw new LeftOut(
    `rows of a source have no order of their own; say which column gives it: c.….${direction}({ orderBy: c.… })`,
  )
}

/** Rules that single values of a column break. Nulls are not judged, there as here. */
export const rows: Readonly<Record<string, Carrier>> = {
  expect_column_values_to_be_null: rule => rule.call(rule.column(column(rule)), 'null', [], rowOptions(rule)),
  expect_column_values_to_not_be_null: rule => {
    const options = rowOptions(rule)
    const found = rule.column(column(rule))
    if (options['mostly'] === undefined && options['when'] === undefined) rule.neverNull.add(found.name)
    return rule.call(found, 'notNull', [], options)
  },
  expect_column_values_to_be_in_set: inSet(true),
  expect_column_values_to_not_be_in_set: inSet(false),
  expect_column_distinct_values_to_be_in_set: rule => {
    rule.differs('it is judged row by row: the bad figure is a number of rows, not of values')
    return inSet(true)(rule)
  },
  expect_column_values_to_be_between: between,
  expect_column_values_to_be_unique: rule => rule.call(rule.column(column(rule)), 'unique', [], rowOptions(rule)),
  expect_column_values_to_be_of_type: rule => {
    const given = kwargs(rule)
    return declared(rule, [given.needed('type_', given.text('type_'))])
  },
  expect_column_type_to_be: rule => {
    const given = kwargs(rule)
    return declared(rule, [given.needed('type_', given.text('type_'))])
  },
  expect_column_values_to_be_in_type_list: rule => {
    const given = kwargs(rule)
    return declared(rule, given.needed('type_list', given.texts('type_list')))
  },
  expect_column_values_to_be_increasing: order,
  expect_column_values_to_be_decreasing: order,
  expect_column_value_lengths_to_be_between: lengths(rule => closed(rangeOf(kwargs(rule)), true)),
  expect_column_value_lengths_to_equal: lengths(rule => {
    const given = kwargs(rule)
    const value = given.needed('value', given.number('value'))
    return { min: value, max: value }
  }),
  expect_column_values_to_match_regex: pattern('matches', regex),
  expect_column_values_to_not_match_regex: pattern('notMatches', regex),
  expect_column_values_to_match_regex_list: patterns('regex_list', python),
  expect_column_values_to_not_match_regex_list: noPattern('regex_list', python),
  expect_column_values_to_match_like_pattern: pattern('matches', like),
  expect_column_values_to_not_match_like_pattern: pattern('notMatches', like),
  expect_column_values_to_match_like_pattern_list: patterns('like_pattern_list', ofLike),
  expect_column_values_to_not_match_like_pattern_list: noPattern('like_pattern_list', ofLike),
  expect_column_values_to_match_strftime_format: pattern('matches', rule => {
    const given = kwargs(rule)
    rule.differs('it is held by a pattern, which takes days that a month does not have')
    return strftimePattern(given.needed('strftime_format', given.text('strftime_format')), escaped)
  }),
  expect_column_values_to_be_dateutil_parseable: () => {
    throw new LeftOut('what dateutil guesses to be a date is no stated format; use c.….format("iso-date") or a pattern')
  },
  expect_column_values_to_be_json_parseable: rule => rule.call(text(rule), 'format', ['json'], rowOptions(rule)),
  expect_column_values_to_match_json_schema: rule => {
    const given = kwargs(rule)
    const schema = given.needed('json_schema', given.take('json_schema'))
    if (typeof schema !== 'object' || Array.isArray(schema)) throw new LeftOut(`its json_schema is ${shown(schema)}`)
    rule.differs('the schema is read as draft 2020-12')
    return rule.call(text(rule), 'jsonSchema', [schema], rowOptions(rule))
  },
}

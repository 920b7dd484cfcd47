import { closed, floatBounds, inOrder, inside, ofCount, rangeOf, type Range } from '../bounds.ts'
import type { Call } from '../code.ts'
import { numbers } from '../column-types.ts'
import { LeftOut, shown } from '../given.ts'
import type { Carrier, Rule } from '../rule.ts'
import { setTypesOf } from '../values.ts'
import { common, emptyIsZero, kwargs, rowOptions } from './options.ts'

function columnName(rule: Rule): string {
  const given = kwargs(rule)
  return given.needed('column', given.text('column'))
}

/** A figure of a number that lies within bounds. */
function figure(method: string, difference?: string): Carrier {
  return rule => {
    const range = rangeOf(kwargs(rule))
    const column = rule.column(columnName(rule), numbers)
    if (difference) rule.differs(difference)
    const whole = column.type === 'int' && ['min', 'max', 'sum'].includes(method)
    const bounds = whole ? closed(range, true) : floatBounds(rule, range)
    // the sum of nothing is 0; the other figures of nothing are none, and fail
    const empty = method === 'sum' ? emptyIsZero(inside(0, bounds)) : {}
    return rule.call(column, method, [], { ...bounds, ...common(rule), ...empty })
  }
}

/** A share of rows: where both sides are open it says nothing. */
function share(rule: Rule): Range {
  const range = rangeOf(kwargs(rule))
  for (const bound of [range.min, range.max])
    if (bound !== undefined && !(bound >= 0 && bound <= 1)) throw new LeftOut(`${bound} is no share from 0 to 1`)
  return range
}

function quantiles(rule: Rule): Call {
  const given = kwargs(rule)
  const ranges = given.needed('quantile_ranges', given.part('quantile_ranges'))
  const levels = ranges.needed('quantiles', ranges.list('quantiles'))
  const bounds = ranges.needed('value_ranges', ranges.list('value_ranges'))
  const method = given.take('allow_relative_error')
  if (method !== 'linear')
    rule.differs('between two values Millrace interpolates linearly, where Great Expectations takes the nearest')
  if (levels.length !== bounds.length || levels.length === 0)
    throw new LeftOut('it has not as many ranges as quantiles')
  if (new Set(levels).size !== levels.length) throw new LeftOut('it has a quantile twice')
  const pairs = levels.map((level, i): [string, unknown] => {
    const range = bounds[i]
    if (typeof level !== 'number' || !(level >= 0 && level <= 1)) throw new LeftOut(`${shown(level)} is no quantile`)
    if (!Array.isArray(range) || range.length !== 2) throw new LeftOut(`${shown(range)} is no range`)
    const [min, max] = range.map(one => {
      if (one !== null && typeof one !== 'number') throw new LeftOut(`${shown(one)} is no bound`)
      return one ?? undefined
    })
    if (min === undefined && max === undefined) throw new LeftOut(`the range of quantile ${level} has no bound`)
    if (min !== undefined && max !== undefined && min > max) throw new LeftOut(`nothing lies between ${min} and ${max}`)
    return [String(level), [min, max]]
  })
  const column = rule.column(columnName(rule), numbers)
  return rule.call(column, 'quantiles', [Object.fromEntries(pairs)], common(rule))
}

/** The different values of a column and those of a list. */
function valueSet(method: 'containsSet' | 'equalsSet'): Carrier {
  return rule => {
    const given = kwargs(rule)
    const values = given.needed('value_set', given.list('value_set')).filter(one => one !== null)
    return rule.call(rule.column(columnName(rule), setTypesOf(values)), method, [[...new Set(values)]], common(rule))
  }
}

function nonNullShare(rule: Rule): Call {
  const { min, max, minExclusive, maxExclusive } = share(rule)
  if (minExclusive || maxExclusive) throw new LeftOut('a share that excludes its bound has no counterpart')
  inOrder({ ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) })
  const column = rule.column(columnName(rule))
  // a least share of values is a tolerated share of nulls, which is compared in whole rows
  if (max === undefined && min !== undefined) {
    if (min === 1) rule.neverNull.add(column.name)
    return rule.call(column, 'notNull', [], { ...(min === 1 ? {} : { mostly: min }), ...common(rule) })
  }
  const other = (one: number | undefined) => (one === undefined ? undefined : Number((1 - one).toPrecision(12)))
  return rule.call(column, 'nullShare', [], { min: other(max), max: other(min), ...common(rule) })
}

/** Figures of a column. Over no value they fail there as here, so that nothing needs to be set. */
export const figures: Readonly<Record<string, Carrier>> = {
  expect_column_max_to_be_between: figure('max'),
  expect_column_min_to_be_between: figure('min'),
  expect_column_mean_to_be_between: figure('mean'),
  expect_column_median_to_be_between: figure('median'),
  expect_column_stdev_to_be_between: figure(
    'std',
    'Millrace takes the deviation of the population (divisor n), Great Expectations that of a sample (n − 1)',
  ),
  expect_column_sum_to_be_between: figure('sum'),
  expect_column_unique_value_count_to_be_between: rule => {
    const bounds = ofCount(closed(rangeOf(kwargs(rule)), true))
    return rule.call(rule.column(columnName(rule)), 'distinctCount', [], { ...bounds, ...common(rule) })
  },
  expect_column_proportion_of_unique_values_to_be_between: rule => {
    const bounds = ofCount(floatBounds(rule, share(rule)))
    const column = rule.column(columnName(rule), ['text', 'float', 'int', 'timestamp'])
    return rule.call(column, 'distinctShare', [], { ...bounds, ...common(rule), ...emptyIsZero(inside(0, bounds)) })
  },
  expect_column_proportion_of_non_null_values_to_be_between: nonNullShare,
  expect_column_quantile_values_to_be_between: quantiles,
  expect_column_distinct_values_to_contain_set: valueSet('containsSet'),
  expect_column_distinct_values_to_equal_set: valueSet('equalsSet'),
  expect_column_value_z_scores_to_be_less_than: rule => {
    const given = kwargs(rule)
    const limit = given.needed('threshold', given.number('threshold'))
    if (given.flag('double_sided') === false) throw new LeftOut('Millrace looks at both sides of the mean')
    if (!(limit > 0)) throw new LeftOut(`its threshold is ${limit}`)
    rule.differs(
      'Millrace takes the deviation of the population, Great Expectations that of a sample; and a value just at the limit passes',
    )
    return rule.call(rule.column(columnName(rule), numbers), 'noOutliers', [], {
      method: 'zscore',
      limit,
      ...rowOptions(rule),
    })
  },
  expect_column_values_to_not_be_outliers: rule => {
    const given = kwargs(rule)
    const method = given.text('method') ?? 'iqr'
    const limit = given.number('multiplier') ?? 1.5
    if (method !== 'iqr' && method !== 'std') throw new LeftOut(`its method is ${shown(method)}`)
    if (!(limit > 0)) throw new LeftOut(`its multiplier is ${limit}`)
    if (method === 'std')
      rule.differs(
        'Millrace takes the deviation of the population, Great Expectations that of a sample; and a value just at the limit passes',
      )
    const options = { method: method === 'std' ? 'zscore' : 'iqr', limit, ...rowOptions(rule) }
    return rule.call(rule.column(columnName(rule), numbers), 'noOutliers', [], options)
  },
}

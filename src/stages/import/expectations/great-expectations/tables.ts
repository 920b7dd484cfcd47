import { closed, ofCount, rangeOf } from '../bounds.ts'
import { Code, literalText } from '../../../../internal/typescript-text.ts'
import { table, type Call } from '../code.ts'
import { comparable, conditionCode, parseCondition, typesFor } from '../condition.ts'
import { anyType } from '../column-types.ts'
import { LeftOut, shown } from '../given.ts'
import { leave, type Carrier, type Rule, type RuleColumn } from '../rule.ts'
import { exactColumns } from '../schema-rule.ts'
import { common, kwargs, rowOptions, unlessMissing, type Options } from './options.ts'

/** Two columns that can stand beside each other. */
function pair(rule: Rule): readonly [RuleColumn, RuleColumn] {
  const given = kwargs(rule)
  const names = [given.needed('column_A', given.text('column_A')), given.needed('column_B', given.text('column_B'))]
  return rule.alike(names, comparable) as readonly [RuleColumn, RuleColumn]
}

const anyOf = (columns: readonly RuleColumn[], test: 'isNull' | 'isNotNull', joined: 'and' | 'or'): Code =>
  new Code(columns.map(({ code }) => `${code.text}.${test}()`).reduce((all, one) => `${all}.${joined}(${one})`))

/** Which rows are left aside for want of values; all others with a null are bad. */
function ignoring(rule: Rule, columns: readonly RuleColumn[], options: Options): Options {
  const ignore =
    kwargs(rule).text('ignore_row_if') ?? (columns.length === 2 ? 'both_values_are_missing' : 'all_values_are_missing')
  if (/^(?:either|any)_value_is_missing$/.test(ignore)) return options
  if (/^(?:never|neither)$/.test(ignore)) return { ...options, nulls: 'bad' }
  if (!/^(?:both|all)_values_are_missing$/.test(ignore)) throw new LeftOut(`ignore_row_if is ${shown(ignore)}`)
  return { ...unlessMissing(options, anyOf(columns, 'isNotNull', 'or')), nulls: 'bad' }
}

function columnNames(rule: Rule): readonly string[] {
  const given = kwargs(rule)
  const names = given.needed('column_list', given.texts('column_list'))
  if (new Set(names).size < 2) throw new LeftOut('it needs two columns at least')
  return names
}

function compared(sign: (rule: Rule) => string): Carrier {
  return rule => {
    const [left, right] = pair(rule)
    return table('compare', [left.code, sign(rule), right.code], ignoring(rule, [left, right], rowOptions(rule)))
  }
}

function pairsInSet(rule: Rule): Call {
  const given = kwargs(rule)
  const pairs = given.needed('value_pairs_set', given.list('value_pairs_set'))
  const names = [given.needed('column_A', given.text('column_A')), given.needed('column_B', given.text('column_B'))]
  if (pairs.length === 0) throw new LeftOut('its list of pairs is empty')
  const either = pairs.map(values => {
    if (!Array.isArray(values) || values.length !== 2) throw new LeftOut(`${shown(values)} is no pair`)
    const both = values.map((value, i) => {
      if (typeof value === 'boolean' || value === null)
        throw new LeftOut(`the pair ${shown(values)} has a value that is not compared`)
      const types = typesFor(value).filter(type => type !== 'timestamp')
      return `${rule.column(names[i] as string, types).code.text}.eq(${literalText(value)})`
    })
    return `${both[0]}.and(${both[1]})`
  })
  const columns = names.map(name => rule.column(name))
  const any = either.reduce((all, one) => `${all}.or(${one})`)
  return table('that', [new Code(any)], ignoring(rule, columns, rowOptions(rule)))
}

function distinctWithinRow(rule: Rule): Call {
  const columns = rule.alike(columnNames(rule), anyType)
  const ignore = kwargs(rule).text('ignore_row_if') ?? 'all_values_are_missing'
  const options = rowOptions(rule)
  if (ignore === 'any_value_is_missing')
    return table(
      'distinctWithinRow',
      [columns.map(one => one.code)],
      unlessMissing(options, anyOf(columns, 'isNotNull', 'and')),
    )
  if (ignore !== 'never' && ignore !== 'all_values_are_missing') throw new LeftOut(`ignore_row_if is ${shown(ignore)}`)
  if (columns.length > 2 || ignore === 'never')
    rule.differs('nulls equal nothing, where Great Expectations takes two nulls of a row for equal')
  const kept = ignore === 'never' ? undefined : anyOf(columns, 'isNotNull', 'or')
  return table('distinctWithinRow', [columns.map(one => one.code)], unlessMissing(options, kept))
}

function compoundUnique(rule: Rule): Call {
  const columns = rule.several(columnNames(rule))
  const ignore = kwargs(rule).text('ignore_row_if') ?? 'all_values_are_missing'
  const options = rowOptions(rule)
  const names = columns.map(one => one.code)
  if (ignore === 'any_value_is_missing') return table('unique', [names], options)
  if (ignore !== 'never' && ignore !== 'all_values_are_missing') throw new LeftOut(`ignore_row_if is ${shown(ignore)}`)
  const kept = ignore === 'never' ? undefined : anyOf(columns, 'isNotNull', 'or')
  return table('unique', [names], { ...unlessMissing(options, kept), nulls: 'equal' })
}

function allEqual(rule: Rule): Call {
  const columns = rule.alike(columnNames(rule), comparable)
  const [first, ...others] = columns as [RuleColumn, ...RuleColumn[]]
  const good = others
    .map(other => `${first.code.text}.eq(${other.code.text})`)
    .reduce((all, one) => `${all}.and(${one})`)
  return table('that', [new Code(good)], ignoring(rule, columns, rowOptions(rule)))
}

/** A query for the rows that break a rule, where its condition is a simple one. */
function unexpectedRows(rule: Rule): Call {
  const given = kwargs(rule)
  const query = given.needed('unexpected_rows_query', given.text('unexpected_rows_query'))
  const parts = /^\s*select\s+\*\s+from\s+\{batch\}\s+where\s+([^]+?);?\s*$/i.exec(query)
  if (!parts?.[1]) throw new LeftOut('its query is written for another engine; write it with expect.sql')
  const bad = conditionCode(rule, parseCondition(parts[1], 'sql'))
  return table('that', [new Code(`${bad.text}.not()`)], { ...rowOptions(rule), nulls: 'good' })
}

function equalCount(method: string): Carrier {
  return rule => {
    const given = kwargs(rule)
    const value = given.needed('value', given.number('value'))
    if (!(value >= 0)) throw new LeftOut(`there are never ${value}`)
    return table(method, [], { min: value, max: value, ...common(rule) })
  }
}

const withinCount =
  (method: string): Carrier =>
  rule =>
    table(method, [], { ...ofCount(closed(rangeOf(kwargs(rule)), true)), ...common(rule) })

/** Rules about the table as a whole and about several columns. */
export const tables: Readonly<Record<string, Carrier>> = {
  expect_table_column_count_to_be_between: withinCount('columnCount'),
  expect_table_column_count_to_equal: equalCount('columnCount'),
  expect_table_row_count_to_be_between: withinCount('rowCount'),
  expect_table_row_count_to_equal: equalCount('rowCount'),
  expect_table_row_count_to_equal_other_table: leave('compare two datasets with expect.reconcile'),
  expect_table_columns_to_match_ordered_list: rule => {
    const given = kwargs(rule)
    return exactColumns(rule, given.needed('column_list', given.texts('column_list')), { ordered: true }, common(rule))
  },
  expect_table_columns_to_match_set: rule => {
    const given = kwargs(rule)
    const mode = given.flag('exact_match') === false ? 'superset' : 'exact'
    const names = given.needed('column_set', given.texts('column_set'))
    return exactColumns(rule, names, { mode }, common(rule))
  },
  expect_column_to_exist: rule => {
    const given = kwargs(rule)
    return table('columnExists', [given.needed('column', given.text('column'))], common(rule))
  },
  expect_column_pair_values_a_to_be_greater_than_b: compared(rule => (kwargs(rule).flag('or_equal') ? 'gte' : 'gt')),
  expect_column_pair_values_to_be_equal: compared(() => 'eq'),
  expect_column_pair_values_to_be_in_set: pairsInSet,
  expect_compound_columns_to_be_unique: compoundUnique,
  expect_multicolumn_values_to_be_unique: distinctWithinRow,
  expect_select_column_values_to_be_unique_within_record: distinctWithinRow,
  expect_multicolumn_values_to_be_equal: allEqual,
  expect_multicolumn_sum_to_equal: rule => {
    const given = kwargs(rule)
    const total = given.needed('sum_total', given.number('sum_total'))
    const columns = rule.alike(columnNames(rule), ['float', 'int'])
    const options = ignoring(rule, columns, rowOptions(rule))
    return table('sumEquals', [columns.map(one => one.code), total], { tolerance: 0, ...options })
  },
  unexpected_rows_expectation: unexpectedRows,
  expect_query_results_to_match_comparison: leave('compare two datasets with expect.reconcile'),
  expect_column_most_common_value_to_be_in_set: leave(
    'Millrace does not name a most frequent value; c.….topValueShare bounds its share',
  ),
  expect_column_kl_divergence_to_be_less_than: leave(
    'a distribution is compared with that of another dataset: c.….drift({ from: … })',
  ),
}

/** Data frames with faults, without, without values and without rows, and rules about their columns. */

type Values = readonly (string | number | boolean | null)[]
interface Column {
  readonly dtype: string
  readonly values: Values
}

const column =
  (dtype: string) =>
  (...values: Values): Column => ({ dtype, values })
const int = column('int64')
const float = column('float64')
const text = column('str')
const bool = column('bool')
const time = column('datetime64[us]')

/** Types of the columns as Millrace declares them. */
export const types = {
  id: 'int()',
  size: 'int()',
  amount: 'float()',
  net: 'float()',
  tax: 'float()',
  origin: 'text()',
  state: 'text()',
  json: 'text()',
  day: 'text()',
  flag: 'bool()',
  seen: "timestamp('UTC')",
  sent: "timestamp('UTC')",
} as const

type Frame = Readonly<Record<keyof typeof types, Column>>

const faulty: Frame = {
  id: int(1, 2, 2, 4, 5, 6),
  size: int(0, 5, 10, 11, -1, 5),
  amount: float(1.5, 2, null, 100, 0, 2),
  net: float(1, 2, null, null, 0, 2.5),
  tax: float(0.5, 0, 1, null, 0, 2.5),
  origin: text('ABC', 'abc', null, 'ABCD', '', 'ABC'),
  state: text('open', 'paid', 'lost', null, 'open', 'ABC'),
  json: text('{"a": 1}', '{"a": "x"}', '[', null, '3', '{}'),
  day: text('2024-01-31', '2024-1-3', '2024-13-01', null, '31.01.2024', '2024-02-01'),
  flag: bool(true, false, true, true, true, true),
  seen: time(
    '2024-01-01T00:00:00',
    '2024-01-02T00:00:00',
    null,
    '2024-01-04T00:00:00',
    '2023-12-31T23:59:59',
    '2025-01-01T00:00:00',
  ),
  sent: time(
    '2024-01-01T00:00:00',
    '2024-01-01T00:00:00',
    '2024-01-01T00:00:00',
    '2024-01-05T00:00:00',
    null,
    '2024-01-01T00:00:00',
  ),
}

const sound: Frame = {
  id: int(1, 2, 3),
  size: int(1, 5, 9),
  amount: float(1.5, 2, 10),
  net: float(1, 2, 9),
  tax: float(0.5, 0, 1),
  origin: text('ABC', 'DEF', 'GHI'),
  state: text('open', 'paid', 'open'),
  json: text('{"a": 1}', '{"a": 2}', '{"a": 3}'),
  day: text('2024-01-31', '2024-01-03', '2024-12-01'),
  flag: bool(true, true, true),
  seen: time('2024-01-01T00:00:00', '2024-01-02T00:00:00', '2024-01-03T00:00:00'),
  sent: time('2024-01-01T00:00:00', '2024-01-01T12:00:00', '2024-01-01T00:00:00'),
}

const without = (values: Values): Frame => ({
  id: int(...values.map((_, i) => i)),
  size: int(...values.map(() => 1)),
  amount: float(...values),
  net: float(...values),
  tax: float(...values),
  origin: text(...values),
  state: text(...values),
  json: text(...values),
  day: text(...values),
  flag: bool(...values.map(() => true)),
  seen: time(...values),
  sent: time(...values),
})

export const frames: Readonly<Record<string, Frame>> = {
  faulty,
  sound,
  nulls: without([null, null]),
  empty: without([]),
}

const one = (type: string, kwargs: object) => ({ type: `expect_${type}`, kwargs })
const values = (type: string, column: string, more: object = {}) => one(`column_values_to_${type}`, { column, ...more })
const figure = (type: string, column: string, more: object) => one(`column_${type}_to_be_between`, { column, ...more })

export const expectations = [
  one('table_row_count_to_be_between', { min_value: 3, max_value: 6 }),
  one('table_row_count_to_be_between', { min_value: 3, strict_min: true }),
  one('table_row_count_to_equal', { value: 6 }),
  one('table_column_count_to_be_between', { min_value: 1, max_value: 12 }),
  one('table_column_count_to_equal', { value: 11 }),
  one('column_to_exist', { column: 'size' }),
  values('be_null', 'amount', { mostly: 0.1 }),
  values('be_null', 'net'),
  values('not_be_null', 'amount'),
  values('not_be_null', 'origin', { mostly: 0.8 }),
  values('not_be_null', 'net', { row_condition: 'col("size") > 0', condition_parser: 'great_expectations' }),
  values('not_be_null', 'net', { row_condition: 'size > 0 and size <= 10', condition_parser: 'pandas' }),
  values('be_in_set', 'state', { value_set: ['open', 'paid'] }),
  values('be_in_set', 'state', { value_set: ['open', 'paid'], mostly: 0.6 }),
  values('be_in_set', 'size', { value_set: [0, 1, 5, 9, 10] }),
  values('be_in_set', 'amount', { value_set: [1.5, 2, 10, 100] }),
  values('be_in_set', 'flag', { value_set: [true] }),
  values('not_be_in_set', 'state', { value_set: ['lost', 'void'] }),
  values('not_be_in_set', 'size', { value_set: [11] }),
  values('be_between', 'size', { min_value: 0, max_value: 10 }),
  values('be_between', 'size', { min_value: 0, max_value: 10, strict_min: true, strict_max: true }),
  values('be_between', 'amount', { max_value: 10, mostly: 0.8 }),
  values('be_between', 'amount', { max_value: 10, mostly: 0.81 }),
  values('be_between', 'seen', { min_value: '2024-01-01', max_value: '2024-12-31T00:00:00' }),
  values('be_unique', 'id'),
  values('be_unique', 'id', { mostly: 0.6 }),
  values('be_unique', 'amount'),
  values('be_unique', 'origin', { row_condition: 'col("flag") == True', condition_parser: 'great_expectations' }),
  one('column_value_lengths_to_be_between', { column: 'origin', min_value: 3, max_value: 3 }),
  one('column_value_lengths_to_be_between', { column: 'origin', min_value: 2, strict_min: true }),
  one('column_value_lengths_to_equal', { column: 'origin', value: 3 }),
  values('match_regex', 'origin', { regex: '^[A-Z]{3}$' }),
  values('match_regex', 'origin', { regex: 'B' }),
  values('match_regex', 'origin', { regex: '(?i)^abc' }),
  values('not_match_regex', 'origin', { regex: 'C{1}$' }),
  values('match_regex_list', 'origin', { regex_list: ['^a', '^A'], match_on: 'any' }),
  values('match_regex_list', 'origin', { regex_list: ['^A', 'C$'], match_on: 'all' }),
  values('not_match_regex_list', 'origin', { regex_list: ['^a', 'D$'] }),
  values('match_strftime_format', 'day', { strftime_format: '%Y-%m-%d' }),
  values('be_json_parseable', 'json'),
  values('match_json_schema', 'json', {
    json_schema: { type: 'object', properties: { a: { type: 'number' } }, required: ['a'] },
  }),
  figure('max', 'size', { min_value: 9, max_value: 11 }),
  figure('max', 'size', { max_value: 11, strict_max: true }),
  figure('max', 'amount', { max_value: 100, strict_max: true }),
  figure('min', 'amount', { min_value: 0 }),
  figure('min', 'amount', { min_value: 0, strict_min: true }),
  figure('mean', 'amount', { min_value: 1, max_value: 21.1 }),
  figure('mean', 'amount', { max_value: 21.1, strict_max: true }),
  figure('median', 'amount', { min_value: 2, max_value: 2 }),
  figure('sum', 'amount', { min_value: 0, max_value: 105.5 }),
  figure('sum', 'amount', { min_value: 1 }),
  figure('stdev', 'amount', { max_value: 60 }),
  figure('unique_value_count', 'state', { min_value: 0, max_value: 3 }),
  figure('unique_value_count', 'amount', { min_value: 3 }),
  figure('proportion_of_unique_values', 'state', { min_value: 0, max_value: 0.9 }),
  figure('proportion_of_unique_values', 'id', { min_value: 0.9 }),
  figure('proportion_of_non_null_values', 'origin', { min_value: 0.9 }),
  figure('proportion_of_non_null_values', 'origin', { min_value: 0.1, max_value: 0.9 }),
  one('column_quantile_values_to_be_between', {
    column: 'size',
    quantile_ranges: {
      quantiles: [0, 0.5, 1],
      value_ranges: [
        [-1, 1],
        [1, 5],
        [null, 11],
      ],
    },
    allow_relative_error: 'linear',
  }),
  one('column_distinct_values_to_be_in_set', { column: 'state', value_set: ['open', 'paid', 'lost', 'ABC'] }),
  one('column_distinct_values_to_contain_set', { column: 'state', value_set: ['open', 'paid'] }),
  one('column_distinct_values_to_contain_set', { column: 'size', value_set: [5, 9] }),
  one('column_distinct_values_to_equal_set', { column: 'state', value_set: ['open', 'paid'] }),
  one('column_value_z_scores_to_be_less_than', { column: 'size', threshold: 3, double_sided: true }),
  values('not_be_outliers', 'amount', { multiplier: 2 }),
  one('column_pair_values_a_to_be_greater_than_b', { column_A: 'net', column_B: 'tax' }),
  one('column_pair_values_a_to_be_greater_than_b', {
    column_A: 'net',
    column_B: 'tax',
    or_equal: true,
    ignore_row_if: 'either_value_is_missing',
  }),
  one('column_pair_values_a_to_be_greater_than_b', {
    column_A: 'seen',
    column_B: 'sent',
    or_equal: true,
    ignore_row_if: 'neither',
  }),
  one('column_pair_values_to_be_equal', { column_A: 'origin', column_B: 'state', mostly: 0.1 }),
  one('column_pair_values_to_be_equal', { column_A: 'net', column_B: 'tax', ignore_row_if: 'neither' }),
  one('column_pair_values_to_be_in_set', {
    column_A: 'state',
    column_B: 'size',
    value_pairs_set: [
      ['open', 0],
      ['open', 1],
      ['paid', 5],
      ['open', 9],
    ],
  }),
  one('compound_columns_to_be_unique', { column_list: ['net', 'tax'] }),
  one('compound_columns_to_be_unique', { column_list: ['id', 'flag'], ignore_row_if: 'any_value_is_missing' }),
  one('compound_columns_to_be_unique', { column_list: ['net', 'tax'], ignore_row_if: 'never' }),
  one('select_column_values_to_be_unique_within_record', { column_list: ['origin', 'state'] }),
  one('select_column_values_to_be_unique_within_record', {
    column_list: ['net', 'tax', 'amount'],
    ignore_row_if: 'any_value_is_missing',
  }),
  one('multicolumn_values_to_be_equal', { column_list: ['net', 'tax'] }),
  one('multicolumn_sum_to_equal', { column_list: ['net', 'tax'], sum_total: 2 }),
  one('multicolumn_sum_to_equal', {
    column_list: ['net', 'tax'],
    sum_total: 5,
    ignore_row_if: 'any_value_is_missing',
    mostly: 0.2,
  }),
]

export const schema = `schema_type: dataframe
columns:
  id:
    dtype: int64
    unique: true
    greater_than: 0
    less_than: 6
  size:
    dtype: int64
    in_range: { min_value: -1, max_value: 11, include_min: false, include_max: false }
    isin: [0, 1, 5, 9, 10]
    notin: [11]
    not_equal_to: 5
  amount:
    dtype: float64
    nullable: false
    greater_than_or_equal_to: 1
    less_than_or_equal_to: { max_value: 10, ignore_na: false }
    not_equal_to: { value: 2, ignore_na: false }
  net:
    dtype: float64
    nullable: true
    unique: true
    equal_to: { value: 2, ignore_na: false }
  origin:
    dtype: str
    nullable: true
    unique: true
    str_matches: '[A-Z]{3}|a'
    str_contains: bc
    str_startswith: A
    str_endswith: C
    str_length: { min_value: 1, max_value: 3, exact_value: null }
    isin: { value: [ABC, DEF], ignore_na: false }
  state:
    dtype: str
    nullable: true
    unique_values_eq: { values: [open, paid] }
    greater_than: c
  seen:
    dtype: datetime64[us]
    nullable: true
    greater_than_or_equal_to: '2024-01-01'
unique: [net, origin]
`

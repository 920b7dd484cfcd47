import { describe, expect, test } from 'vitest'
import type { Json } from '../../../../internal/canonical-json.ts'
import { importFound, type NamedDataset } from '../import.ts'
import type { ImportedRule } from '../model.ts'
import { readSuite } from './suite.ts'

function suite(...expectations: readonly Json[]): NamedDataset {
  const bytes = new TextEncoder().encode(JSON.stringify({ name: 'suite', expectations }))
  return importFound([readSuite('suite.json', bytes)])[0] as NamedDataset
}
const rule = (type: string, kwargs: object, more: object = {}): ImportedRule => {
  const [made] = suite({ type, kwargs: kwargs as Json, ...more } as Json).rules
  return made as ImportedRule
}

describe('Great Expectations', () => {
  test.each([
    [
      'expect_column_values_to_be_between',
      { column: 'a', min_value: 1, strict_min: true },
      ["c.a.between(1, undefined, { minExclusive: true, onEmpty: 'pass' })"],
    ],
    [
      'expect_column_values_to_be_in_set',
      { column: 'a', value_set: [true] },
      ["c.a.inSet([true], { onEmpty: 'pass' })"],
    ],
    [
      'expect_column_values_to_be_in_set',
      { column: 'a b', value_set: ["it's", null] },
      ["c['a b'].inSet(['it\\'s'], { onEmpty: 'pass' })"],
    ],
    [
      'expect_column_value_lengths_to_be_between',
      { column: 'a', max_value: 5, strict_max: true },
      ["c.a.length({ max: 4 }, { onEmpty: 'pass' })"],
    ],
    ['expect_column_sum_to_be_between', { column: 'a', min_value: 0 }, ["c.a.sum({ min: 0, onEmpty: 'pass' })"]],
    ['expect_column_sum_to_be_between', { column: 'a', min_value: 1 }, ['c.a.sum({ min: 1 })']],
    [
      'expect_column_proportion_of_non_null_values_to_be_between',
      { column: 'a', min_value: 0.9 },
      ['c.a.notNull({ mostly: 0.9 })'],
    ],
    ['ExpectColumnValuesToNotBeNull', { column: 'a' }, ["c.a.notNull({ onEmpty: 'pass' })"]],
    [
      'expect_column_values_to_match_regex',
      { column: 'a', regex: '(?P<x>a){,2}\\Z' },
      ["c.a.matches(/(a){0,2}$/, { onEmpty: 'pass' })"],
    ],
    [
      'expect_column_values_to_match_regex',
      { column: 'a', regex: '\\p{L}/' },
      ["c.a.matches(new RegExp('\\\\p{L}\\\\/', 'u'), { onEmpty: 'pass' })"],
    ],
    [
      'expect_column_values_to_match_like_pattern',
      { column: 'a', like_pattern: 'x_%' },
      ["c.a.matches(/^x[\\s\\S][\\s\\S]*$/u, { onEmpty: 'pass' })"],
    ],
  ])('carries %s %j', (type, kwargs, code) => {
    expect(rule(type, kwargs)).toMatchObject({ outcome: 'carried', code })
  })

  test.each([
    ['col("x") > 5', 'c.x.gt(5)'],
    ['5 < x', 'c.x.gt(5)'],
    ["x == 'a' and `y z` >= -1.5e3", "c.x.eq('a').and(c['y z'].gte(-1500))"],
    ['x.notNull() or (y.isnull() & z == "it\'s")', "c.x.isNotNull().or(c.y.isNull().and(c.z.eq('it\\'s')))"],
    ['x in [1, 2]', 'c.x.in([1, 2])'],
    ['x == y', 'c.x.eq(c.y)'],
    ['day >= date("2024-02-29")', "c.day.gte('2024-02-29')"],
  ])('reads the condition %s', (row_condition, when) => {
    const made = rule('expect_column_values_to_not_be_null', { column: 'a', row_condition, condition_parser: 'pandas' })
    expect(made.code).toEqual([`c.a.notNull({ when: ${when}, onEmpty: 'pass' })`])
  })

  test.each([
    'x.str.len() > 3',
    '@x > 1',
    'f(x) = 1',
    'x >',
    'x > 1 2',
    '(x > 1',
    "x > 'a",
    'x like 1',
    '1 < 2',
    ''.padEnd(200, '('),
    `${'not '.repeat(80)}x`,
  ])('leaves a rule out whose condition is %s, never half of it', row_condition => {
    const made = rule('expect_column_values_to_not_be_null', { column: 'a', row_condition })
    expect(made).toMatchObject({ outcome: 'left out', code: [] })
    expect(made.why).toMatch(/condition/)
  })

  test('leaves out what has no counterpart, with its reason and all its settings', () => {
    expect(rule('expect_column_values_to_be_odd', { column: 'a', base: 2 }).why).toBe(
      'Millrace has no counterpart of it; its settings: column ("a"), base (2)',
    )
    expect(rule('expect_column_values_to_match_regex', { column: 'a', regex: '(a)\\1' }).why).toMatch(/back-reference/)
    expect(rule('expect_column_values_to_match_regex', { column: 'a', regex: '(?s)a' }).why).toBe(
      'its pattern has the flag s',
    )
    expect(rule('expect_column_max_to_be_between', { column: 'a', min_value: 3, max_value: 2 }).why).toBe(
      'nothing lies between 3 and 2',
    )
    expect(rule('expect_column_max_to_be_between', {}).why).toBe('it has no column')
  })

  test('severity, notes and unread settings are not lost', () => {
    const made = rule(
      'expect_column_values_to_be_unique',
      { column: 'a', mostly: 0.5, pairs: 1 },
      { severity: 'info', notes: 'why so', retries: 3 },
    )
    expect(made).toMatchObject({
      outcome: 'changed',
      code: ["c.a.unique({ mostly: 0.5, severity: 'info', onEmpty: 'pass' })"],
      why: 'not carried over: pairs (1), retries (3)',
      notes: ['why so'],
    })
  })

  test('two rules that say the same are one; of different severities two, by their ids', () => {
    const one = { type: 'expect_column_values_to_be_unique', kwargs: { column: 'a' } }
    const codes = suite(one, one, { ...one, severity: 'warning' }).rules.map(made => made.code)
    expect(codes).toEqual([
      ["c.a.unique({ onEmpty: 'pass' })"],
      [],
      ["c.a.unique({ id: 'a-unique-2', severity: 'warning', onEmpty: 'pass' })"],
    ])
  })

  test('columns that are compared have one type', () => {
    const { columns } = suite(
      { type: 'expect_column_pair_values_to_be_equal', kwargs: { column_A: 'a', column_B: 'b' } },
      { type: 'expect_column_values_to_match_regex', kwargs: { column: 'b', regex: 'x' } },
    )
    expect(columns.map(({ name, type }) => `${name} ${type}`)).toEqual(['a text', 'b text'])
  })
})

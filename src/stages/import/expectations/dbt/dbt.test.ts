import { expect, test } from 'vitest'
import { importFound } from '../import.ts'
import type { ImportedRule } from '../model.ts'
import { readProperties } from './schema.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const rule = (text: string): ImportedRule =>
  importFound(
    readProperties(
      'a.yml',
      bytes(`models:\n  - name: m\n    columns:\n      - name: a\n        data_tests:\n          - ${text}`),
    ),
  )[0]?.rules[0] as ImportedRule

test.each([
  ['not_null', ["c.a.notNull({ onEmpty: 'pass' })"]],
  [
    'not_null: { config: { severity: error, error_if: ">=5", warn_if: ">1" } }',
    ["c.a.notNull({ onEmpty: 'pass', warn: { count: 1 }, fail: { count: 4 } })"],
  ],
  ['not_null: { severity: warn, warn_if: ">1" }', ["c.a.notNull({ onEmpty: 'pass', severity: 'warning', maxBad: 1 })"]],
  [
    'not_null: { config: { where: "b = \'x\' and \\"C d\\" > 1" } }',
    ["c.a.notNull({ onEmpty: 'pass', when: c.b.eq('x').and(c['C d'].gt(1)) })"],
  ],
  ['accepted_values: { arguments: { values: [x, y] } }', ["c.a.inSet(['x', 'y'], { onEmpty: 'pass' })"]],
  ['accepted_values: { values: ["1", "2"], quote: false }', ["c.a.inSet([1, 2], { onEmpty: 'pass' })"]],
  [
    'dbt_utils.accepted_range: { max_value: 5, inclusive: false }',
    ["c.a.between(undefined, 5, { maxExclusive: true, onEmpty: 'pass' })"],
  ],
  ['dbt_utils.expression_is_true: { expression: "< b" }', ["expect.that(c.a.lt(c.b), { onEmpty: 'pass' })"]],
  ['dbt_utils.not_null_proportion: { at_least: 0.9 }', ['c.a.notNull({ mostly: 0.9 })']],
  [
    'dbt_expectations.expect_column_values_to_be_between: { min_value: 1, strictly: true, row_condition: "b is not null" }',
    ["c.a.between(1, undefined, { minExclusive: true, when: c.b.isNotNull(), onEmpty: 'pass' })"],
  ],
  ['dbt_expectations.expect_column_max_to_be_between: { max_value: 1 }', ['c.a.max({ max: 1 })']],
  ['{ name: mine, test_name: unique }', ["c.a.unique({ onEmpty: 'pass' })"]],
])('carries %s', (text, code) => {
  expect(rule(text)).toMatchObject({ outcome: 'carried', code })
})

test.each([
  ['unique: { error_if: ">3" }', 'changed', 'where dbt counts different values'],
  ['not_null: { config: { limit: 5 } }', 'changed', 'not carried over: config.limit (5)'],
  [
    'dbt_expectations.expect_column_max_to_be_between: { max_value: 1, group_by: [b] }',
    'changed',
    'not carried over: group_by (["b"])',
  ],
  ['not_null: { error_if: "between 1 and 2" }', 'left out', 'its error_if is "between 1 and 2"'],
  ['not_null: { config: { where: "b in (select 1)" } }', 'left out', 'not simple enough'],
  ['not_null: { config: { enabled: false } }', 'left out', 'switched off'],
  ['relationships: { to: ref("n"), field: id }', 'left out', 'not among those imported'],
  ['accepted_values: { values: ["current_date"], quote: false }', 'left out', 'is SQL, not a value'],
  ['mine.own: { x: 1 }', 'left out', 'no counterpart of it; its settings: x (1)'],
  [
    'dbt_expectations.expect_column_max_to_be_between: { max_value: 1, error_if: ">3" }',
    'left out',
    'counts failures of something that is no row',
  ],
])('says what becomes of %s', (text, outcome, why) => {
  expect(rule(text)).toMatchObject({ outcome, why: expect.stringContaining(why) as unknown })
})

test('a model stands behind those that its tests refer to, in whatever order they are written', () => {
  const text = `models:
  - { name: orders, columns: [{ name: customer, tests: [{ relationships: { to: ref('customers'), field: id } }] }] }
  - { name: customers, columns: [{ name: id, tests: [not_null, { relationships: { to: ref('orders'), field: customer } }] }] }
  - { name: untested, columns: [{ name: id }] }`
  const made = importFound(readProperties('a.yml', bytes(text)))
  expect(made.map(one => [one.constant, one.rules.map(each => each.outcome)])).toEqual([
    ['orders', ['left out']],
    ['customers', ['carried', 'left out']],
  ])
  const mended = importFound(
    readProperties('a.yml', bytes(text.replace(/, \{ relationships: [^}]*'orders'[^}]*\} \}/, ''))),
  )
  expect(mended.map(one => [one.constant, one.rules.flatMap(each => each.code)])).toEqual([
    ['customers', ["c.id.notNull({ onEmpty: 'pass' })"]],
    ['orders', ["expect.foreignKey([c.customer], customers, ['id'], { onEmpty: 'pass' })"]],
  ])
})

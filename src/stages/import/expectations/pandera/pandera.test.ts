import { expect, test } from 'vitest'
import { importFound } from '../import.ts'
import type { ImportedRule } from '../model.ts'
import { readSchema } from './schema.ts'

const rules = (text: string): readonly ImportedRule[] =>
  importFound([readSchema('a.yml', new TextEncoder().encode(text))])[0]?.rules ?? []
const check = (text: string): ImportedRule =>
  rules(`columns:\n  a:\n    nullable: true\n    ${text}`)[0] as ImportedRule

test.each([
  ['greater_than: 0', ["c.a.between(0, undefined, { minExclusive: true, onEmpty: 'pass' })"]],
  [
    'checks: { le: { value: 5, options: { raise_warning: true } } }',
    ["c.a.between(undefined, 5, { severity: 'warning', onEmpty: 'pass' })"],
  ],
  [
    'checks: [{ min_value: 0, max_value: 9, include_min: false, options: { check_name: in_range, ignore_na: false } }]',
    ["c.a.between(0, 9, { minExclusive: true, nulls: 'bad', onEmpty: 'pass' })"],
  ],
  ['isin: [1, 2]', ["c.a.inSet([1, 2], { onEmpty: 'pass' })"]],
  ['notin: { value: [x], ignore_na: false }', ["c.a.notInSet(['x'], { nulls: 'good', onEmpty: 'pass' })"]],
  ['str_matches: a|b', ["c.a.matches(/^(?:a|b)/, { onEmpty: 'pass' })"]],
  ['str_matches: ^a', ["c.a.matches(/^a/, { onEmpty: 'pass' })"]],
  ['str_startswith: a.b/', ["c.a.matches(/^a\\.b\\//, { onEmpty: 'pass' })"]],
  [
    'str_length: { min_value: 1, max_value: 3, exact_value: null }',
    ["c.a.length({ min: 1, max: 3 }, { onEmpty: 'pass' })"],
  ],
  [
    "greater_than: '2024-01-01'",
    ["c.a.between(new Date('2024-01-01T00:00:00.000Z'), undefined, { minExclusive: true, onEmpty: 'pass' })"],
  ],
  ['less_than: m', ["expect.that(c.a.lt('m'), { onEmpty: 'pass' })"]],
  ['unique: true', ["c.a.unique({ nulls: 'equal', onEmpty: 'pass' })"]],
])('carries %s', (text, code) => {
  expect(check(text)).toMatchObject({ outcome: 'carried', code })
})

test.each([
  ['greater_than: { min_value: 0, groupby: b }', 'changed', 'not carried over: groupby ("b")'],
  ['dtype: int8', 'changed', 'whatever its width'],
  ['dtype: category', 'left out', 'the type "category"'],
  ['my_own_check: { level: 3 }', 'left out', 'no counterpart of it; its settings: level (3)'],
  ['required: false', 'left out', 'must be there'],
  ['coerce: true', 'left out', 'nothing is cast'],
  ['in_range: { min_value: 3, max_value: 1 }', 'left out', 'nothing lies between'],
  ['str_matches: (?=a)', 'left out', 'look-around'],
])('says what becomes of %s', (text, outcome, why) => {
  expect(check(text)).toMatchObject({ outcome, why: expect.stringContaining(why) as unknown })
})

test('a column that may not be null says so, though the file leaves that to the default', () => {
  const [type, nullable] = rules('columns:\n  a: { dtype: int64 }')
  expect(type).toMatchObject({ source: 'dtype', code: [] })
  expect(nullable).toMatchObject({ source: 'nullable', outcome: 'carried', code: ["c.a.notNull({ onEmpty: 'pass' })"] })
})

test('titles and descriptions of a column stand with its first rule', () => {
  expect(
    rules('columns:\n  a: { title: A, description: what it is, dtype: int64, checks: 5 }').map(one => [
      one.source,
      one.notes,
    ]),
  ).toEqual([
    ['dtype', ['A', 'what it is']],
    ['nullable', []],
    ['checks', []],
  ])
})

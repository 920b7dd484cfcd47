import { describe, expect, test } from 'vitest'
import { importFound, type NamedDataset } from '../import.ts'
import type { ImportedRule } from '../model.ts'
import { readSoda } from './contract.ts'

const read = (text: string): readonly NamedDataset[] => importFound(readSoda('a.yml', new TextEncoder().encode(text)))
const first = (text: string): ImportedRule => read(text)[0]?.rules[0] as ImportedRule
const check = (text: string): ImportedRule => first(`checks for d:\n  - ${text}`)

describe('SodaCL', () => {
  test.each([
    ['max(a) between (1 and 10]', ['c.a.max({ min: 1.0000000000000002, max: 10 })']],
    ['missing_count("a b") <= 2', ["c['a b'].notNull({ fail: { count: 2 }, onEmpty: 'pass' })"]],
    ['missing_count(a) < 3', ["c.a.notNull({ fail: { count: 2 }, onEmpty: 'pass' })"]],
    ['missing_percent(a) <= 5 %', ["c.a.notNull({ fail: { share: 0.05 }, onEmpty: 'pass' })"]],
    [
      'missing_count(a):\n      warn: when > 0\n      fail: when >= 10',
      ["c.a.notNull({ fail: { count: 9 }, warn: { count: 0 }, onEmpty: 'pass' })"],
    ],
    // every row beyond the warning is beyond the failure as well
    ['missing_count(a):\n      warn: when > 9\n      fail: when > 0', ["c.a.notNull({ onEmpty: 'pass' })"]],
    [
      'missing_count(a):\n      warn: when between 1 and 10\n      fail: when > 10',
      ["c.a.notNull({ fail: { count: 10 }, warn: { count: 0 }, onEmpty: 'pass' })"],
    ],
    [
      'invalid_count(a) = 0:\n      valid length: 3\n      filter: b is not null',
      ["c.a.length({ min: 3, max: 3 }, { when: c.b.isNotNull(), onEmpty: 'pass' })"],
    ],
    [
      'invalid_count(a) = 0:\n      invalid values: [x]\n      missing values: [y]',
      ["c.a.notInSet(['x'], { when: c.a.isNotNull().and(c.a.in(['y']).not()), onEmpty: 'pass' })"],
    ],
    ['sum(a) > 5', ['c.a.sum({ min: 5.000000000000001 })']],
    ['avg(a):\n      warn: when not between 1 and 5', ["c.a.mean({ min: 1, max: 5, severity: 'warning' })"]],
    ['stddev_pop(a) <= 5', ['c.a.std({ max: 5 })']],
    ['min_length(a) >= 2', ['c.a.length({ min: 2 })']],
  ])('carries %s', (text, code) => {
    expect(check(text)).toMatchObject({ outcome: 'carried', code })
  })

  test.each([
    ['invalid_percent(a) < 5 %:\n      valid min: 1', 'a share of just 5 % passes'],
    ['stddev(a) <= 5', 'sample'],
    ['freshness(a) < 1d', 'five minutes in the future'],
    ['duplicate_count(a) < 5', 'counts all rows that are alike'],
    ['missing_count(a) = 0:\n      odd: 1', 'not carried over: odd (1)'],
  ])('says what differs of %s', (text, why) => {
    expect(check(text)).toMatchObject({ outcome: 'changed', why: expect.stringContaining(why) as unknown })
  })

  test.each([
    ['missing_count(a) > 5', 'that some rows must be bad'],
    ['missing_count(a) != 5', 'that a figure is not one value'],
    ['missing_count(a)', 'it has no threshold'],
    ['missing_count(a):\n      fail: when between 1 and 10', 'beyond its failure'],
    ['missing_count(a):\n      warn: when between 1 and 10', 'beyond its warning'],
    ['invalid_count(a) = 0:\n      valid format: phone number', 'the format "phone number"'],
    ['invalid_count(a) = 0', 'does not say what is valid'],
    ['anomaly score for row_count < default', 'no counterpart'],
    ['avg(a) > 5:\n      filter: a similar to b', 'is not simple enough'],
    ['values in (a) must exist in other (b)', 'is not among those imported'],
    ['group by:\n      group_limit: 10', 'no counterpart of it; its settings: group_limit (10)'],
  ])('leaves %s out and says why', (text, why) => {
    expect(check(text)).toMatchObject({ outcome: 'left out', code: [], why: expect.stringContaining(why) as unknown })
  })
})

test('checks of one dataset in several blocks are one dataset, and what is no block of checks is named', () => {
  const made = read(
    'checks for a:\n  - missing_count(x) = 0\nchecks for "a":\n  - row_count > 0\nprofile columns:\n  columns: [a.%]',
  )
  expect(made.map(one => one.rules.map(rule => `${rule.source}: ${rule.outcome}`))).toEqual([
    ['missing_count(x) = 0: carried', 'row_count > 0: carried', 'profile columns: left out'],
  ])
})

test.each([
  ['missing:', ["c.a.notNull({ onEmpty: 'pass' })"]],
  ['missing: { threshold: { must_be_less_than: 3 } }', ["c.a.notNull({ fail: { count: 2 }, onEmpty: 'pass' })"]],
  ['invalid: { valid_min: 1, valid_max: 2 }', ["c.a.between(1, 2, { onEmpty: 'pass' })"]],
  ['aggregate: { function: max, threshold: { must_be: 3 } }', ['c.a.max({ min: 3, max: 3 })']],
  [
    'aggregate: { function: sum, threshold: { must_be_greater_than_or_equal: 3, level: warn } }',
    ["c.a.sum({ min: 3, severity: 'warning' })"],
  ],
])('a contract carries %s', (text, code) => {
  expect(first(`dataset: s/d\ncolumns:\n  - name: a\n    checks:\n      - ${text}`)).toMatchObject({
    outcome: 'carried',
    code,
  })
})

test.each([
  ['missing: { threshold: { must_be_not_between: { greater_than: 1 } } }', 'must_be_not_between'],
  ['aggregate: { function: max }', 'it has no threshold'],
  ['missing: { threshold: { must_be: 0, must_not_be: 2 } }', 'must_be and must_not_be'],
  ['missing: 3', 'is no check'],
  ['invalid: { valid_reference_data: { dataset: s/other, column: b } }', 'not among those imported'],
])('a contract leaves %s out', (text, why) => {
  expect(first(`dataset: s/d\ncolumns:\n  - name: a\n    checks:\n      - ${text}`)).toMatchObject({
    outcome: 'left out',
    why: expect.stringContaining(why) as unknown,
  })
})

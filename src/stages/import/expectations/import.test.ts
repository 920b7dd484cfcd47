import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as api from '../../../index.ts'
import type { Json } from '../../../internal/canonical-json.ts'
import type { Found } from './carry.ts'
import { readProperties } from './dbt/schema.ts'
import { knownExpectations, readSuite } from './great-expectations/suite.ts'
import { importFound, type NamedDataset } from './import.ts'
import type { ImportedRule, KnownDataset } from './model.ts'
import { moduleText } from './module.ts'
import { readSchema } from './pandera/schema.ts'
import { readSoda } from './soda/contract.ts'

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
const text = (value: string): Uint8Array => new TextEncoder().encode(value)

const only = (founds: readonly Found[], known?: KnownDataset): NamedDataset =>
  importFound(founds, known)[0] as NamedDataset
const suite = (...expectations: readonly Json[]): NamedDataset =>
  only([readSuite('suite.json', bytes({ name: 'suite', expectations }))])
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
      ["expect.that(c.a.expr, { onEmpty: 'pass' })"].map(() => "c.a.inSet([true], { onEmpty: 'pass' })"),
    ],
    [
      'expect_column_values_to_be_in_set',
      { column: 'a b', value_set: ["it's", null] },
      ["c['a b'].inSet([\"it's\"], { onEmpty: 'pass' })"],
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
      ['c.a.matches(new RegExp("\\\\p{L}\\\\/"), { onEmpty: \'pass\' })'],
    ],
    [
      'expect_column_values_to_match_like_pattern',
      { column: 'a', like_pattern: 'x_%' },
      ["c.a.matches(/^x[\\s\\S][\\s\\S]*$/, { onEmpty: 'pass' })"],
    ],
  ])('carries %s %j', (type, kwargs, code) => {
    expect(rule(type, kwargs)).toMatchObject({ outcome: 'carried', code })
  })

  test.each([
    ['col("x") > 5', 'c.x.gt(5)'],
    ['5 < x', 'c.x.gt(5)'],
    ["x == 'a' and `y z` >= -1.5e3", "c.x.eq('a').and(c['y z'].gte(-1500))"],
    ['x.notNull() or (y.isnull() & z == "it\'s")', 'c.x.isNotNull().or(c.y.isNull().and(c.z.eq("it\'s")))'],
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

const known: KnownDataset = {
  name: 'flights',
  source: { kind: 'csv', path: 'data/a.csv', delimiter: ';' },
  columns: { delay: { type: 'int', nullable: true }, 'who?': { type: 'text', nullable: false, pii: true } },
  treatAsNull: ['NA'],
  encryptWith: 'people',
}

test('a dataset of the project lends its columns and source, and refuses others', () => {
  const made = only(
    [
      readSuite(
        'suite.json',
        bytes({
          expectations: [
            { type: 'expect_column_max_to_be_between', kwargs: { column: 'delay', max_value: 3, strict_max: true } },
            { type: 'expect_column_values_to_be_between', kwargs: { column: 'who?', max_value: 3 } },
            { type: 'expect_column_values_to_be_unique', kwargs: { column: 'gone' } },
          ],
        }),
      ),
    ],
    known,
  )
  expect(made.rules.map(one => one.why ?? one.code[0])).toEqual([
    'c.delay.max({ max: 2 })',
    'who? is text (as the dataset flights declares it), and it takes float or int',
    'the dataset flights declares no column "gone"',
  ])
  const module = moduleText('Great Expectations', [made])
  expect(module).toContain("import { csv, dataset, t } from 'millrace'")
  expect(module).toContain("source: csv('data/a.csv', { delimiter: ';' })")
  expect(module).toContain("'who?': t.pii(t.text()),")
  expect(module).toContain("treatAsNull: ['NA'],\n  encryptWith: 'people',")
})

const name = fc.oneof(
  fc.constantFrom(
    'a',
    'b',
    '__proto__',
    'constructor',
    'millrace_x',
    '*/ x',
    "it's",
    '`${1}`',
    '\n\u2028',
    '"',
    'a b',
    '0',
    '',
  ),
  fc.string(),
)
const value: fc.Arbitrary<Json> = fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>
const marked = fc
  .uniqueArray(fc.integer({ min: 0, max: 99_999 }), { maxLength: 3 })
  .map(all => all.map(n => `unheard_of_${n}`))

/** Likely values under likely names, so that rules are often carried and not only refused. */
const kwargs = fc.record(
  {
    column: name,
    column_A: name,
    column_B: name,
    column_list: fc.array(name, { maxLength: 3 }),
    min_value: fc.oneof(fc.integer(), value),
    max_value: fc.oneof(fc.integer(), value),
    value_set: fc.oneof(fc.array(fc.string()), fc.array(fc.integer()), value),
    regex: fc.string(),
    mostly: fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), value),
    value: fc.oneof(fc.nat(), value),
    row_condition: fc.oneof(fc.string(), fc.constant('a > 1')),
  },
  { requiredKeys: [] },
)

const config = fc
  .tuple(fc.oneof(fc.constantFrom(...knownExpectations), fc.string()), kwargs, marked, marked)
  .map(([type, given, inside, outside]) => {
    const config = { type, kwargs: { ...given } as Record<string, unknown> } as Record<string, unknown>
    for (const key of inside) (config['kwargs'] as Record<string, unknown>)[key] = 1
    for (const key of outside) config[key] = 'x'
    return { config: config as unknown as Json, unheard: [...inside, ...outside] }
  })

/**
 * Runs the module that was made, against the real definition API: it is well-formed, and nothing in it is refused. It has
 * no types, so that it is JavaScript as it stands.
 */
function checkModule(made: readonly NamedDataset[]): void {
  const module = moduleText('a tool', made)
  // oxlint-disable-next-line no-control-regex
  expect(module).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u2028\u2029]/)
  const body = module
    .replace(/^import (\{.*\}) from 'millrace'$/m, 'const $1 = api')
    .replace(/^export \{\}$/m, '')
    .replace(/^export const (\S+) = /gm, 'const $1 = found[found.length] = ')
  const found: unknown[] = []
  // oxlint-disable-next-line no-implied-eval, typescript/no-implied-eval
  new Function('api', 'found', `'use strict'\n${body}`)(api, found)
  expect(found).toHaveLength(made.filter(one => one.columns.length > 0).length)
}

test('whatever is in a suite, each rule comes out, and each setting that was not read is named', () => {
  fc.assert(
    fc.property(fc.array(config, { maxLength: 6 }), configs => {
      const made = suite(...configs.map(one => one.config))
      expect(made.rules).toHaveLength(configs.length)
      for (const [i, { unheard }] of configs.entries()) {
        const { why = '', outcome, code } = made.rules[i] as ImportedRule
        if (outcome !== 'carried') expect(why).not.toBe('')
        if (outcome === 'left out') expect(code).toEqual([])
        else for (const key of unheard) expect(why).toContain(key)
      }
      checkModule([made])
    }),
    { numRuns: 300 },
  )
})

test('whatever is in the files of the other tools, each rule comes out', () => {
  const settings = fc.dictionary(
    fc.constantFrom(
      'name',
      'filter',
      'warn',
      'fail',
      'valid min',
      'valid values',
      'threshold',
      'arguments',
      'config',
      'values',
      'value',
      'min_value',
      'options',
      'odd',
    ),
    value,
  )
  const check = fc.oneof(
    fc.constantFrom('unique', 'not_null', 'row_count > 0', 'missing_count(a) = 0', 'missing', 'greater_than'),
    fc.string({ minLength: 1 }),
  )
  const checks = fc.array(
    fc.tuple(check, settings).map(([key, one]) => ({ [key]: one })),
    { maxLength: 5 },
  )
  fc.assert(
    fc.property(name, checks, (column, list) => {
      const dbt = readProperties('a.yml', bytes({ models: [{ name: 'm', columns: [{ name: column, tests: list }] }] }))
      const soda = readSoda('a.yml', bytes({ 'checks for m': list }))
      const contract = readSoda('a.yml', bytes({ dataset: 'a/m', columns: [{ name: column, checks: list }] }))
      const pandera = [
        readSchema(
          'a.yml',
          bytes({
            schema_type: 'dataframe',
            columns: {
              ['x']: {
                nullable: true,
                checks: list.map(one => ({
                  options: { check_name: Object.keys(one)[0] as string },
                  ...Object.values(one)[0],
                })),
              },
            },
          }),
        ),
      ]
      for (const founds of [dbt, soda, contract, pandera]) {
        const made = importFound(founds)
        expect(made.flatMap(one => one.rules)).toHaveLength(list.length)
        for (const one of made.flatMap(each => each.rules)) if (one.outcome !== 'carried') expect(one.why).toMatch(/./)
        checkModule(made)
      }
    }),
    { numRuns: 150 },
  )
})

describe('files that are none', () => {
  test.each([
    [
      'a place in JSON',
      () => readSuite('a.json', text('{"expectations": [\n{]}')),
      /a.json is no JSON that is read: .* \(line 2, column 2\)/,
    ],
    [
      'a key twice',
      () => readSuite('a.json', text('{"expectations": [], "a": {"x": 1,\n "x": 2}}')),
      /the key "x" stands twice \(line 2, column 2\)/,
    ],
    [
      'too deep',
      () => readSuite('a.json', text(`{"expectations": ${'['.repeat(200)}${']'.repeat(200)}}`)),
      /nested too deep/,
    ],
    [
      'another JSON',
      () => readSuite('a.json', bytes({ results: [], success: true })),
      /is not a suite of Great Expectations: it has no list of expectations, but "results", "success"/,
    ],
    ['bytes', () => readSuite('a.json', new Uint8Array([255, 254, 0])), /no text in UTF-8/],
    [
      'a place in YAML',
      () => readSoda('a.yml', text('checks for a:\n  - b: [')),
      /a.yml is no YAML that is read: .*line/,
    ],
    [
      'aliases without end',
      () =>
        readSoda(
          'a.yml',
          text(
            `a: &a [x]\n${Array.from({ length: 9 }, (_, i) => `b${i}: &b${i} [${`*${i ? `b${i - 1}` : 'a'},`.repeat(9)}]`).join('\n')}`,
          ),
        ),
      /its aliases stand for more than/,
    ],
    ['a tag', () => readProperties('a.yml', text('models: !!python/object:os.system {}')), /Unresolved tag/],
    ['deep YAML', () => readProperties('a.yml', text(`models: ${'['.repeat(50_000)}`)), /nested too deep/],
    ['a key twice in YAML', () => readProperties('a.yml', text('models: []\nmodels: []')), /unique.*line 2/],
    ['another YAML', () => readSoda('a.yml', text('steps: []')), /is not a file of Soda: it has "steps"/],
    [
      'another schema',
      () => readSchema('a.yml', text('schema_type: model\ncolumns: {}')),
      /its schema_type is "model"/,
    ],
    ['a list', () => readProperties('a.yml', text('- 1')), /is not a properties file of dbt: it holds \[1\]/],
  ])('%s', (_, read, message) => {
    expect(read).toThrow(message)
  })
})

test('no fixture loses a key: what is not read is named', () => {
  for (const [tool, read] of [
    ['great-expectations', readSuite],
    ['soda', readSoda],
    ['pandera', readSchema],
    ['dbt', readProperties],
  ] as const)
    for (const file of readdirSync(`test/fixtures/import/${tool}`)) {
      const found = read(file, readFileSync(`test/fixtures/import/${tool}/${file}`))
      checkModule(importFound([found].flat()))
    }
})

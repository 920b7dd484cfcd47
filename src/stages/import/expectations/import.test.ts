import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
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
import { times } from '../../../../test/fuzz/edges.ts'

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))

const only = (founds: readonly Found[], known?: KnownDataset): NamedDataset =>
  importFound(founds, known)[0] as NamedDataset
const suite = (...expectations: readonly Json[]): NamedDataset =>
  only([readSuite('suite.json', bytes({ name: 'suite', expectations }))])
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
  // oxlint-disable-next-line no-new-func, typescript/no-implied-eval
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
    { numRuns: 75 * times },
  )
})

test('whatever the types of the columns in the project are, what is carried over is accepted for them', () => {
  const type = fc.constantFrom('int', 'float', 'text', 'bool', 'timestamp')
  const column = fc.constantFrom('a', 'b')
  const fitting = fc.record(
    {
      column,
      column_A: column,
      column_B: column,
      column_list: fc.constant(['a', 'b']),
      column_set: fc.constant(['a', 'b']),
      min_value: fc.constantFrom<Json>(-1, 0.5, '2024-01-01', 'x'),
      max_value: fc.constantFrom<Json>(1, 2.5, '2024-01-02'),
      strict_min: fc.boolean(),
      value_set: fc.constantFrom<Json>(['x'], [1, 2], [1.5], [true], ['2024-01-01']),
      value_pairs_set: fc.constantFrom<Json>([['x', 1]], [[1, 2.5]]),
      sum_total: fc.constantFrom(1, 0.5),
      threshold: fc.constant(3),
      regex: fc.constantFrom('a', '\\p{L}'),
      row_condition: fc.constantFrom(
        'a > 1.5',
        "a == 'x'",
        'a == b',
        'b in [1, 2]',
        "a >= '2024-01-01'",
        'a == true',
        'a.isnull()',
      ),
      ignore_row_if: fc.constantFrom('never', 'neither', 'any_value_is_missing', 'either_value_is_missing'),
      mostly: fc.constant(0.5),
    },
    {
      requiredKeys: ['column', 'column_A', 'column_B', 'column_list', 'column_set', 'value_set', 'sum_total', 'regex'],
    },
  )
  let carried = 0
  fc.assert(
    fc.property(type, type, fc.constantFrom(...knownExpectations), fitting, (a, b, one, given) => {
      const columns = { a: { type: a, nullable: true }, b: { type: b, nullable: false } } as const
      const file = bytes({ expectations: [{ type: one, kwargs: given }] })
      const made = only([readSuite('a.json', file)], { ...known, columns })
      expect(made.rules).toHaveLength(1)
      if (made.rules[0]?.outcome !== 'left out') carried++
      checkModule([made])
    }),
    { numRuns: 400 * times },
  )
  expect(carried).toBeGreaterThan(10 * times)
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
    { numRuns: 50 * times },
  )
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

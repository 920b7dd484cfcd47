import { describe, expect, test } from 'vitest'
import { readProperties } from './dbt/schema.ts'
import { readSuite } from './great-expectations/suite.ts'
import { readSchema } from './pandera/schema.ts'
import { readSoda } from './soda/contract.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const bytes = (value: unknown): Uint8Array => text(JSON.stringify(value))

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
      /is not a suite of Great Expectations: it has "results", "success", and no list of expectations/,
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
    ['a list', () => readProperties('a.yml', text('- 1')), /is not a properties file of dbt: it holds a list/],
  ])('%s', (_, read, message) => {
    expect(read).toThrow(message)
  })
})

test.each([
  ['{"a": 1,}', 'unexpected "}" (line 1, column 9)'],
  ["{'a': 1}", 'unexpected "\'" (line 1, column 2)'],
  ['[1\n 2]', 'unexpected "2" (line 2, column 2)'],
  ['{"a": NaN}', 'unexpected "N" (line 1, column 7)'],
  ['{"a": tru}', 'unexpected "}" (line 1, column 10)'],
  ['{"a": "x\n"}', 'unexpected "\\n" (line 1, column 9)'],
  ['{} {}', 'unexpected "{" (line 1, column 4)'],
  ['{"a": [1, {', 'it ends too early (line 1, column 12)'],
  ['', 'it ends too early (line 1, column 1)'],
])('tells where %j stops being JSON', (json, place) => {
  expect(() => readSuite('a.json', text(json))).toThrow(place)
})

import { expect, test } from 'vitest'
import { matcher, ordering, type Searchable } from './search.ts'

const thing = (over: Partial<Searchable> = {}): Searchable => ({
  attributes: { run_name: 'Big run', start_time: 5 },
  params: { depth: '3', 'a b': 'x' },
  tags: { team: 'Core' },
  metrics: { auc: 0.7, nan: Number.NaN },
  ...over,
})
const refusal = { code: 'MR5040' }

test.each([
  ["params.depth = '3' AND tags.team LIKE 'C%e'", true],
  ["tags.team LIKE 'c%'", false],
  ["tags.team ILIKE 'c_RE'", true],
  ["params.`a b` != 'y' and metrics.auc >= 0.7", true],
  ["run_name IN ('x', 'Big run')", true],
  ["run_name NOT IN ('x', 'Big run')", false],
  ['start_time < 5', false],
  // Nobody gave these: they are members of every object
  ["params.toString LIKE '%'", false],
  ["tags.constructor LIKE '%'", false],
  ["tags.__proto__ != ''", false],
  ['metrics.hasOwnProperty > -1', false],
  ["valueOf LIKE '%'", false],
])('%s', (filter, fits) => {
  expect(matcher(filter)(thing())).toBe(fits)
})

test('a member called as one of every object is found where it was given', () => {
  const given = thing({
    params: Object.fromEntries([
      ['__proto__', 'a'],
      ['toString', 'b'],
    ]),
  })
  expect(matcher("params.__proto__ = 'a' AND params.toString = 'b'")(given)).toBe(true)
})

test.each([
  "constructor.x = 'a'",
  "__proto__.x = 'a'",
  "toString.x = 'a'",
  "params.a = 'b",
  'metrics.a = x',
  "a LIKE 'x' OR b LIKE 'y'",
  'metrics.auc LIKE 3',
  "params.a > 'b'",
  "params.a IN 'b'",
  'params.a',
  "'",
  '=',
  "params.a = 'b' AND",
])('%s is refused', filter => {
  // What remains unfinished is refused; a dangling AND ends the list of clauses
  if (filter.endsWith('AND')) return expect(() => matcher(filter)).not.toThrow()
  expect(() => matcher(filter)).toThrow(expect.objectContaining(refusal))
})

test.each([
  ['a filter of many tokens', () => matcher(', '.repeat(49_000))],
  ['a filter of one open quote', () => matcher(`params.a = '${'x'.repeat(90_000)}`)],
  ['a filter of blanks', () => matcher(`params.a${' '.repeat(90_000)}!`)],
  ['too long a filter', () => matcher('x'.repeat(16_000_000))],
  ['too many clauses', () => matcher(Array.from({ length: 5_000 }, () => "tags.a = 'b'").join(' AND '))],
  ['too many orders', () => ordering(Array.from({ length: 9_000 }, () => 'metrics.a'))],
  ['an order of blanks', () => ordering([`a${' '.repeat(1_000_000)}b`])],
])('%s costs next to nothing', (_, work) => {
  const before = process.cpuUsage()
  expect(work).toThrow(expect.objectContaining(refusal))
  expect(process.cpuUsage(before).user / 1000).toBeLessThan(500)
})

test('an order is by its words, and what lacks the value stands last', () => {
  const things = [0.7, Number.NaN, 0.9].map(auc => thing({ metrics: { auc } }))
  const values = (order: string): number[] => things.toSorted(ordering([order])).map(one => one.metrics.auc ?? -1)
  expect(values('metrics.auc')).toEqual([0.7, 0.9, Number.NaN])
  expect(values(' metrics.auc   DESC ')).toEqual([0.9, 0.7, Number.NaN])
  expect(things.toSorted(ordering(['params.toString DESC']))).toEqual(things)
})

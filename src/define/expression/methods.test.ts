import { describe as suite, expect, it } from 'vitest'
import { column, fromNode, literalOf, when } from './build.ts'
import type { Value } from './dialect.ts'
import { columnsOf, describe, type Node } from './node.ts'
import { toEvaluator } from './row.ts'

// Every method that users write, on rows, with what it should give by its sentence in `types.ts`.

const at = Date.UTC(2026, 9, 25, 1, 30) * 1000
const row: Readonly<Record<string, Value>> = {
  i: 7,
  j: -3,
  big: 2n ** 62n,
  f: 2.5,
  g: -0.25,
  nan: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  s: ' Zoë ',
  e: '',
  yes: true,
  no: false,
  at,
  before: at - 90_000_000,
  none: null,
  nothing: null,
  never: null,
}
// biome-ignore format: one line a column
const c = {
  i: column<'int', false, 'i'>('i', 'int'), j: column<'int', false, 'j'>('j', 'int'), big: column<'int', false, 'big'>('big', 'int'),
  f: column<'float', false, 'f'>('f', 'float'), g: column<'float', false, 'g'>('g', 'float'), nan: column<'float', false, 'nan'>('nan', 'float'),
  inf: column<'float', false, 'inf'>('inf', 'float'), s: column<'text', false, 's'>('s', 'text'), e: column<'text', false, 'e'>('e', 'text'),
  yes: column<'bool', false, 'yes'>('yes', 'bool'), no: column<'bool', false, 'no'>('no', 'bool'), none: column<'float', true, 'none'>('none', 'float'),
  nothing: column<'text', true, 'nothing'>('nothing', 'text'), never: column<'bool', true, 'never'>('never', 'bool'),
  at: column<'timestamp', false, 'at'>('at', 'timestamp'), before: column<'timestamp', false, 'before'>('before', 'timestamp'),
}
const value = ({ node }: { node: Node }) => toEvaluator(node)(name => row[name] as Value)

type Case = readonly [made: { node: Node }, wanted: Value]
const cases: Readonly<Record<string, readonly Case[]>> = {
  isNull: [
    [c.none.isNull(), true],
    [c.f.isNull(), false],
    [c.nan.isNull(), false],
    [c.e.isNull(), false],
  ],
  isNotNull: [
    [c.none.isNotNull(), false],
    [c.i.isNotNull(), true],
  ],
  eq: [
    [c.i.eq(7), true],
    [c.i.eq(8), false],
    [c.i.eq(7.5), false],
    [c.f.eq(2.5), true],
    [c.s.eq(' Zoë '), true],
    [c.at.eq(new Date(at / 1000)), true],
    [c.none.eq(1), null],
    [c.nan.eq(c.nan), true],
    [c.big.eq(2n ** 62n), true],
    [c.big.eq(2n ** 62n + 1n), false],
  ],
  ne: [
    [c.i.ne(7), false],
    [c.i.ne(c.j), true],
    [c.none.ne(1), null],
  ],
  lt: [
    [c.i.lt(7), false],
    [c.i.lt(8), true],
    [c.i.lt(7.5), true],
    [c.j.lt(c.i), true],
    [c.s.lt('a'), true],
    [c.nan.lt(1), false],
  ],
  lte: [
    [c.i.lte(7), true],
    [c.i.lte(6), false],
    [c.i.lte(6.9), false],
  ],
  gt: [
    [c.i.gt(7), false],
    [c.i.gt(6), true],
    [c.i.gt(6.5), true],
    [c.at.gt(c.before), true],
    [c.nan.gt(1e300), true],
  ],
  gte: [
    [c.i.gte(7), true],
    [c.i.gte(8), false],
    [c.i.gte(7.1), false],
  ],
  add: [
    [c.i.add(3), 10],
    [c.i.add(c.j), 4],
    [c.f.add(1), 3.5],
    [c.i.add(0.5), 7.5],
    [c.none.add(1), null],
    [c.big.add(c.big), null],
  ],
  plus: [
    [c.i.plus(3), 10],
    [c.at.plus('2h'), at + 7_200_000_000],
    [c.at.plus('1us'), at + 1],
  ],
  minus: [
    [c.i.minus(3), 4],
    [c.f.minus(c.i), -4.5],
    [c.at.minus('90s'), at - 90_000_000],
  ],
  times: [
    [c.i.times(c.j), -21],
    [c.f.times(2), 5],
    [c.i.times(0.5), 3.5],
  ],
  div: [
    [c.i.div(2), 3.5],
    [c.i.div(0), null],
    [c.f.div(c.g), -10],
    [c.i.div(c.none), null],
  ],
  mod: [
    [c.i.mod(4), 3],
    [c.j.mod(2), -1],
    [c.i.mod(0), null],
    [c.f.mod(2), 0.5],
  ],
  neg: [
    [c.i.neg(), -7],
    [c.g.neg(), 0.25],
  ],
  abs: [
    [c.j.abs(), 3],
    [c.g.abs(), 0.25],
    [c.i.abs(), 7],
  ],
  floor: [
    [c.g.floor(), -1],
    [c.f.floor(), 2],
    [c.i.floor(), 7],
  ],
  sqrt: [
    [c.i.add(2).sqrt(), 3],
    [c.j.sqrt(), null],
  ],
  ln: [
    [c.i.minus(6).ln(), 0],
    [c.i.minus(7).ln(), null],
    [c.g.ln(), null],
  ],
  exp: [
    [c.i.minus(7).exp(), 1],
    [c.i.minus(6).exp(), Math.E],
  ],
  toFloat: [[c.i.toFloat(), 7]],
  isFinite: [
    [c.f.isFinite(), true],
    [c.inf.isFinite(), false],
    [c.nan.isFinite(), false],
    [c.big.isFinite(), true],
  ],
  and: [
    [c.yes.and(c.yes), true],
    [c.yes.and(c.no), false],
    [c.yes.and(c.never), null],
    [c.no.and(c.never), false],
    [c.never.and(c.no), false],
  ],
  or: [
    [c.no.or(c.no), false],
    [c.no.or(c.yes), true],
    [c.no.or(c.never), null],
    [c.yes.or(c.never), true],
    [c.never.or(c.yes), true],
  ],
  not: [
    [c.yes.not(), false],
    [c.no.not(), true],
    [c.never.not(), null],
  ],
  in: [
    [c.i.in([1, 7]), true],
    [c.i.in([1, 8]), false],
    [c.i.in([7.5, 6.5]), false],
    [c.i.in([6.5, 7]), true],
    [c.s.in(['Zoë', ' Zoë ']), true],
    [c.s.in(['Zoë']), false],
    [c.none.in([1]), null],
    [c.f.in([2.5]), true],
    [c.big.in([2n ** 62n + 1n]), false],
  ],
  coalesce: [
    [c.none.coalesce(4), 4],
    [c.i.coalesce(4), 7],
    [c.none.coalesce(c.i), 7],
    [c.nothing.coalesce('x'), 'x'],
    [c.s.coalesce('x'), ' Zoë '],
  ],
  matches: [
    [c.s.matches(/^\sZ/), true],
    [c.s.matches(/^z/), false],
    [c.s.matches(/ZOË/i), true],
    [c.nothing.matches(/x/), null],
  ],
  startsWith: [
    [c.s.startsWith(' Z'), true],
    [c.s.startsWith('Z'), false],
    [c.e.startsWith(''), true],
  ],
  length: [
    [c.s.length(), 5],
    [c.e.length(), 0],
  ],
  lower: [[c.s.lower(), ' zoë ']],
  upper: [[c.s.upper(), ' ZOË ']],
  trim: [[c.s.trim(), 'Zoë']],
  concat: [
    [c.s.concat('!'), ' Zoë !'],
    [c.s.concat(c.e), ' Zoë '],
    [c.s.concat(c.nothing), null],
  ],
  year: [[c.at.year(), 2026]],
  month: [[c.at.month(), 10]],
  day: [
    [c.at.day(), 25],
    [c.at.day('Pacific/Honolulu'), 24],
  ],
  // 01:30 UTC is the second 02:30 of Berlin's night of 25 hours
  hour: [
    [c.at.hour(), 1],
    [c.at.hour('Europe/Berlin'), 2],
    [c.at.hour('Asia/Kathmandu'), 7],
  ],
  minute: [
    [c.at.minute(), 30],
    [c.at.minute('Asia/Kathmandu'), 15],
  ],
  dayOfWeek: [
    [c.at.dayOfWeek(), 7],
    [c.at.dayOfWeek('Pacific/Honolulu'), 6],
  ],
  plusMinutes: [
    [c.at.plusMinutes(90), at + 5_400_000_000],
    [c.at.plusMinutes(c.f), at + 150_000_000],
    [c.at.plusMinutes(c.j), at - 180_000_000],
    [c.at.plusMinutes(c.none), null],
  ],
  minutesSince: [
    [c.at.minutesSince(c.before), 1.5],
    [c.before.minutesSince(new Date(at / 1000)), -1.5],
  ],
}

const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(c.i)).filter(name => name !== 'constructor')

suite('methods of expressions', () => {
  it('all stand in the table', () => {
    expect(Object.keys(cases).sort()).toEqual(methods.sort())
  })

  it.each(Object.entries(cases))('%s', (name, list) => {
    for (const [made, wanted] of list) expect(value(made), `${name}: ${describe(made.node)}`).toEqual(wanted)
  })

  it('`when` gives the first branch that is true, else its last argument', () => {
    expect(
      value(
        when(
          [
            [c.no, 1],
            [c.never, 2],
            [c.yes, c.i],
          ],
          4,
        ),
      ),
    ).toBe(7)
    expect(
      value(
        when(
          [
            [c.no, 1],
            [c.never, 2],
          ],
          4,
        ),
      ),
    ).toBe(4)
    expect(
      value(
        when(
          [
            [c.yes, 1],
            [c.yes, 2],
          ],
          4,
        ),
      ),
    ).toBe(1)
    expect(value(when([[c.no, 1]], c.none))).toBe(null)
  })
})

it('knows which columns it reads', () => {
  expect(columnsOf(c.i.add(c.f).gt(c.i).and(c.s.eq('x')).node)).toEqual(['f', 'i', 's'])
  expect(columnsOf(c.i.add(3).node)).toEqual(['i'])
})

it('types of results: whole numbers stay whole, a fraction or a division makes a float', () => {
  const type = ({ node }: { node: Node }) => node.type
  expect(
    [c.i.add(1), c.i.times(c.j), c.i.mod(2), c.i.neg(), c.i.abs(), c.i.floor(), c.s.length(), c.at.hour()].map(type),
  ).toEqual(Array.from({ length: 8 }, () => 'int'))
  expect(
    [c.i.add(0.5), c.i.add(c.f), c.f.add(1), c.i.div(1), c.i.sqrt(), c.i.toFloat(), c.i.coalesce(0.5)].map(type),
  ).toEqual(Array.from({ length: 7 }, () => 'float'))
  expect([c.at.plus('1h'), c.at.minus('1h'), c.at.plusMinutes(1)].map(type)).toEqual([
    'timestamp',
    'timestamp',
    'timestamp',
  ])
  // a whole number beside a float is one too
  expect((c.f.add(1).node as unknown as { args: Node[] }).args[1]?.type).toBe('float')
})

suite('what does not fit is refused where it is written, in words', () => {
  const refused: Readonly<Record<string, readonly [make: () => unknown, words: string]>> = {
    'a text beside a number': [() => c.i.gt('7' as never), "gt: needs a int, but '7' is text"],
    'a number beside a text': [() => c.s.eq(7 as never), 'eq: needs a text, but 7 is int'],
    'a condition beside a time': [() => c.at.lt(true as never), 'lt: needs a timestamp, but true is bool'],
    'arithmetic of a text': [() => (c.s as never as typeof c.i).add(1), 'add: needs a number, but s is text'],
    'division by a text': [() => c.i.div(c.s as never), 'div: needs a number, but s is text'],
    'a logarithm of a time': [() => (c.at as never as typeof c.i).ln(), 'ln: needs a number, but at is timestamp'],
    'a condition that is none': [() => (c.i as never as typeof c.yes).and(c.yes), 'and: needs a bool, but i is int'],
    'another condition that is none': [() => c.yes.or(c.i.add(1) as never), 'or: needs a bool, but i + 1 is int'],
    'a length of a number': [() => (c.i as never as typeof c.s).length(), 'length: needs a text, but i is int'],
    'a pattern in a number': [() => (c.i as never as typeof c.s).matches(/a/), 'matches: needs a text, but i is int'],
    'an hour of a number': [() => (c.i as never as typeof c.at).hour(), 'hour: needs a timestamp, but i is int'],
    'minutes since a number': [() => c.at.minutesSince(c.i as never), 'minutesSince: needs a timestamp, but i is int'],
    'a branch of a text': [() => when([[c.yes, c.s as never]], 1), 'when: needs a number, but s is text'],
    'a branch without a condition': [() => when([[c.i as never, 1]], 1), 'when: needs a bool, but i is int'],
    'a text in place of a number': [() => c.i.coalesce('x' as never), "coalesce: needs a number, but 'x' is text"],
    'a time that is none': [() => c.at.gt(new Date(Number.NaN)), 'literal date: is no time'],
    'no finite number': [() => c.f.gt(Number.POSITIVE_INFINITY), 'literal Infinity: must be finite'],
    'more than 64 bits': [() => c.i.eq(2n ** 63n), 'literal 9223372036854775808: has more than 64 bits'],
    'less than 64 bits': [() => c.i.eq(-(2n ** 63n) - 1n), 'literal -9223372036854775809: has more than 64 bits'],
    'half a character': [() => c.s.eq('\ud800'), 'holds half a character (a lone surrogate)'],
    'a zone that is none': [() => c.at.hour('Mars/Olympus'), 'zone must be an IANA time zone'],
    'a zone that is null': [() => c.at.hour(null as never), 'zone must be an IANA time zone'],
    'a length of time that is a number': [() => c.at.plus(5 as never), 'plus: length must be a length of time'],
    'an empty list': [() => c.i.in([]), 'expression in: values must be a list, not an empty one,'],
    'a text in place of a list': [() => c.s.in('abc' as never), 'expression in: values must be a list'],
    'a text in place of a pattern': [() => c.s.matches('a' as never), 'matches: pattern must be a regular expression'],
    'a number in place of a prefix': [() => c.s.startsWith(5 as never), 'startsWith: prefix must be a text, not 5'],
    'an operand that is missing': [() => (c.i.gt as () => unknown).call(c.i), 'expression gt: needs other'],
    'a second condition': [
      () => c.yes.and(c.no, ...([c.never] as never as [])),
      'expression and: takes other, and no argument 2: an object',
    ],
    'no branch': [() => when([], 1), 'expression when: branches must be a list, not an empty one,'],
    'a branch of three': [() => when([[c.yes, 1, 2] as never], 1), 'expression when: branches must be a list'],
    'a list with another type': [() => c.i.in(['7' as never]), "in: needs a int, but '7' is text"],
    'something that is no expression': [() => c.i.add({} as never), 'is not a column expression'],
    nothing: [() => c.i.add(null as never), 'expression null: is not a column expression'],
  }
  it.each(Object.entries(refused))('%s', (_, [make, words]) => {
    expect(make).toThrow(expect.objectContaining({ code: 'MR1005' }))
    expect(make).toThrow(words)
  })

  const one = ['eq', 'ne', 'lt', 'lte', 'gt', 'gte', 'add', 'times', 'div', 'mod', 'and', 'or', 'coalesce', 'concat']
  const zoned = ['year', 'month', 'day', 'hour', 'minute', 'dayOfWeek']
  /** As many arguments as a method takes, of a form that it takes. */
  const full = (name: string, of: { node: Node }): readonly unknown[] => {
    if (one.includes(name) || name === 'minutesSince') return [of]
    if (zoned.includes(name)) return ['Asia/Kathmandu']
    if (name === 'plus' || name === 'minus') return [of.node.type === 'timestamp' ? '1h' : of]
    return { in: [[of]], matches: [/a/], startsWith: ['a'], plusMinutes: [5] }[name] ?? []
  }
  const surplus = [undefined, null, 3, 'UTC', {}, { nulls: 'bad' }, [1], true, c.yes]

  it.each(methods)('%s with an argument too many, of an expression of every type', name => {
    const taken: string[] = []
    for (const of of [c.i, c.f, c.s, c.yes, c.at]) {
      const method = (of as unknown as Readonly<Record<string, (...args: readonly unknown[]) => unknown>>)[name]
      const args = full(name, of)
      for (const more of surplus)
        expect(() => method?.call(of, ...args, more)).toThrow(
          new RegExp(`^expression ${name}: takes (?:no arguments|.+ and no argument 2)`),
        )
      try {
        method?.call(of, ...args)
        taken.push(of.node.type)
      } catch (error) {
        expect(error).toMatchObject({ code: 'MR1005' })
      }
    }
    expect(taken, 'without it some type takes the call').not.toEqual([])
  })

  it('the greatest and least of 64 bits are taken', () => {
    expect(value(c.i.lt(2n ** 63n - 1n))).toBe(true)
    expect(value(c.i.gt(-(2n ** 63n)))).toBe(true)
  })
})

suite('values as literals of their own type', () => {
  it.each<[Parameters<typeof literalOf>[0], Node]>([
    [7, { op: 'literal', value: 7, type: 'float' }],
    [7n, { op: 'literal', value: 7, type: 'int' }],
    [2n ** 53n, { op: 'literal', value: '9007199254740992', type: 'int' }],
    [2n ** 53n - 1n, { op: 'literal', value: 2 ** 53 - 1, type: 'int' }],
    [-(2n ** 63n), { op: 'literal', value: '-9223372036854775808', type: 'int' }],
    ['x', { op: 'literal', value: 'x', type: 'text' }],
    [true, { op: 'literal', value: true, type: 'bool' }],
    [new Date(5), { op: 'literal', value: 5000, type: 'timestamp' }],
  ])('%s', (given, node) => {
    const { value, ...rest } = literalOf(given) as Node & { value: unknown }
    expect({ ...rest, value: typeof value === 'bigint' ? Number(value) : value }).toEqual(node)
  })

  it('beside a column they are of its type where they can be', () => {
    const beside = ({ node }: { node: Node }) => (node as unknown as { args: Node[] }).args[1]
    expect(beside(c.i.gt(7))).toEqual({ op: 'literal', value: 7, type: 'int' })
    expect(beside(c.f.gt(7))).toEqual({ op: 'literal', value: 7, type: 'float' })
    expect(beside(c.i.gt(7.5))).toEqual({ op: 'literal', value: 7.5, type: 'float' })
    expect(beside(c.i.gt(2 ** 63))).toEqual({ op: 'literal', value: 2 ** 63, type: 'float' })
    expect(beside(c.i.gt(-(2 ** 63)))).toEqual({ op: 'literal', value: '-9223372036854775808', type: 'int' })
    expect(beside(c.at.plus('1m'))).toEqual({ op: 'literal', value: 60_000_000, type: 'int' })
    expect(beside(c.at.minus('1m'))).toEqual({ op: 'literal', value: -60_000_000, type: 'int' })
  })

  it('a node that was stored has its methods again', () => {
    const stored = JSON.parse(JSON.stringify(c.i.add(3).node)) as Node
    expect(value((fromNode(stored) as typeof c.i).times(2))).toBe(20)
    // of whatever copy of the package it came from
    expect(value(c.i.add({ node: stored } as never))).toBe(17)
  })
})

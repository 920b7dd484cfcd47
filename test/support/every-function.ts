import type { Value } from '../../src/define/expression/dialect.ts'
import type { CallNode, FunctionName, LiteralValue, Node, ScalarType } from '../../src/define/expression/node.ts'

/** Columns of `edgeRows`: two of each type, so that every function of two arguments meets every pair of edges. */
export const edgeColumns = [
  ['i', 'int'],
  ['j', 'int'],
  ['f', 'float'],
  ['g', 'float'],
  ['s', 'text'],
  ['u', 'text'],
  ['b', 'bool'],
  ['c', 'bool'],
  ['at', 'timestamp'],
  ['to', 'timestamp'],
] as const satisfies readonly (readonly [string, ScalarType])[]

const ints: readonly Value[] = [
  null,
  0,
  1,
  -1,
  7,
  -3,
  2 ** 31,
  3_037_000_500,
  -(2 ** 53) + 1,
  2n ** 62n,
  2n ** 63n - 1n,
  -(2n ** 63n),
]
const floats: readonly Value[] = [null, 0, -0, 1, -0.25, 2.5, -7, 1e17, 1e300, Number.NaN, Infinity, -Infinity]
const texts: readonly Value[] = [null, '', '  a  ', '\ta ', 'a', 'aß', 'É', 'é', '😀', '\uffee', 'a\nb', 'A', 'zz']
const bools: readonly Value[] = [null, true, false]
const noon = (year: number, month: number, day: number): number =>
  Date.UTC(year, month - 1, day, 12, 34, 56) * 1000 + 789
const times: readonly Value[] = [
  null,
  0,
  -1,
  noon(1969, 12, 31),
  noon(1900, 2, 28),
  noon(1900, 3, 1),
  noon(2000, 2, 29),
  noon(2024, 2, 29),
  noon(2026, 12, 31),
  noon(2027, 1, 1),
  Date.UTC(2026, 2, 29, 1) * 1000,
  Date.UTC(2026, 9, 25, 1) * 1000 - 1,
]

/** A row for every pair of edges, of every type at once. */
export const edgeRows: readonly Readonly<Record<string, Value>>[] = ints.flatMap((_, x) =>
  ints.map((_, y) => {
    const of = (list: readonly Value[], at: number): Value => list[at % list.length] as Value
    const pair = (list: readonly Value[], one: string, other: string) => ({ [one]: of(list, x), [other]: of(list, y) })
    return {
      ...pair(ints, 'i', 'j'),
      ...pair(floats, 'f', 'g'),
      ...pair(texts, 's', 'u'),
      ...pair(bools, 'b', 'c'),
      ...pair(times, 'at', 'to'),
    }
  }),
)

const column = (name: (typeof edgeColumns)[number][0]): Node => ({
  op: 'column',
  name,
  type: edgeColumns.find(([one]) => one === name)?.[1] ?? 'int',
})
const literal = (value: LiteralValue, type: ScalarType): Node => ({ op: 'literal', value, type })
const call = (fn: FunctionName, type: ScalarType, args: readonly Node[], option?: string): CallNode => ({
  op: 'call',
  fn,
  type,
  args,
  ...(option === undefined ? {} : { option }),
})
const [i, j, f, g, s, u, b, c, at, to] = edgeColumns.map(([name]) => column(name)) as [
  Node,
  Node,
  Node,
  Node,
  Node,
  Node,
  Node,
  Node,
  Node,
  Node,
]
const whole = [1, -1, 0, 7, 2 ** 53, '9223372036854775807', '-9223372036854775808'].map(value => literal(value, 'int'))
const comparisons: readonly FunctionName[] = ['eq', 'ne', 'lt', 'lte', 'gt', 'gte']
const parts: readonly FunctionName[] = ['year', 'month', 'day', 'hour', 'minute', 'dayOfWeek']

/** Every function on columns of every type that it takes, and on constants. */
export const everyFunction: readonly Node[] = [
  ...(['add', 'sub', 'mul', 'mod'] as const).flatMap(fn => [
    call(fn, 'int', [i, j]),
    ...whole.flatMap(one => [call(fn, 'int', [i, one]), call(fn, 'int', [one, i])]),
    call(fn, 'float', [f, g]),
    call(fn, 'float', [f, j]),
    call(fn, 'float', [i, g]),
    call(fn, 'float', [f, literal(2.5, 'float')]),
  ]),
  ...[
    [i, j],
    [f, g],
    [i, g],
    [f, j],
    [f, literal(0, 'float')],
  ].map(args => call('div', 'float', args)),
  ...(['neg', 'abs', 'floor'] as const).flatMap(fn => [call(fn, 'int', [i]), call(fn, 'float', [f])]),
  ...(['toFloat', 'sqrt', 'ln', 'exp'] as const).flatMap(fn => [call(fn, 'float', [i]), call(fn, 'float', [f])]),
  call('isFinite', 'bool', [i]),
  call('isFinite', 'bool', [f]),
  call('isNan', 'bool', [f]),
  ...comparisons.flatMap(fn =>
    [
      [i, j],
      [f, g],
      [i, g],
      [f, j],
      [s, u],
      [b, c],
      [at, to],
    ].map(args => call(fn, 'bool', args)),
  ),
  call('and', 'bool', [b, c]),
  call('or', 'bool', [b, c]),
  call('not', 'bool', [b]),
  ...[i, f, s, b, at].map(one => call('isNull', 'bool', [one])),
  call('coalesce', 'int', [i, j]),
  call('coalesce', 'float', [f, j]),
  call('coalesce', 'float', [i, g]),
  call('coalesce', 'text', [s, u]),
  call('coalesce', 'bool', [b, c]),
  call('coalesce', 'timestamp', [at, to]),
  call('case', 'float', [b, f, g]),
  call('case', 'float', [b, f, c, literal(3, 'float'), g]),
  call('in', 'bool', [i]),
  call('in', 'bool', [i, literal(7, 'int')]),
  call('in', 'bool', [i, literal(-3, 'int'), literal('9223372036854775807', 'int')]),
  call('in', 'bool', [f, literal(2.5, 'float'), literal(1, 'int'), literal(0, 'float')]),
  call('in', 'bool', [s, literal('a', 'text'), literal('😀', 'text')]),
  ...parts.flatMap(fn =>
    ['UTC', 'Europe/Berlin', 'America/St_Johns', 'Asia/Kathmandu'].map(zone => call(fn, 'int', [at], zone)),
  ),
  ...parts.map(fn => call(fn, 'int', [at])),
  ...[0, 1, -86_400_000_001, 1e14].map(by => call('addMicros', 'timestamp', [at, literal(by, 'int')])),
  ...[0.4, 0.5, -0.5, -2.5e9].map(by => call('addMicros', 'timestamp', [at, literal(by, 'float')])),
  call('diffMicros', 'int', [at, to]),
  call('length', 'int', [s]),
  ...(['lower', 'upper', 'trim'] as const).map(fn => call(fn, 'text', [s])),
  call('concat', 'text', [s, u]),
  call('startsWith', 'bool', [s, u]),
  ...['/a/', '/^a$/', '/^.$/', '/^..$/', '/É/i', '/\\s/', '/^$/'].map(pattern => call('matches', 'bool', [s], pattern)),
  ...edgeColumns.map(([name]) => column(name)),
  literal(null, 'float'),
  literal(null, 'int'),
  literal('9223372036854775807', 'int'),
  literal(true, 'bool'),
  literal(-0.5, 'float'),
]

import fc from 'fast-check'
import type { ColumnType, Value } from '../../src/define/expression/dialect.ts'
import type { CallNode, FunctionName, Node, ScalarType } from '../../src/define/expression/node.ts'

/** Columns of the random rows on which the readers of expressions are compared. */
export const rowColumns: readonly (readonly [name: string, type: Exclude<ColumnType, 'vector'>])[] = [
  ['i', 'int'],
  ['j', 'int'],
  ['f', 'float'],
  ['g', 'float'],
  ['s', 'text'],
  ['u', 'text'],
  ['b', 'bool'],
  ['at', 'timestamp'],
  ['to', 'timestamp'],
]

const anyInt = fc.oneof(
  fc.integer({ min: -20, max: 20 }),
  fc.maxSafeInteger(),
  fc
    .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
    .map(big => (Number.isSafeInteger(Number(big)) ? Number(big) : big)),
)
/**
 * Runtimes may flush the smallest numbers to zero, and ONNX Runtime leaves out the addition of a constant that is zero as
 * float32, which no model input is exact enough to notice.
 */
const plain = (x: number): number => (Math.abs(x) < 1e-37 ? 0 : x)
const anyFloat = fc.oneof(
  fc.constantFrom(0, -0, 1, -1, 0.5, Number.NaN, Infinity, -Infinity),
  fc.double({ noDefaultInfinity: true }).map(plain),
  fc.integer({ min: -50, max: 50 }),
)
const anyText = fc.oneof(
  fc.constantFrom('', ' a ', 'A', 'aa', 'ß', 'é', '1', '😀x', 'a\nb', 'ΣΑΣ', 'İi', 'ᾳǅ', 'ÄÖ'),
  fc.string({ maxLength: 6 }),
)
const anyTime = fc
  .integer({ min: Date.UTC(1960, 0, 1), max: Date.UTC(2035, 0, 1) })
  .chain(ms => fc.integer({ min: 0, max: 999 }).map(us => ms * 1000 + us))

/** Expressions over vectors ask only whether they are null. */
type SingleType = Exclude<ScalarType, 'vector'>

const byType: Record<SingleType, fc.Arbitrary<Value>> = {
  int: anyInt,
  float: anyFloat,
  text: anyText,
  bool: fc.boolean(),
  timestamp: anyTime,
}

export const anyRow: fc.Arbitrary<Readonly<Record<string, Value>>> = fc.record(
  Object.fromEntries(rowColumns.map(([name, type]) => [name, fc.option(byType[type], { nil: null, freq: 5 })])),
)

const call = (fn: FunctionName, type: ScalarType, args: readonly Node[], option?: string): CallNode => ({
  op: 'call',
  fn,
  type,
  args,
  ...(option ? { option } : {}),
})

const { node: anyNode } = fc.letrec<Record<SingleType | 'node', Node>>(tie => {
  const leaf = (type: SingleType) =>
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc
          .constantFrom(...rowColumns.filter(([, t]) => t === type))
          .map(([name]): Node => ({ op: 'column', name, type })),
      },
      {
        weight: 1,
        arbitrary: byType[type]
          .filter(value => typeof value !== 'number' || Number.isFinite(value))
          .map(
            (value): Node => ({
              op: 'literal',
              type,
              value: typeof value === 'bigint' ? value.toString() : (value as string | number | boolean),
            }),
          ),
      },
    )
  const number = fc.oneof(tie('int'), tie('float'))
  const unary = (fns: readonly FunctionName[], type: ScalarType, arg: fc.Arbitrary<Node>) =>
    fc.tuple(fc.constantFrom(...fns), arg).map(([fn, a]) => call(fn, type, [a]))
  const binary = (fns: readonly FunctionName[], type: ScalarType, a: fc.Arbitrary<Node>, b: fc.Arbitrary<Node>) =>
    fc.tuple(fc.constantFrom(...fns), a, b).map(([fn, x, y]) => call(fn, type, [x, y]))
  const comparisons: readonly FunctionName[] = ['eq', 'ne', 'lt', 'lte', 'gt', 'gte']
  const zoned = fc
    .tuple(
      fc.constantFrom<FunctionName>('year', 'month', 'day', 'hour', 'minute', 'dayOfWeek'),
      tie('timestamp'),
      fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kathmandu'),
    )
    .map(([fn, at, zone]) => call(fn, 'int', [at], zone))
  return {
    int: fc.oneof(
      { depthSize: 'small' },
      leaf('int'),
      binary(['add', 'sub', 'mul', 'mod'], 'int', tie('int'), tie('int')),
      unary(['neg', 'abs', 'floor'], 'int', tie('int')),
      unary(['length'], 'int', tie('text')),
      zoned,
      binary(['diffMicros'], 'int', tie('timestamp'), tie('timestamp')),
      binary(['coalesce'], 'int', tie('int'), tie('int')),
    ),
    float: fc.oneof(
      { depthSize: 'small' },
      leaf('float'),
      binary(['add', 'sub', 'mul'], 'float', tie('float'), number),
      binary(['div'], 'float', number, number),
      unary(['neg', 'abs', 'floor'], 'float', tie('float')),
      unary(['toFloat', 'sqrt', 'ln', 'exp'], 'float', number),
      binary(['coalesce'], 'float', tie('float'), number),
      fc.tuple(tie('bool'), tie('float'), tie('float')).map(([c, a, b]) => call('case', 'float', [c, a, b])),
    ),
    text: fc.oneof(
      { depthSize: 'small' },
      leaf('text'),
      binary(['concat', 'coalesce'], 'text', tie('text'), tie('text')),
      unary(['trim', 'lower', 'upper'], 'text', tie('text')),
    ),
    bool: fc.oneof(
      { depthSize: 'small' },
      leaf('bool'),
      binary(comparisons, 'bool', number, number),
      binary(comparisons, 'bool', tie('text'), tie('text')),
      binary(comparisons, 'bool', tie('timestamp'), tie('timestamp')),
      binary(['and', 'or'], 'bool', tie('bool'), tie('bool')),
      unary(['not'], 'bool', tie('bool')),
      unary(['isNull'], 'bool', fc.oneof(number, tie('text'), tie('bool'), tie('timestamp'))),
      unary(['isFinite'], 'bool', number),
      unary(['isNan'], 'bool', tie('float')),
      binary(['startsWith'], 'bool', tie('text'), tie('text')),
      fc
        .tuple(tie('text'), fc.constantFrom('/^a/', '/a.b/', '/[^x]$/', '/\\s/u', '/A+/i', '/^$/m', '/😀/', '/^..$/'))
        .map(([a, pattern]) => call('matches', 'bool', [a], pattern)),
      fc
        .tuple(
          tie('int'),
          fc.array(
            leaf('int').filter(n => n.op === 'literal'),
            { maxLength: 3 },
          ),
        )
        .map(([a, set]) => call('in', 'bool', [a, ...set])),
    ),
    timestamp: fc.oneof(
      { depthSize: 'small' },
      leaf('timestamp'),
      binary(
        ['addMicros'],
        'timestamp',
        leaf('timestamp'),
        leaf('int').filter(n => n.op === 'literal' && Math.abs(Number(n.value)) < 1e15),
      ),
    ),
    node: fc.oneof(tie('int'), tie('float'), tie('text'), tie('bool'), tie('timestamp')),
  }
})

/** A random well-typed expression over `rowColumns`, for the tests that hold the readers to one meaning. */
export const anyExpression: fc.Arbitrary<Node> = anyNode

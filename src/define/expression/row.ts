import type { Value } from './dialect.ts'
import { lower, upper } from './letter-case.ts'
import type { CallNode, FunctionName, Node } from './node.ts'
import { linearSearch } from './pattern.ts'
import { localPart } from './zone.ts'

/** Reads one row: the value of a column by name. Timestamps are microseconds, ints number or bigint. */
export type RowReader = (name: string) => Value
export type Evaluator = (row: RowReader) => Value

const maxInt = 2n ** 63n - 1n
const minInt = -(2n ** 63n)

function int(value: bigint): Value {
  if (value > maxInt || value < minInt) return null
  return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value
}

function exact(op: (a: number, b: number) => number, big: (a: bigint, b: bigint) => bigint) {
  return (a: Value, b: Value): Value => {
    if (typeof a === 'number' && typeof b === 'number') {
      const quick = op(a, b)
      if (Number.isSafeInteger(quick)) return quick === 0 ? 0 : quick
    }
    return int(big(BigInt(a as number), BigInt(b as number)))
  }
}

const intAdd = exact(
  (a, b) => a + b,
  (a, b) => a + b,
)
const intSub = exact(
  (a, b) => a - b,
  (a, b) => a - b,
)
const intMul = exact(
  (a, b) => a * b,
  (a, b) => a * b,
)
const intMod = exact(
  (a, b) => a % b,
  (a, b) => a % b,
)

/** Total order: NaN equals NaN and is greatest; -0 equals 0; text by code point. */
export function compareValues(a: Value, b: Value): number {
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b)
  const x = typeof a === 'boolean' ? Number(a) : (a as number | bigint)
  const y = typeof b === 'boolean' ? Number(b) : (b as number | bigint)
  const xNan = typeof x === 'number' && Number.isNaN(x)
  const yNan = typeof y === 'number' && Number.isNaN(y)
  if (xNan || yNan) return xNan === yNan ? 0 : xNan ? 1 : -1
  return x < y ? -1 : x > y ? 1 : 0
}

function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    if (a[i] === b[i]) continue
    // UTF-16 order differs from code point order only when a surrogate meets a character above the surrogates
    const x = a.codePointAt(i) as number
    const y = b.codePointAt(i) as number
    const before = i > 0 ? a.charCodeAt(i - 1) : 0
    if (before >= 0xd800 && before < 0xdc00) return (a.codePointAt(i - 1) as number) - (b.codePointAt(i - 1) as number)
    return x - y
  }
  return a.length - b.length
}

type Strict = (args: Value[], call: CallNode) => Value

const ordered =
  (test: (order: number) => boolean): Strict =>
  ([a, b], call) => {
    const mixed = call.args[0]?.type !== call.args[1]?.type
    return test(compareValues(mixed ? Number(a) : (a as Value), mixed ? Number(b) : (b as Value)))
  }

const arithmetic =
  (whole: (a: Value, b: Value) => Value, real: (a: number, b: number) => number): Strict =>
  ([a, b], call) =>
    call.type === 'int' ? whole(a as Value, b as Value) : real(Number(a), Number(b))

const timePart =
  (part: 'year' | 'month' | 'day' | 'hour' | 'minute' | 'dayOfWeek'): Strict =>
  ([at], call) =>
    localPart(part, Number(at), call.option ?? 'UTC')

/** Functions that are null when any argument is null. */
const strict: Partial<Record<FunctionName, Strict>> = {
  add: arithmetic(intAdd, (a, b) => a + b),
  sub: arithmetic(intSub, (a, b) => a - b),
  mul: arithmetic(intMul, (a, b) => a * b),
  div: ([a, b]) => (Number(b) === 0 ? null : Number(a) / Number(b)),
  mod: ([a, b], call) =>
    Number(b) === 0 ? null : call.type === 'int' ? intMod(a as Value, b as Value) : Number(a) % Number(b),
  neg: ([a], call) => (call.type === 'int' ? intSub(0, a as Value) : -(a as number)),
  abs: ([a], call) =>
    call.type === 'int'
      ? compareValues(a as Value, 0) < 0
        ? intSub(0, a as Value)
        : (a as Value)
      : Math.abs(a as number),
  floor: ([a], call) => (call.type === 'int' ? (a as Value) : Math.floor(a as number)),
  sqrt: ([a]) => (Number(a) < 0 ? null : Math.sqrt(Number(a))),
  ln: ([a]) => (Number(a) <= 0 ? null : Math.log(Number(a))),
  exp: ([a]) => Math.exp(Number(a)),
  toFloat: ([a]) => Number(a),
  eq: ordered(order => order === 0),
  ne: ordered(order => order !== 0),
  lt: ordered(order => order < 0),
  lte: ordered(order => order <= 0),
  gt: ordered(order => order > 0),
  gte: ordered(order => order >= 0),
  not: ([a]) => !a,
  in: ([a, ...set], call) => {
    const mixed = call.args.some(arg => arg.type === 'float') && call.args[0]?.type !== 'text'
    return set.some(value => compareValues(mixed ? Number(a) : (a as Value), mixed ? Number(value) : value) === 0)
  },
  isFinite: ([a]) => typeof a === 'bigint' || Number.isFinite(a as number),
  isNan: ([a]) => Number.isNaN(a as number),
  length: ([a]) => [...(a as string)].length,
  lower: ([a]) => lower(a as string),
  upper: ([a]) => upper(a as string),
  trim: ([a]) => (a as string).replace(/^ +| +$/g, ''),
  concat: ([a, b]) => `${a as string}${b as string}`,
  startsWith: ([a, b]) => (a as string).startsWith(b as string),
  year: timePart('year'),
  month: timePart('month'),
  day: timePart('day'),
  hour: timePart('hour'),
  minute: timePart('minute'),
  dayOfWeek: timePart('dayOfWeek'),
  addMicros: ([at, by]) => {
    const moved = Number(at) + (typeof by === 'bigint' ? Number(by) : Math.floor((by as number) + 0.5))
    return Number.isFinite(moved) ? moved : null
  },
  diffMicros: ([a, b]) => Number(a) - Number(b),
}

/** Compiles an expression once into a function of one row. */
export function toEvaluator(node: Node): Evaluator {
  if (node.op === 'column') return row => row(node.name)
  if (node.op === 'literal') {
    const isWhole = node.type === 'int' || node.type === 'timestamp'
    const value: Value = isWhole && typeof node.value === 'string' ? BigInt(node.value) : node.value
    return () => value
  }
  const args = node.args.map(toEvaluator)
  switch (node.fn) {
    case 'isNull': {
      const [a] = args as [Evaluator]
      return row => a(row) === null
    }
    case 'and': {
      const [a, b] = args as [Evaluator, Evaluator]
      return row => {
        const left = a(row)
        if (left === false) return false
        const right = b(row)
        return right === false ? false : left === null || right === null ? null : true
      }
    }
    case 'or': {
      const [a, b] = args as [Evaluator, Evaluator]
      return row => {
        const left = a(row)
        if (left === true) return true
        const right = b(row)
        return right === true ? true : left === null || right === null ? null : false
      }
    }
    case 'coalesce':
      return row => {
        for (const arg of args) {
          const value = arg(row)
          if (value !== null) return node.type === 'float' ? Number(value) : value
        }
        return null
      }
    case 'case':
      return row => {
        for (let i = 0; i + 1 < args.length; i += 2)
          if ((args[i] as Evaluator)(row) === true) return (args[i + 1] as Evaluator)(row)
        return (args.at(-1) as Evaluator)(row)
      }
    case 'matches': {
      const [a] = args as [Evaluator]
      const search = linearSearch(node.option as string)
      return row => {
        const value = a(row)
        return value === null ? null : search(value as string)
      }
    }
    default: {
      const apply = strict[node.fn] as Strict
      return row => {
        const values: Value[] = []
        for (const arg of args) {
          const value = arg(row)
          if (value === null) return null
          values.push(value)
        }
        return apply(values, node)
      }
    }
  }
}

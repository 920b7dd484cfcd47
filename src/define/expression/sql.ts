import type { ColumnType, Dialect, Value } from './dialect.ts'
import type { CallNode, FunctionName, Node } from './node.ts'
import { linearPattern } from './pattern.ts'

type Printer = (args: readonly string[], call: CallNode, dialect: Dialect) => string

const infix =
  (sign: string): Printer =>
  args =>
    `(${args[0]} ${sign} ${args[1]})`

const guarded =
  (sign: string, whole: 'add' | 'subtract' | 'multiply'): Printer =>
  (args, call, dialect) => {
    const [a, b] = args.map(arg => dialect.cast(arg, call.type as ColumnType)) as [string, string]
    return call.type === 'int' ? dialect.whole[whole](a, b) : `(${a} ${sign} ${b})`
  }

const numericPair = (call: CallNode): boolean =>
  call.args.some(arg => arg.type === 'float') && call.args.every(arg => arg.type === 'int' || arg.type === 'float')

/** An int compared with a float is compared as float, on every engine. */
const comparison =
  (sign: string): Printer =>
  (args, call, dialect) => {
    const [a, b] = numericPair(call) ? args.map(arg => dialect.cast(arg, 'float')) : args
    return `(${a} ${sign} ${b})`
  }

const datePart =
  (part: 'year' | 'month' | 'day' | 'hour' | 'minute' | 'dayOfWeek'): Printer =>
  (args, call, dialect) =>
    dialect.datePart(part, args[0] as string, call.option ?? 'UTC')

const printers: Record<FunctionName, Printer> = {
  add: guarded('+', 'add'),
  sub: guarded('-', 'subtract'),
  mul: guarded('*', 'multiply'),
  div: ([a, b], _, d) => `(${d.cast(a as string, 'float')} / nullif(${d.cast(b as string, 'float')}, 0.0))`,
  mod: ([a, b], call, d) => {
    const type = call.type as ColumnType
    const by = d.cast(b as string, type)
    // the least integer by -1 overflows on the way, though nothing remains of it
    const value = d.cast(a as string, type)
    if (type !== 'int') return `(${value} % nullif(${by}, 0))`
    return d.whole.remainder(value, `nullif(case when ${by} = -1 then 1 else ${by} end, 0)`)
  },
  neg: ([a], call, d) => (call.type === 'int' ? d.whole.negate(d.cast(a as string, 'int')) : `(- ${a})`),
  abs: ([a], call, d) => (call.type === 'int' ? d.whole.absolute(d.cast(a as string, 'int')) : `abs(${a})`),
  floor: ([a], call, d) => (call.type === 'int' ? (a as string) : d.floor(a as string)),
  sqrt: ([a], _, d) => {
    const x = d.cast(a as string, 'float')
    return `case when ${x} >= 0 then sqrt(${x}) end`
  },
  ln: ([a], _, d) => {
    const x = d.cast(a as string, 'float')
    return `case when ${x} > 0 then ln(${x}) end`
  },
  exp: ([a], _, d) => `exp(${d.cast(a as string, 'float')})`,
  toFloat: ([a], _, d) => d.cast(a as string, 'float'),
  eq: comparison('='),
  ne: comparison('<>'),
  lt: comparison('<'),
  lte: comparison('<='),
  gt: comparison('>'),
  gte: comparison('>='),
  and: infix('and'),
  or: infix('or'),
  not: ([a]) => `(not ${a})`,
  isNull: ([a]) => `(${a} is null)`,
  coalesce: (args, call, d) => `coalesce(${args.map(arg => d.cast(arg, call.type as ColumnType)).join(', ')})`,
  case: (args, call, d) => {
    const arms: string[] = []
    for (let i = 0; i + 1 < args.length; i += 2)
      arms.push(`when ${args[i]} then ${d.cast(args[i + 1] as string, call.type as ColumnType)}`)
    return `case ${arms.join(' ')} else ${d.cast(args.at(-1) as string, call.type as ColumnType)} end`
  },
  in: ([a, ...set], call, d) => {
    const cast = numericPair(call) ? (arg: string) => d.cast(arg, 'float') : (arg: string) => arg
    return set.length === 0 ? `case when ${a} is not null then false end` : d.isIn(cast(a as string), set.map(cast))
  },
  isFinite: ([a], call, d) =>
    call.args[0]?.type === 'int' ? `case when ${a} is not null then true end` : d.isFinite(a as string),
  isNan: ([a], _, d) => d.isNan(a as string),
  matches: ([a], call, d) => d.matches(a as string, linearPattern(call.option as string)),
  length: ([a]) => `length(${a})`,
  lower: ([a]) => `lower(${a})`,
  upper: ([a]) => `upper(${a})`,
  trim: ([a], _, d) => d.trim(a as string),
  concat: infix('||'),
  startsWith: ([a, b], _, d) => d.startsWith(a as string, b as string),
  year: datePart('year'),
  month: datePart('month'),
  day: datePart('day'),
  hour: datePart('hour'),
  minute: datePart('minute'),
  dayOfWeek: datePart('dayOfWeek'),
  addMicros: ([at, by], call, d) => {
    const whole = call.args[1]?.type === 'float' ? d.whole.from(d.floor(`(${by} + 0.5)`)) : (by as string)
    return d.plusMicros(at as string, whole)
  },
  diffMicros: ([a, b], _, d) => `(${d.epochMicros(a as string)} - ${d.epochMicros(b as string)})`,
}

/** SQL text of an expression. `columnSql` says how a column is reached; by default its quoted name. */
export function toSql(node: Node, dialect: Dialect, columnSql?: (name: string) => string): string {
  if (node.op === 'column') return columnSql ? columnSql(node.name) : dialect.identifier(node.name)
  if (node.op === 'literal') {
    const value: Value = node.type === 'int' && typeof node.value === 'string' ? BigInt(node.value) : node.value
    return dialect.literal(value, node.type as ColumnType)
  }
  return printers[node.fn](
    node.args.map(arg => toSql(arg, dialect, columnSql)),
    node,
    dialect,
  )
}

import { fail } from '../../errors/index.ts'
import { micros, type Duration } from '../../internal/time.ts'
import { builder, checkArguments } from '../forms.ts'
import { methodForms, whenForms } from './arguments.ts'
import type { FunctionName, Node, ScalarType } from './node.ts'
import { describe } from './node.ts'
import { patternText } from './pattern.ts'
import type { BoolExpression, Expression, ExpressionOf, NumberExpression, NumberType } from './types.ts'

/** The run-time object behind every typed expression; its interfaces in `types.ts` are what users see. */
class ExpressionObject {
  readonly node: Node
  constructor(node: Node) {
    this.node = node
  }

  isNull() {
    return call('isNull', 'bool', this)
  }
  isNotNull() {
    return call('not', 'bool', this.isNull())
  }

  eq(other: unknown) {
    return compare('eq', this, other)
  }
  ne(other: unknown) {
    return compare('ne', this, other)
  }
  lt(other: unknown) {
    return compare('lt', this, other)
  }
  lte(other: unknown) {
    return compare('lte', this, other)
  }
  gt(other: unknown) {
    return compare('gt', this, other)
  }
  gte(other: unknown) {
    return compare('gte', this, other)
  }

  add(other: unknown) {
    return arithmetic('add', this, other)
  }
  plus(other: unknown) {
    if (this.node.type === 'timestamp')
      return call('addMicros', 'timestamp', this, literal(micros(other as Duration), 'int'))
    return arithmetic('add', this, other)
  }
  minus(other: unknown) {
    if (this.node.type === 'timestamp')
      return call('addMicros', 'timestamp', this, literal(-micros(other as Duration), 'int'))
    return arithmetic('sub', this, other)
  }
  times(other: unknown) {
    return arithmetic('mul', this, other)
  }
  div(other: unknown) {
    return call('div', 'float', number(this, 'div'), number(operand(other, this), 'div'))
  }
  mod(other: unknown) {
    return arithmetic('mod', this, other)
  }
  neg() {
    return call('neg', number(this, 'neg').node.type, this)
  }
  abs() {
    return call('abs', number(this, 'abs').node.type, this)
  }
  floor() {
    return call('floor', number(this, 'floor').node.type, this)
  }
  sqrt() {
    return call('sqrt', 'float', number(this, 'sqrt'))
  }
  ln() {
    return call('ln', 'float', number(this, 'ln'))
  }
  exp() {
    return call('exp', 'float', number(this, 'exp'))
  }
  toFloat() {
    return call('toFloat', 'float', number(this, 'toFloat'))
  }
  isFinite() {
    return call('isFinite', 'bool', number(this, 'isFinite'))
  }

  and(other: unknown) {
    return call('and', 'bool', bool(this, 'and'), bool(other, 'and'))
  }
  or(other: unknown) {
    return call('or', 'bool', bool(this, 'or'), bool(other, 'or'))
  }
  not() {
    return call('not', 'bool', bool(this, 'not'))
  }

  in(values: readonly unknown[]) {
    const set = [...values].map(value => comparable('in', this, operand(value, this)))
    // no int equals a number with a fraction; beside one all would be compared as floats, and int64 lose digits
    const met = this.node.type === 'int' ? set.filter(one => one.node.op !== 'literal' || one.node.type === 'int') : set
    return new ExpressionObject({ op: 'call', fn: 'in', args: [this, ...met].map(one => one.node), type: 'bool' })
  }
  coalesce(other: unknown) {
    const second = operand(other, this)
    const type =
      this.node.type === second.node.type
        ? this.node.type
        : number(this, 'coalesce') && number(second, 'coalesce')
          ? 'float'
          : 'float'
    return call('coalesce', type, this, second)
  }

  matches(pattern: RegExp) {
    return call('matches', 'bool', text(this, 'matches'), patternText(pattern))
  }
  startsWith(prefix: string) {
    return call('startsWith', 'bool', text(this, 'startsWith'), literal(prefix, 'text'))
  }
  length() {
    return call('length', 'int', text(this, 'length'))
  }
  lower() {
    return call('lower', 'text', text(this, 'lower'))
  }
  upper() {
    return call('upper', 'text', text(this, 'upper'))
  }
  trim() {
    return call('trim', 'text', text(this, 'trim'))
  }
  concat(other: unknown) {
    return call('concat', 'text', text(this, 'concat'), text(operand(other, this), 'concat'))
  }

  year(zone = 'UTC') {
    return part('year', this, zone)
  }
  month(zone = 'UTC') {
    return part('month', this, zone)
  }
  day(zone = 'UTC') {
    return part('day', this, zone)
  }
  hour(zone = 'UTC') {
    return part('hour', this, zone)
  }
  minute(zone = 'UTC') {
    return part('minute', this, zone)
  }
  dayOfWeek(zone = 'UTC') {
    return part('dayOfWeek', this, zone)
  }
  plusMinutes(minutes: unknown) {
    const amount = operand(minutes, column('', 'float') as unknown as ExpressionObject)
    return call(
      'addMicros',
      'timestamp',
      timestamp(this, 'plusMinutes'),
      arithmetic('mul', number(amount, 'plusMinutes'), 60_000_000),
    )
  }
  minutesSince(other: unknown) {
    const gap = call(
      'diffMicros',
      'int',
      timestamp(this, 'minutesSince'),
      timestamp(operand(other, this), 'minutesSince'),
    )
    return call('div', 'float', gap, literal(60_000_000, 'int'))
  }
}

type Method = Exclude<keyof ExpressionObject, 'node'>

/**
 * Puts the look at its arguments before each method: what one does not read is refused, as it is by every function of the
 * definition API. A method without forms is a compile error.
 */
function checkMethods(forms: Readonly<Record<Method, (typeof methodForms)[Method]>>): void {
  for (const [name, taken] of Object.entries(forms)) {
    const method = ExpressionObject.prototype[name as Method] as (...args: unknown[]) => unknown
    function checked(this: ExpressionObject, ...args: unknown[]): unknown {
      checkArguments('expression', name, args, typeof taken === 'function' ? taken(this.node.type) : taken)
      return Reflect.apply(method, this, args)
    }
    Object.defineProperty(ExpressionObject.prototype, name, { value: checked, writable: true, configurable: true })
  }
}
checkMethods(methodForms)

function wrong(where: string, expected: string, found: ExpressionObject) {
  return fail('invalidDefinition', {
    kind: 'expression',
    name: where,
    reason: `needs ${expected}, but ${describe(found.node)} is ${found.node.type}`,
  })
}

function expression(value: unknown): ExpressionObject {
  if (value instanceof ExpressionObject) return value
  if (typeof value === 'object' && value !== null && 'node' in value)
    return new ExpressionObject((value as { node: Node }).node)
  throw fail('invalidDefinition', { kind: 'expression', name: String(value), reason: 'is not a column expression' })
}

function number(value: unknown, where: string): ExpressionObject {
  const found = expression(value)
  if (found.node.type !== 'int' && found.node.type !== 'float') throw wrong(where, 'a number', found)
  return found
}

function only(type: ScalarType, value: unknown, where: string): ExpressionObject {
  const found = expression(value)
  if (found.node.type !== type) throw wrong(where, `a ${type}`, found)
  return found
}
const bool = (value: unknown, where: string) => only('bool', value, where)
const text = (value: unknown, where: string) => only('text', value, where)
const timestamp = (value: unknown, where: string) => only('timestamp', value, where)

/** A literal takes the type that its partner needs: 15 beside an int is int, 0.5 beside it is float. */
function operand(value: unknown, partner: ExpressionObject): ExpressionObject {
  if (typeof value === 'bigint') return literal(value, 'int')
  if (typeof value === 'number')
    return literal(value, Number.isInteger(value) && isInt64(value) && partner.node.type !== 'float' ? 'int' : 'float')
  if (typeof value === 'string') return literal(value, 'text')
  if (typeof value === 'boolean') return literal(value, 'bool')
  if (value instanceof Date) return literal(microsOf(value), 'timestamp')
  return expression(value)
}

function literal(value: null | boolean | number | bigint | string, type: ScalarType): ExpressionObject {
  if (typeof value === 'number' && !Number.isFinite(value)) throw badLiteral(value, 'must be finite')
  if (typeof value === 'bigint' && !isInt64(value)) throw badLiteral(value, 'has more than 64 bits')
  if (typeof value === 'string' && loneSurrogate.test(value))
    throw badLiteral(value, 'holds half a character (a lone surrogate), which no text of a source can')
  const isWhole = typeof value === 'bigint' || (type === 'int' && typeof value === 'number')
  return new ExpressionObject({ op: 'literal', value: isWhole ? carriedWhole(BigInt(value)) : value, type })
}

/** Beyond 2^53 as its digits. */
function carriedWhole(value: bigint): number | string {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString()
}

const loneSurrogate = /\p{Cs}/u

function badLiteral(value: unknown, reason: string) {
  return fail('invalidDefinition', { kind: 'literal', name: String(value).slice(0, 60), reason })
}

/** Whether a whole number is one of 64 bits. */
function isInt64(value: number | bigint): boolean {
  return value >= -(2n ** 63n) && value < 2n ** 63n
}

function microsOf(date: Date): bigint {
  const at = date.getTime()
  if (Number.isNaN(at)) throw badLiteral('date', 'is no time')
  return BigInt(at) * 1000n
}

/** A value as a literal of its own type. */
export function literalOf(value: string | number | bigint | boolean | Date): Node {
  return operand(value, new ExpressionObject({ op: 'literal', value: null, type: 'float' })).node
}

function call(fn: FunctionName, type: ScalarType, ...args: readonly (ExpressionObject | string)[]): ExpressionObject {
  const option = args.find(arg => typeof arg === 'string')
  const nodes = args.filter(arg => typeof arg !== 'string').map(arg => arg.node)
  return new ExpressionObject({ op: 'call', fn, args: nodes, type, ...(option === undefined ? {} : { option }) })
}

function arithmetic(fn: 'add' | 'sub' | 'mul' | 'mod', left: ExpressionObject, right: unknown): ExpressionObject {
  const a = number(left, fn)
  const b = number(operand(right, left), fn)
  const type = a.node.type === 'int' && b.node.type === 'int' ? 'int' : 'float'
  return call(fn, type, a, b)
}

function compare(
  fn: 'eq' | 'ne' | 'lt' | 'lte' | 'gt' | 'gte',
  left: ExpressionObject,
  right: unknown,
): ExpressionObject {
  return call(fn, 'bool', left, comparable(fn, left, operand(right, left)))
}

function comparable(fn: string, left: ExpressionObject, other: ExpressionObject): ExpressionObject {
  const numeric = (at: ExpressionObject) => at.node.type === 'int' || at.node.type === 'float'
  if (left.node.type === 'vector') throw wrong(fn, 'a value that is compared', left)
  if (left.node.type !== other.node.type && !(numeric(left) && numeric(other)))
    throw wrong(fn, `a ${left.node.type}`, other)
  return other
}

function part(
  fn: 'year' | 'month' | 'day' | 'hour' | 'minute' | 'dayOfWeek',
  at: ExpressionObject,
  zone: string,
): ExpressionObject {
  return call(fn, 'int', timestamp(at, fn), zone)
}

/** The expression that reads a column. */
export function column<T extends ScalarType, N extends boolean, D extends string>(
  name: D,
  type: T,
): ExpressionOf<T, N, D> {
  return new ExpressionObject({ op: 'column', name, type }) as unknown as ExpressionOf<T, N, D>
}

/** Gives the typed methods to a node that came from storage or from a compiler. */
export function fromNode(node: Node): Expression {
  return new ExpressionObject(node) as unknown as Expression
}

function caseOf<D extends string, E extends string = never>(
  branches: readonly (readonly [BoolExpression<boolean, D>, number | NumberExpression<NumberType, boolean, E>])[],
  otherwise: number | NumberExpression<NumberType, boolean, E>,
): NumberExpression<'float', boolean, D | E> {
  const partner = new ExpressionObject({ op: 'literal', value: 0, type: 'float' })
  const value = (of: unknown) => {
    const found = number(operand(of, partner), 'when')
    return found.node.type === 'float' ? found : call('toFloat', 'float', found)
  }
  const args = branches.flatMap(([condition, result]) => [bool(condition, 'when'), value(result)])
  return call('case', 'float', ...args, value(otherwise)) as unknown as NumberExpression<'float', boolean, D | E>
}

/**
 * The value of the first branch whose condition is true, else the last argument.
 * `when([[c.distance.lt(500), 1], [c.distance.lt(2000), 2]], 3)`
 */
export const when = builder('expression', whenForms, caseOf, 'when')

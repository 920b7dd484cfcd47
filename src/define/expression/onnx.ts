import type { GraphBuilder } from '../../onnx/index.ts'
import type { CallNode, FunctionName, Node, ScalarType } from './node.ts'

/** A value in the graph: a tensor [N] and a bool tensor [N] that is true where it is not null. */
export interface GraphValue {
  readonly value: string
  readonly valid: string
}

/** Element types of the three kinds of value that graphs compute with. */
type Element = 'int64' | 'double' | 'bool'

const elements: Partial<Record<ScalarType, Element>> = {
  int: 'int64',
  timestamp: 'int64',
  float: 'double',
  bool: 'bool',
}
const castTo: Record<Element, number> = { int64: 7, double: 11, bool: 9 }
const day = 86_400_000_000

/** Why an expression has no graph form, or undefined when it has: text and named time zones are computed before it. */
export function graphObstacle(node: Node): string | undefined {
  if (elements[node.type] === undefined) return `${node.type} values are not computed in a graph`
  if (node.op !== 'call') return undefined
  if (node.option !== undefined && node.option !== 'UTC')
    return node.fn === 'matches'
      ? 'patterns are not computed in a graph'
      : `time zone ${node.option} is not known to a graph`
  for (const arg of node.args) {
    const found = graphObstacle(arg)
    if (found) return found
  }
  return undefined
}

/** Writes expressions as nodes of an ONNX graph (opset 17), with the meaning that `node.ts` fixes, nulls included. */
export class ExpressionGraph {
  readonly #graph: GraphBuilder
  readonly #column: (name: string, type: ScalarType) => GraphValue
  #count = 0

  /** `column` gives the graph's inputs for a column. */
  constructor(graph: GraphBuilder, column: (name: string, type: ScalarType) => GraphValue) {
    this.#graph = graph
    this.#column = column
  }

  /** Throws TypeError for what `graphObstacle` names. */
  add(node: Node): GraphValue {
    const obstacle = graphObstacle(node)
    if (obstacle) throw new TypeError(obstacle)
    if (node.op === 'column') return this.#column(node.name, node.type)
    if (node.op === 'literal') {
      if (node.value === null)
        return { value: this.#constant(elements[node.type] as Element, 0), valid: this.#constant('bool', 0) }
      const value = typeof node.value === 'string' ? BigInt(node.value) : Number(node.value)
      return { value: this.#constant(elements[node.type] as Element, value), valid: this.#constant('bool', 1) }
    }
    return this.#call(node)
  }

  #name(): string {
    return `e${this.#count++}`
  }

  #constant(type: Element, value: number | bigint): string {
    return this.#graph.constant(this.#name(), type, [1], [value])
  }

  #op(op: string, ...inputs: readonly string[]): string {
    return this.#graph.node(op, inputs, this.#name())
  }

  #cast(value: string, from: ScalarType, to: Element): string {
    return elements[from] === to ? value : this.#graph.node('Cast', [value], this.#name(), { to: { int: castTo[to] } })
  }

  #and(...flags: readonly string[]): string {
    return flags.reduce((all, flag) => this.#op('And', all, flag))
  }

  /** `flag ? a : b` for flags: runtimes have no Where for them. */
  #pick(flag: string, a: string, b: string): string {
    return this.#op('Or', this.#and(flag, a), this.#and(this.#not(flag), b))
  }

  #where(element: Element, flag: string, a: string, b: string): string {
    return element === 'bool' ? this.#pick(flag, a, b) : this.#op('Where', flag, a, b)
  }

  #not(flag: string): string {
    return this.#op('Not', flag)
  }

  /** Integer remainder that is never negative, for a positive constant. */
  #floorMod(value: string, by: number): string {
    return this.#graph.node('Mod', [value, this.#constant('int64', by)], this.#name())
  }

  #floorDiv(value: string, by: number): string {
    return this.#op('Div', this.#op('Sub', value, this.#floorMod(value, by)), this.#constant('int64', by))
  }

  #call(node: CallNode): GraphValue {
    const args = node.args.map(arg => this.add(arg))
    const types = node.args.map(arg => arg.type)
    const [a, b] = args as [GraphValue, GraphValue]
    const whole = node.type === 'int'
    switch (node.fn) {
      case 'isNull':
        return { value: this.#not(a.valid), valid: this.#op('Or', a.valid, this.#not(a.valid)) }
      case 'and':
      case 'or':
        return this.#kleene(node.fn, a, b)
      case 'not':
        return { value: this.#not(a.value), valid: a.valid }
      case 'coalesce': {
        const to = elements[node.type] as Element
        return {
          value: this.#where(
            to,
            a.valid,
            this.#cast(a.value, types[0] as ScalarType, to),
            this.#cast(b.value, types[1] as ScalarType, to),
          ),
          valid: this.#op('Or', a.valid, b.valid),
        }
      }
      case 'case':
        return this.#case(args, elements[node.type] as Element)
      case 'in':
        return this.#in(args, types)
      case 'eq':
      case 'ne':
      case 'lt':
      case 'lte':
      case 'gt':
      case 'gte':
        return {
          value: this.#compare(node.fn, a.value, b.value, types[0] as ScalarType, types[1] as ScalarType),
          valid: this.#and(a.valid, b.valid),
        }
      case 'add':
      case 'sub':
      case 'mul':
      case 'mod':
        return whole ? this.#wholeArithmetic(node.fn, a, b) : this.#realArithmetic(node.fn, a, b, types)
      case 'div': {
        const [x, y] = [
          this.#cast(a.value, types[0] as ScalarType, 'double'),
          this.#cast(b.value, types[1] as ScalarType, 'double'),
        ]
        return {
          value: this.#op('Div', x, y),
          valid: this.#and(a.valid, b.valid, this.#not(this.#op('Equal', y, this.#constant('double', 0)))),
        }
      }
      case 'neg':
      case 'abs': {
        const made = this.#op(node.fn === 'neg' ? 'Neg' : 'Abs', a.value)
        return {
          value: made,
          valid: whole
            ? this.#and(a.valid, this.#not(this.#op('Equal', a.value, this.#constant('int64', -(2n ** 63n)))))
            : a.valid,
        }
      }
      case 'floor':
        return whole ? a : { value: this.#op('Floor', a.value), valid: a.valid }
      case 'toFloat':
        return { value: this.#cast(a.value, types[0] as ScalarType, 'double'), valid: a.valid }
      case 'exp':
        return { value: this.#op('Exp', this.#cast(a.value, types[0] as ScalarType, 'double')), valid: a.valid }
      case 'sqrt':
      case 'ln': {
        const x = this.#cast(a.value, types[0] as ScalarType, 'double')
        const bad = this.#op(node.fn === 'sqrt' ? 'Less' : 'LessOrEqual', x, this.#constant('double', 0))
        return { value: this.#op(node.fn === 'sqrt' ? 'Sqrt' : 'Log', x), valid: this.#and(a.valid, this.#not(bad)) }
      }
      case 'isNan':
        return { value: this.#op('IsNaN', a.value), valid: a.valid }
      case 'isFinite': {
        const x = this.#cast(a.value, types[0] as ScalarType, 'double')
        return { value: this.#not(this.#op('Or', this.#op('IsNaN', x), this.#infinite(x))), valid: a.valid }
      }
      case 'diffMicros':
        return { value: this.#op('Sub', a.value, b.value), valid: this.#and(a.valid, b.valid) }
      case 'addMicros':
        return this.#moved(a, b, types[1] as ScalarType)
      case 'hour':
        return {
          value: this.#op('Div', this.#floorMod(a.value, day), this.#constant('int64', 3_600_000_000)),
          valid: a.valid,
        }
      case 'minute':
        return {
          value: this.#op('Div', this.#floorMod(a.value, 3_600_000_000), this.#constant('int64', 60_000_000)),
          valid: a.valid,
        }
      case 'dayOfWeek': {
        // 1970-01-01 was a Thursday
        const shifted = this.#op('Add', this.#floorDiv(a.value, day), this.#constant('int64', 3))
        return { value: this.#op('Add', this.#floorMod(shifted, 7), this.#constant('int64', 1)), valid: a.valid }
      }
      case 'year':
      case 'month':
      case 'day':
        return { value: this.#civil(node.fn, this.#floorDiv(a.value, day)), valid: a.valid }
      default:
        throw new TypeError(`${node.fn satisfies FunctionName} is not computed in a graph`)
    }
  }

  /** IsInf knows only float32 on some runtimes, so infinity is found by comparison. */
  #infinite(x: string): string {
    return this.#op('Greater', this.#op('Abs', x), this.#constant('double', Number.MAX_VALUE))
  }

  #kleene(fn: 'and' | 'or', a: GraphValue, b: GraphValue): GraphValue {
    // Where a null stands, the value is the one that does not decide
    const decided = (side: GraphValue): string =>
      fn === 'and' ? this.#and(side.valid, this.#not(side.value)) : this.#and(side.valid, side.value)
    const either = this.#op('Or', decided(a), decided(b))
    return {
      value: fn === 'and' ? this.#not(either) : either,
      valid: this.#op('Or', either, this.#and(a.valid, b.valid)),
    }
  }

  #compare(
    fn: 'eq' | 'ne' | 'lt' | 'lte' | 'gt' | 'gte',
    left: string,
    right: string,
    leftType: ScalarType,
    rightType: ScalarType,
  ): string {
    if (leftType === 'bool') {
      const same = this.#not(this.#op('Xor', left, right))
      const less = this.#and(this.#not(left), right)
      return this.#fromOrder(fn, same, less)
    }
    const real = leftType === 'float' || rightType === 'float'
    const x = real ? this.#cast(left, leftType, 'double') : left
    const y = real ? this.#cast(right, rightType, 'double') : right
    if (!real) return this.#fromOrder(fn, this.#op('Equal', x, y), this.#op('Less', x, y))
    const [xNan, yNan] = [this.#op('IsNaN', x), this.#op('IsNaN', y)]
    const same = this.#op('Or', this.#op('Equal', x, y), this.#and(xNan, yNan))
    const less = this.#op('Or', this.#op('Less', x, y), this.#and(this.#not(xNan), yNan))
    return this.#fromOrder(fn, same, less)
  }

  #fromOrder(fn: 'eq' | 'ne' | 'lt' | 'lte' | 'gt' | 'gte', same: string, less: string): string {
    switch (fn) {
      case 'eq':
        return same
      case 'ne':
        return this.#not(same)
      case 'lt':
        return less
      case 'lte':
        return this.#op('Or', less, same)
      case 'gt':
        return this.#not(this.#op('Or', less, same))
      case 'gte':
        return this.#not(less)
    }
  }

  #in([operand, ...set]: readonly GraphValue[], [type, ...setTypes]: readonly ScalarType[]): GraphValue {
    const { value, valid } = operand as GraphValue
    if (set.length === 0) return { value: this.#and(valid, this.#not(valid)), valid }
    const hits = set.map((one, i) =>
      this.#compare('eq', value, one.value, type as ScalarType, setTypes[i] as ScalarType),
    )
    return { value: hits.reduce((any, hit) => this.#op('Or', any, hit)), valid }
  }

  #case(args: readonly GraphValue[], element: Element): GraphValue {
    let result = args.at(-1) as GraphValue
    for (let i = args.length - 3; i >= 0; i -= 2) {
      const [condition, then] = [args[i], args[i + 1]] as [GraphValue, GraphValue]
      const taken = this.#and(condition.valid, condition.value)
      const kept = this.#not(taken)
      result = {
        value: this.#where(element, taken, then.value, result.value),
        valid: this.#op('Or', this.#and(taken, then.valid), this.#and(kept, result.valid)),
      }
    }
    return result
  }

  #realArithmetic(
    fn: 'add' | 'sub' | 'mul' | 'mod',
    a: GraphValue,
    b: GraphValue,
    types: readonly ScalarType[],
  ): GraphValue {
    const [x, y] = [
      this.#cast(a.value, types[0] as ScalarType, 'double'),
      this.#cast(b.value, types[1] as ScalarType, 'double'),
    ]
    const both = this.#and(a.valid, b.valid)
    if (fn === 'mod')
      return {
        value: this.#graph.node('Mod', [x, y], this.#name(), { fmod: { int: 1 } }),
        valid: this.#and(both, this.#not(this.#op('Equal', y, this.#constant('double', 0)))),
      }
    return { value: this.#op(({ add: 'Add', sub: 'Sub', mul: 'Mul' } as const)[fn], x, y), valid: both }
  }

  /** 64-bit arithmetic wraps in a graph, so what has wrapped is found and becomes null. */
  #wholeArithmetic(fn: 'add' | 'sub' | 'mul' | 'mod', a: GraphValue, b: GraphValue): GraphValue {
    const both = this.#and(a.valid, b.valid)
    const zero = this.#constant('int64', 0)
    const one = this.#constant('int64', 1)
    if (fn === 'mod') {
      const none = this.#op('Equal', b.value, zero)
      const minusOne = this.#op('Equal', b.value, this.#constant('int64', -1))
      const divisor = this.#op('Where', this.#op('Or', none, minusOne), one, b.value)
      // ONNX Runtime makes y / x of (1 / x) × y for a constant 1, also for integers; a nought that it cannot fold hides it
      const dividend = this.#op('Add', a.value, this.#op('Sub', divisor, divisor))
      // Mod with fmod goes through double on some runtimes and loses digits; division truncates exactly
      const made = this.#op('Sub', a.value, this.#op('Mul', this.#op('Div', dividend, divisor), divisor))
      return { value: made, valid: this.#and(both, this.#not(none)) }
    }
    if (fn === 'mul') {
      const made = this.#op('Mul', a.value, b.value)
      const minusOne = this.#op('Equal', a.value, this.#constant('int64', -1))
      const none = this.#op('Equal', a.value, zero)
      const divisor = this.#op('Where', this.#op('Or', none, minusOne), one, a.value)
      const back = this.#op('Equal', this.#op('Div', made, divisor), b.value)
      const negated = this.#not(this.#op('Equal', b.value, this.#constant('int64', -(2n ** 63n))))
      const held = this.#op('Or', none, this.#pick(minusOne, negated, back))
      return { value: made, valid: this.#and(both, held) }
    }
    const made = this.#op(fn === 'add' ? 'Add' : 'Sub', a.value, b.value)
    const up = this.#op('GreaterOrEqual', b.value, zero)
    const rises = fn === 'add' ? up : this.#not(up)
    const wrapped = this.#pick(rises, this.#op('Less', made, a.value), this.#op('Greater', made, a.value))
    // Subtracting the smallest integer "rises" by 2^63, which the comparison sees as any other wrap
    return { value: made, valid: this.#and(both, this.#not(wrapped)) }
  }

  #moved(at: GraphValue, by: GraphValue, type: ScalarType): GraphValue {
    const both = this.#and(at.valid, by.valid)
    if (type !== 'float') return { value: this.#op('Add', at.value, by.value), valid: both }
    const rounded = this.#op('Floor', this.#op('Add', by.value, this.#constant('double', 0.5)))
    const small = this.#op('Less', this.#op('Abs', rounded), this.#constant('double', 2 ** 62))
    const safe = this.#op('Where', small, rounded, this.#constant('double', 0))
    return { value: this.#op('Add', at.value, this.#cast(safe, 'float', 'int64')), valid: this.#and(both, small) }
  }

  /** Proleptic Gregorian date from days since 1970 (Howard Hinnant, "chrono-compatible low-level date algorithms"). */
  #civil(part: 'year' | 'month' | 'day', days: string): string {
    const n = (value: number): string => this.#constant('int64', value)
    const div = (x: string, by: number): string => this.#op('Div', x, n(by))
    const mul = (x: string, by: number): string => this.#op('Mul', x, n(by))
    const z = this.#op('Add', days, n(719_468))
    const era = this.#floorDiv(z, 146_097)
    const ofEra = this.#op('Sub', z, mul(era, 146_097))
    const leap = this.#op(
      'Sub',
      this.#op('Add', this.#op('Sub', ofEra, div(ofEra, 1460)), div(ofEra, 36_524)),
      div(ofEra, 146_096),
    )
    const yearOfEra = div(leap, 365)
    const ofYear = this.#op(
      'Sub',
      ofEra,
      this.#op('Sub', this.#op('Add', mul(yearOfEra, 365), div(yearOfEra, 4)), div(yearOfEra, 100)),
    )
    const shifted = div(this.#op('Add', mul(ofYear, 5), n(2)), 153)
    if (part === 'day')
      return this.#op('Add', this.#op('Sub', ofYear, div(this.#op('Add', mul(shifted, 153), n(2)), 5)), n(1))
    const month = this.#op('Add', this.#floorMod(this.#op('Add', shifted, n(2)), 12), n(1))
    if (part === 'month') return month
    const early = this.#cast(this.#op('LessOrEqual', month, n(2)), 'bool', 'int64')
    return this.#op('Add', this.#op('Add', yearOfEra, mul(era, 400)), early)
  }
}

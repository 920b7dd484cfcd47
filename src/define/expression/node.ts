/**
 * The one intermediate form of every column expression: labels, conditions of expectations, known times, derived inputs,
 * slices. It is plain JSON, so it is part of a definition's digest. Three readers give it meaning and must agree:
 * `sql.ts` (through a dialect), `row.ts` (TypeScript, one row) and `onnx.ts` (graph nodes).
 *
 * Semantics, fixed here once:
 * - Types are int (64 bits), float (IEEE double), text (Unicode), bool, timestamp (microseconds UTC), vector (a list of as many
 *   finite doubles as its column declares, kept as its text: `vector.ts`), of which only whether it is null is asked.
 * - A function of a null is null, except: `isNull` is never null; `and` is false when either side is false and `or`
 *   true when either is true (Kleene); `coalesce` gives its first non-null; `case` takes a branch only when its
 *   condition is true; `in` is null for a null operand.
 * - Comparison is total over floats: NaN equals NaN and is greater than every number; -0 equals 0.
 * - Integer arithmetic outside 64 bits, division by zero, `sqrt` of a negative and `ln` of a non-positive give null:
 *   a row that cannot be computed is missing, it never stops the other rows.
 * - `div` is real division and gives a float; `mod` truncates toward zero, as the sign of the dividend.
 * - `length` counts code points; `lower`/`upper` map each code point alone (`letter-case.ts`); `trim` removes spaces (U+0020) only.
 * - Regular expressions mean what `RegExp` of the same flags means, searched for in time linear in the text; without flag `u` or
 *   `v` they count UTF-16 code units, as in JavaScript. No look-around, no back-references; search, not full match.
 * - Parts of a timestamp are read in a named IANA zone, UTC unless given; `dayOfWeek` is 1 Monday … 7 Sunday.
 */
export type ScalarType = 'int' | 'float' | 'text' | 'bool' | 'timestamp' | 'vector'

export type LiteralValue = null | boolean | number | string

export type FunctionName =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'mod'
  | 'neg'
  | 'abs'
  | 'floor'
  | 'sqrt'
  | 'ln'
  | 'exp'
  | 'toFloat'
  | 'eq'
  | 'ne'
  | 'lt'
  | 'lte'
  | 'gt'
  | 'gte'
  | 'and'
  | 'or'
  | 'not'
  | 'isNull'
  | 'coalesce'
  | 'case'
  | 'in'
  | 'isFinite'
  | 'isNan'
  | 'matches'
  | 'length'
  | 'lower'
  | 'upper'
  | 'trim'
  | 'concat'
  | 'startsWith'
  | 'year'
  | 'month'
  | 'day'
  | 'hour'
  | 'minute'
  | 'dayOfWeek'
  | 'addMicros'
  | 'diffMicros'

export interface ColumnNode {
  readonly op: 'column'
  readonly name: string
  readonly type: ScalarType
}

/** An int literal beyond 2^53 is carried as its decimal text. */
export interface LiteralNode {
  readonly op: 'literal'
  readonly value: LiteralValue
  readonly type: ScalarType
}

export interface CallNode {
  readonly op: 'call'
  readonly fn: FunctionName
  readonly args: readonly Node[]
  readonly type: ScalarType
  /** Pattern of `matches` as it is written in JavaScript, zone of the time parts. */
  readonly option?: string
}

export type Node = ColumnNode | LiteralNode | CallNode

/** Names of the columns that an expression reads, sorted. */
export function columnsOf(node: Node): string[] {
  const names = new Set<string>()
  const visit = (at: Node): void => {
    if (at.op === 'column') names.add(at.name)
    else if (at.op === 'call') at.args.forEach(visit)
  }
  visit(node)
  return [...names].sort()
}

const infix: Partial<Record<FunctionName, string>> = {
  add: '+',
  sub: '−',
  mul: '×',
  div: '/',
  mod: 'mod',
  eq: '=',
  ne: '≠',
  lt: '<',
  lte: '≤',
  gt: '>',
  gte: '≥',
  and: 'and',
  or: 'or',
}

/** How an expression reads in a sentence: `delay > 15`. */
export function describe(node: Node): string {
  if (node.op === 'column') return node.name
  if (node.op === 'literal') return node.type === 'text' ? `'${String(node.value)}'` : String(node.value)
  const args = node.args.map(arg => (arg.op === 'call' && infix[arg.fn] ? `(${describe(arg)})` : describe(arg)))
  const sign = infix[node.fn]
  if (sign) return args.join(` ${sign} `)
  if (node.fn === 'not') return `not ${args[0]}`
  if (node.fn === 'isNull') return `${args[0]} is null`
  if (node.fn === 'matches') return `${args[0]} matches ${node.option}`
  if (node.fn === 'in') return `${args[0]} in (${args.slice(1).join(', ')})`
  return `${node.fn}(${args.join(', ')}${node.option && node.option !== 'UTC' ? `, ${node.option}` : ''})`
}

import type { Json } from '../../../internal/canonical-json.ts'
import type { ScalarType } from '../../../define/expression/node.ts'
import { Code, literalText } from '../../../internal/typescript-text.ts'
import { LeftOut, shown } from './given.ts'
import type { Rule } from './rule.ts'
import { timeOf } from './time-of.ts'

/** How a condition is written: as Python (texts in either quotes) or as SQL (names in double quotes). */
export type ConditionSyntax = 'python' | 'sql'

type Sign = 'eq' | 'ne' | 'lt' | 'lte' | 'gt' | 'gte'

/** A condition on one row, as data. */
export type Condition =
  | { readonly is: 'and' | 'or'; readonly of: readonly Condition[] }
  | { readonly is: 'not'; readonly of: Condition }
  | { readonly is: 'null' | 'not null' | 'true'; readonly column: string }
  | { readonly is: 'in' | 'not in'; readonly column: string; readonly values: readonly Json[] }
  | {
      readonly is: 'compared'
      readonly column: string
      readonly sign: Sign
      readonly with: Json | { readonly column: string }
    }

const signs: Readonly<Record<string, Sign>> = {
  '==': 'eq',
  '=': 'eq',
  '!=': 'ne',
  '<>': 'ne',
  '<': 'lt',
  '<=': 'lte',
  '>': 'gt',
  '>=': 'gte',
}
const flipped: Readonly<Record<Sign, Sign>> = { eq: 'eq', ne: 'ne', lt: 'gt', lte: 'gte', gt: 'lt', gte: 'lte' }

/** The sign of an operator; undefined where it is none. */
export function signOf(operator: string): Sign | undefined {
  return Object.hasOwn(signs, operator) ? signs[operator] : undefined
}

const tokenForm =
  /\s*(?:(==|!=|<>|<=|>=|&&|\|\||[=<>&|!~(),[\].])|('(?:[^'\\]|\\.|'')*')|("(?:[^"\\]|\\.)*")|(`[^`]+`)|(-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]))|([A-Za-z_]\w*))/y

interface Token {
  readonly kind: 'sign' | 'text' | 'double' | 'name' | 'quoted name' | 'number'
  readonly text: string
}

function tokens(text: string): Token[] {
  const found: Token[] = []
  tokenForm.lastIndex = 0
  while (tokenForm.lastIndex < text.trimEnd().length) {
    const at = tokenForm.lastIndex
    const parts = tokenForm.exec(text)
    if (!parts)
      throw new LeftOut(
        `its condition ${shown(text)} is not simple enough: ${shown(text.slice(at, at + 20))} is not read`,
      )
    const kinds = ['sign', 'text', 'double', 'quoted name', 'number', 'name'] as const
    const kind = kinds.find((_, i) => parts[i + 1] !== undefined) as Token['kind']
    found.push({ kind, text: parts[kinds.indexOf(kind as (typeof kinds)[number]) + 1] as string })
  }
  return found
}

type Operand = { readonly column: string } | { readonly value: Json }

/** Comparisons of columns with values and with each other, `is null`, `in`, `between`, joined by and, or, not. */
class Parser {
  readonly #tokens: readonly Token[]
  readonly #writing: ConditionSyntax
  readonly #text: string
  #at = 0
  #depth = 0

  constructor(text: string, writing: ConditionSyntax) {
    this.#text = text
    this.#tokens = tokens(text)
    this.#writing = writing
  }

  whole(): Condition {
    const found = this.#joined('or')
    if (this.#at < this.#tokens.length) this.#refuse()
    return found
  }

  #refuse(): never {
    const next = this.#tokens[this.#at]
    throw new LeftOut(
      `its condition ${shown(this.#text)} is not simple enough${next ? `: ${shown(next.text)} is not read` : ''}`,
    )
  }

  #word(...words: readonly string[]): boolean {
    const next = this.#tokens[this.#at]
    if (!next || (next.kind !== 'sign' && next.kind !== 'name') || !words.includes(next.text.toLowerCase()))
      return false
    this.#at++
    return true
  }

  #must(word: string): void {
    if (!this.#word(word)) this.#refuse()
  }

  #joined(is: 'and' | 'or'): Condition {
    const words = is === 'or' ? ['or', '||', '|'] : ['and', '&&', '&']
    const of: Condition[] = []
    do of.push(is === 'or' ? this.#joined('and') : this.#single())
    while (this.#word(...words))
    return of.length === 1 ? (of[0] as Condition) : { is, of }
  }

  #single(): Condition {
    if (++this.#depth > 50) this.#refuse()
    const found = this.#unguarded()
    this.#depth--
    return found
  }

  #unguarded(): Condition {
    if (this.#word('not', '!', '~')) return { is: 'not', of: this.#single() }
    if (this.#word('(')) {
      const found = this.#joined('or')
      this.#must(')')
      return found
    }
    return this.#predicate(this.#operand())
  }

  #predicate(left: Operand): Condition {
    if (!('column' in left)) {
      const sign = this.#sign()
      const right = this.#operand()
      if (sign === undefined || !('column' in right)) this.#refuse()
      return { is: 'compared', column: right.column, sign: flipped[sign], with: left.value }
    }
    const { column } = left
    if (this.#word('.')) {
      const method = this.#tokens[this.#at++]?.text.toLowerCase() ?? ''
      this.#must('(')
      this.#must(')')
      if (['isnull', 'isna'].includes(method)) return { is: 'null', column }
      if (['notnull', 'notna'].includes(method)) return { is: 'not null', column }
      this.#refuse()
    }
    if (this.#word('is')) {
      const is = this.#word('not') ? 'not null' : 'null'
      this.#must('null')
      return { is, column }
    }
    const negated = this.#word('not')
    if (this.#word('in')) return { is: negated ? 'not in' : 'in', column, values: this.#values() }
    if (this.#word('between')) return this.#between(column, negated)
    if (negated) this.#refuse()
    const sign = this.#sign()
    if (sign === undefined) return { is: 'true', column }
    const right = this.#operand()
    return { is: 'compared', column, sign, with: 'column' in right ? right : right.value }
  }

  #between(column: string, negated: boolean): Condition {
    const low = this.#value()
    this.#must('and')
    const high = this.#value()
    const within: Condition = {
      is: 'and',
      of: [
        { is: 'compared', column, sign: 'gte', with: low },
        { is: 'compared', column, sign: 'lte', with: high },
      ],
    }
    return negated ? { is: 'not', of: within } : within
  }

  #sign(): Sign | undefined {
    const next = this.#tokens[this.#at]
    const sign = next?.kind === 'sign' ? signOf(next.text) : undefined
    if (sign !== undefined) this.#at++
    return sign
  }

  #values(): readonly Json[] {
    const close = this.#word('[') ? ']' : (this.#must('('), ')')
    const values: Json[] = []
    do values.push(this.#value())
    while (this.#word(','))
    this.#must(close)
    return values
  }

  #value(): Json {
    const found = this.#operand()
    if ('column' in found) this.#refuse()
    return found.value
  }

  #operand(): Operand {
    const next = this.#tokens[this.#at]
    if (!next || next.kind === 'sign') this.#refuse()
    this.#at++
    const inner = next.text.slice(1, -1)
    if (next.kind === 'number') return { value: Number(next.text) }
    if (next.kind === 'text')
      return { value: inner.replace(/''|\\(.)/g, (whole, one?: string) => one ?? (whole === "''" ? "'" : whole)) }
    if (next.kind === 'quoted name') return { column: inner }
    if (next.kind === 'double')
      return this.#writing === 'sql' ? { column: inner } : { value: inner.replace(/\\(.)/g, '$1') }
    const word = next.text.toLowerCase()
    if (word === 'true' || word === 'false') return { value: word === 'true' }
    const opens = this.#tokens[this.#at]?.text === '('
    if ((next.text === 'col' || ['date', 'timestamp'].includes(word)) && opens) return this.#wrapped(next.text)
    if ((word === 'date' || word === 'timestamp') && this.#tokens[this.#at]?.kind === 'text')
      return { value: this.#value() }
    if (opens || ['and', 'or', 'not', 'is', 'in', 'null', 'none', 'between', 'like', 'case'].includes(word))
      this.#refuse()
    return { column: next.text }
  }

  /** `col("x")`, `date("2024-01-01")`. */
  #wrapped(name: string): Operand {
    this.#must('(')
    const inside = this.#tokens[this.#at++]
    if (inside?.kind !== 'text' && inside?.kind !== 'double') this.#refuse()
    this.#must(')')
    const text = inside.text.slice(1, -1)
    return name === 'col' ? { column: text } : { value: text }
  }
}

/** Reads a condition in one of the usual simple forms; left out where it is not simple. */
export function parseCondition(text: string, writing: ConditionSyntax): Condition {
  return new Parser(text, writing).whole()
}

/** Types whose values stand in an order. */
export const comparable: readonly ScalarType[] = ['float', 'int', 'text', 'timestamp']

/** Types of a column that a value can be compared with. */
export function typesFor(value: Json): readonly ScalarType[] {
  if (typeof value === 'number') return ['float', 'int']
  if (typeof value === 'boolean') return ['bool']
  if (typeof value !== 'string') throw new LeftOut(`${shown(value)} is no value to compare with`)
  return timeOf(value) ? ['text', 'timestamp'] : ['text']
}

function compared(rule: Rule, column: string, sign: Sign, other: Json | { readonly column: string }): string {
  if (typeof other === 'object' && other !== null && 'column' in other && typeof other.column === 'string') {
    const [left, right] = rule.alike([column, other.column], comparable)
    return `${left?.code.text}.${sign}(${right?.code.text})`
  }
  const value = other as Json
  const { code, type } = rule.column(column, typesFor(value))
  if (type === 'bool') {
    if (sign !== 'eq' && sign !== 'ne') throw new LeftOut(`its condition orders the truth value ${column}`)
    return (sign === 'eq') === value ? code.text : `${code.text}.not()`
  }
  return `${code.text}.${sign}(${literalText(type === 'timestamp' ? timeOf(value as string) : value)})`
}

function member(rule: Rule, column: string, values: readonly Json[]): string {
  const [first] = values
  if (first === undefined) throw new LeftOut('its condition has an empty list')
  if (values.some(one => typeof one !== typeof first)) throw new LeftOut('its condition has a list of mixed values')
  const { code, type } = rule.column(column, typesFor(first))
  if (type === 'int' || type === 'float' || type === 'text') return `${code.text}.in(${literalText(values)})`
  return values.map(one => `(${compared(rule, column, 'eq', one)})`).reduce((all, one) => `${all}.or(${one})`)
}

function text(rule: Rule, condition: Condition): string {
  switch (condition.is) {
    case 'and':
    case 'or':
      return condition.of.map(one => text(rule, one)).reduce((all, one) => `${all}.${condition.is}(${one})`)
    case 'not':
      return `${text(rule, condition.of)}.not()`
    case 'null':
    case 'not null':
      return `${rule.column(condition.column).code.text}.${condition.is === 'null' ? 'isNull' : 'isNotNull'}()`
    case 'true':
      return rule.column(condition.column, ['bool']).code.text
    case 'in':
      return member(rule, condition.column, condition.values)
    case 'not in':
      return `${member(rule, condition.column, condition.values)}.not()`
    case 'compared':
      return compared(rule, condition.column, condition.sign, condition.with)
  }
}

/** A condition as an expression of Millrace. A condition that is null of a row leaves the row out, as in SQL. */
export function conditionCode(rule: Rule, condition: Condition): Code {
  return new Code(text(rule, condition))
}

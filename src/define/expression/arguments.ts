import { parseDuration } from '../../internal/time.ts'
import { anyText, listOf, optional, timeZone, type Form } from '../forms.ts'
import type { ScalarType } from './node.ts'
import { isPattern } from './pattern.ts'

type ArgumentForms = Readonly<Record<string, Form>>

// what fits beside what is said by the method itself, which knows the types of both
const given = (words: string): Form => ({ words, holds: value => value !== undefined })
const operand = { other: given('a value or an expression') }
const condition = { other: given('a condition') }
const nothing = {}
const zoned: ArgumentForms = { zone: optional(timeZone) }
const length = {
  length: {
    words: "a length of time, such as '15m', '3h' or '30d'",
    holds: (value: unknown) => typeof value === 'string' && parseDuration(value) !== undefined,
  },
}
const moved = (type: ScalarType): ArgumentForms => (type === 'timestamp' ? length : operand)

/** What each method of an expression takes, by argument; where it depends on the type of the expression, as a function of that. */
export const methodForms = {
  isNull: nothing,
  isNotNull: nothing,
  eq: operand,
  ne: operand,
  lt: operand,
  lte: operand,
  gt: operand,
  gte: operand,
  add: operand,
  plus: moved,
  minus: moved,
  times: operand,
  div: operand,
  mod: operand,
  neg: nothing,
  abs: nothing,
  floor: nothing,
  sqrt: nothing,
  ln: nothing,
  exp: nothing,
  toFloat: nothing,
  isFinite: nothing,
  and: condition,
  or: condition,
  not: nothing,
  // of an empty list every row would be false, which nobody means
  in: { values: listOf(given('a value'), 1) },
  coalesce: operand,
  matches: { pattern: { words: 'a regular expression, such as /^a/i', holds: isPattern } },
  startsWith: { prefix: anyText },
  length: nothing,
  lower: nothing,
  upper: nothing,
  trim: nothing,
  concat: operand,
  year: zoned,
  month: zoned,
  day: zoned,
  hour: zoned,
  minute: zoned,
  dayOfWeek: zoned,
  plusMinutes: { minutes: given('a number or an expression of one') },
  minutesSince: operand,
} satisfies Readonly<Record<string, ArgumentForms | ((type: ScalarType) => ArgumentForms)>>

/** What `when` takes. */
export const whenForms = {
  branches: listOf(
    {
      words: 'a condition and the value it gives, such as [c.distance.lt(500), 1]',
      holds: value => Array.isArray(value) && value.length === 2,
    },
    1,
  ),
  otherwise: given('a number or an expression of one'),
}

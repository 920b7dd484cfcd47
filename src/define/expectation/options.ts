import { parseDuration, type Duration, type Micros } from '../../internal/time.ts'
import { refuse } from '../named.ts'
import type { ScalarType } from '../expression/node.ts'

/** What an option must be. Types say the same; a caller in JavaScript has none, and a misread option would pass rows. */
interface Form {
  readonly words: string
  readonly holds: (value: unknown) => boolean
}

const oneOf = (...values: readonly string[]): Form => ({
  words: `one of ${values.join(', ')}`,
  holds: value => values.includes(value as string),
})
const number: Form = { words: 'a number', holds: value => typeof value === 'number' && !Number.isNaN(value) }
const limit: Form = {
  words: 'an object with a share or a count',
  holds: value => typeof value === 'object' && value !== null,
}
const flag: Form = { words: 'true or false', holds: value => typeof value === 'boolean' }

const forms: Readonly<Record<string, Form>> = {
  quarantine: flag,
  id: {
    words: 'a text of whole characters, one at least',
    holds: value => typeof value === 'string' && value !== '' && !/\p{Cs}/u.test(value),
  },
  severity: oneOf('critical', 'warning', 'info'),
  when: {
    words: 'a boolean expression',
    holds: value => (value as { node?: { type?: unknown } } | null)?.node?.type === 'bool',
  },
  onEmpty: oneOf('fail', 'warn', 'pass'),
  mostly: number,
  maxBad: number,
  warn: limit,
  fail: limit,
  nulls: oneOf('ignore', 'bad', 'good'),
  denominator: oneOf('evaluated', 'all'),
  nonFinite: oneOf('bad', 'null', 'allow'),
}

function check(kind: string, name: string, value: unknown, { words, holds }: Form): void {
  if (value !== undefined && !holds(value)) refuse('expectation', kind, `${name} must be ${words}`)
}

/** Refuses common options that are not what their types say. */
export function checkOptions(kind: string, options: object): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    refuse('expectation', kind, 'takes its options as one object')
  for (const [name, form] of Object.entries(forms))
    check(kind, name, (options as Readonly<Record<string, unknown>>)[name], form)
}

/** Refuses switches that are neither true nor false: `'no'` would be true. */
export function checkFlags(kind: string, flags: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(flags)) check(kind, name, value, flag)
}

/** Refuses what is no finite number from `lowest` on; undefined is left to its default. */
export function checkNumbers(kind: string, numbers: Readonly<Record<string, unknown>>, lowest = 0): void {
  for (const [name, value] of Object.entries(numbers))
    check(kind, name, value, {
      words: `a finite number, ${lowest} or more`,
      holds: one => typeof one === 'number' && Number.isFinite(one) && one >= lowest,
    })
}

/** Refuses a value that is none of a few words. */
export function checkWord(kind: string, name: string, value: unknown, words: readonly string[]): void {
  check(kind, name, value, oneOf(...words))
}

/** Length of a time limit in microseconds, above 0. */
export function timeoutOf(kind: string, timeout: Duration): Micros {
  const length = typeof timeout === 'string' ? parseDuration(timeout) : undefined
  if (length === undefined || !Number.isFinite(length))
    refuse('expectation', kind, `'${String(timeout)}' is not a duration such as '30s' or '5m'`)
  return length > 0 ? length : refuse('expectation', kind, 'the timeout must be above 0')
}

const elements: Readonly<Record<ScalarType, Form>> = {
  int: {
    words: 'whole numbers of 64 bits (bigint beyond 2^53)',
    holds: value => Number.isSafeInteger(value) || (typeof value === 'bigint' && BigInt.asIntN(64, value) === value),
  },
  float: { words: 'finite numbers', holds: value => Number.isFinite(value) },
  text: { words: 'texts of whole characters', holds: value => typeof value === 'string' && !/\p{Cs}/u.test(value) },
  bool: { words: 'true or false', holds: value => typeof value === 'boolean' },
  timestamp: { words: 'dates', holds: value => value instanceof Date && !Number.isNaN(value.getTime()) },
  vector: { words: 'nothing: vectors are not compared', holds: () => false },
}

/** A list of values of a column's type, at least one: a value of another type would never be met. */
export function checkSet(kind: string, type: ScalarType, values: readonly unknown[]): void {
  if (!Array.isArray(values) || values.length === 0) refuse('expectation', kind, 'needs at least one value')
  const { words, holds } = elements[type]
  const wrong = values.find(value => !holds(value))
  // `find` skips no hole: an absent value is undefined
  if (wrong !== undefined || values.includes(undefined))
    refuse('expectation', kind, `of a column of type ${type} takes ${words}, not ${shown(wrong)}`)
}

function shown(value: unknown): string {
  const text =
    typeof value === 'string' ? JSON.stringify(value) : typeof value === 'bigint' ? `${value}` : String(value)
  return text.length > 60 ? `${text.slice(0, 59)}…` : text
}

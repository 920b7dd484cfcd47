import { createContext, Script } from 'node:vm'
import { Validator, type Schema } from '@cfworker/json-schema'
import { fail } from '../../errors/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { messageOf } from '../../internal/message-of.ts'
import { withLinearPatterns } from './schema-patterns.ts'

/** A test of one text that SQL cannot express. */
export type LevelTest = (value: string) => boolean

const datePattern = /^(\d{4})-(\d{2})-(\d{2})$/
const timePattern = /^(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/

function isDate(text: string): boolean {
  const parts = datePattern.exec(text)
  if (!parts) return false
  const [year, month, day] = parts.slice(1).map(Number) as [number, number, number]
  const at = new Date(Date.UTC(2000, month - 1, day))
  at.setUTCFullYear(year, month - 1, day)
  return at.getUTCFullYear() === year && at.getUTCMonth() === month - 1 && at.getUTCDate() === day
}

/** RFC 3339 with a zone. */
function isDateTime(text: string): boolean {
  const at = text.search(/[Tt ]/)
  return at === 10 && isDate(text.slice(0, 10)) && timePattern.test(text.slice(11).toUpperCase())
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json
  } catch {
    return undefined
  }
}

/** ISO 13616: country, check digits, and 97 as the divisor that must leave 1. */
function isIban(text: string): boolean {
  const compact = text.replaceAll(' ', '')
  if (!/^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$/.test(compact)) return false
  let rest = 0
  for (const char of compact.slice(4) + compact.slice(0, 4)) {
    const value = Number.parseInt(char, 36)
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97
  }
  return rest === 1
}

/** Longest time for a batch of values. */
const longestMs = 60_000

/** Runs a function that may not end, and ends it: a search that backtracks for ever, a schema that refers to itself. */
export function within<T>(says: string, work: () => T, milliseconds = longestMs): T {
  const context = createContext({ work })
  try {
    return new Script('work()').runInContext(context, { timeout: milliseconds }) as T
  } catch (error) {
    const late = (error as { code?: string }).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
    const reason = late ? `it took longer than ${milliseconds / 1000} s` : (messageOf(error).split('\n')[0] as string)
    throw fail('userCheckFailed', { check: says, reason }, error)
  }
}

/** The test of a name, made once for all values. */
export function levelTest(name: string, option: Json | undefined): LevelTest {
  switch (name) {
    case 'iso-date':
      return isDate
    case 'iso-datetime':
      return isDateTime
    case 'json':
      return text => parsed(text) !== undefined
    case 'iban':
      return isIban
    case 'json-schema': {
      const validator = new Validator(withLinearPatterns(option ?? {}) as Schema, '2020-12')
      return text => {
        const value = parsed(text)
        return value !== undefined && validator.validate(value).valid
      }
    }
    default:
      throw new TypeError(`there is no test '${name}'`)
  }
}

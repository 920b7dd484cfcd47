import { instantOf } from '../../define/expression/zone.ts'
import { vectorFrom } from '../../define/vector.ts'
import { fail } from '../../errors/index.ts'
import { parseTime } from '../../internal/time.ts'
import type { Value } from '../../ports/data-engine.ts'
import type { RequestColumn } from '../../stages/serve/types.ts'

type Row = Readonly<Record<string, Value>>
type Read = (value: unknown, column: RequestColumn) => Value | undefined

function refuse(row: number, column: string, reason: string): never {
  throw fail('requestInvalid', { row, column, reason })
}

const largeInteger = /^-?\d{16,19}$/

const withoutZone = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?$/

/** As in a file: a time without a zone is by the clocks of its column's, where that has one. */
function timeOf(text: string, zone: string | undefined): number | undefined {
  const isLocal = zone !== undefined && withoutZone.test(text)
  const read = parseTime(isLocal ? `${text}Z` : text)
  const at = read !== undefined && isLocal ? instantOf(read, zone) : read
  return Number.isSafeInteger(at) ? at : undefined
}

/** Undefined where the value is not of the type. Nothing is converted that could change its meaning: `"3"` is no number. */
const readers: Record<RequestColumn['type'], Read> = {
  int(value) {
    if (typeof value === 'number') return Number.isSafeInteger(value) ? value : undefined
    // beyond 2^53 JSON numbers are not exact: such integers come as text
    if (typeof value !== 'string' || !largeInteger.test(value)) return undefined
    const exact = BigInt(value)
    if (BigInt.asIntN(64, exact) !== exact) return undefined
    return exact > 9_007_199_254_740_991n || exact < -9_007_199_254_740_991n ? exact : undefined
  },
  float: value => (typeof value === 'number' && Number.isFinite(value) ? value : undefined),
  text: value => (typeof value === 'string' ? value : undefined),
  bool: value => (typeof value === 'boolean' ? value : undefined),
  timestamp(value, { zone }) {
    if (typeof value === 'number') return Number.isSafeInteger(value) ? value : undefined
    return typeof value === 'string' ? timeOf(value, zone) : undefined
  },
  vector: (value, { length }) => vectorFrom(value, length),
}

const wanted = {
  int: 'a whole number (beyond 2^53 as text)',
  float: 'a finite number',
  text: 'a text',
  bool: 'true or false',
  timestamp: 'a time such as 2001-04-01T12:00:00Z, or microseconds since 1970',
  vector: 'a list of numbers',
} as const satisfies Record<RequestColumn['type'], string>

const wantedOf = ({ type, length }: RequestColumn): string =>
  type === 'vector' ? `a list of ${length} finite numbers` : wanted[type]

function found(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value === 'string') return value.length > 30 ? `the text "${value.slice(0, 30)}…"` : `the text "${value}"`
  if (Array.isArray(value)) return `a list of ${value.length}`
  return typeof value === 'object' ? 'an object' : String(value)
}

/** A value as its column declares it. Throws `requestInvalid` with the row and the column. */
export function typedValue(column: RequestColumn, value: unknown, row: number): Value {
  if (value === null || value === undefined) {
    if (column.nullable) return null
    refuse(row, column.name, value === undefined ? 'is missing' : 'is null and may not be')
  }
  return (
    readers[column.type](value, column) ?? refuse(row, column.name, `expected ${wantedOf(column)}, got ${found(value)}`)
  )
}

/** Rows as their columns declare them: every column there (nullable ones may be left out), no other. */
export function typedRows(rows: readonly unknown[], columns: readonly RequestColumn[]): Row[] {
  const names = (): string => columns.map(column => column.name).join(', ')
  return rows.map((row, index) => {
    if (typeof row !== 'object' || row === null || Array.isArray(row))
      return refuse(index, '*', `expected an object with the columns ${names()}, got ${found(row)}`)
    const given = row as Readonly<Record<string, unknown>>
    const made: Record<string, Value> = {}
    let missing: RequestColumn | undefined
    let known = 0
    for (const column of columns) {
      const { name } = column
      if (Object.hasOwn(given, name)) {
        known++
        made[name] = typedValue(column, given[name], index)
      } else if (column.nullable) made[name] = null
      else missing ??= column
    }
    if (Object.keys(given).length > known)
      for (const name of Object.keys(given))
        if (!columns.some(column => column.name === name)) refuse(index, name, `is no column; there are ${names()}`)
    if (missing) typedValue(missing, undefined, index)
    return made
  })
}

import type { ColumnType, StoredKind } from '../../../ports/data-engine.ts'
import { describedColumn } from './stored-of.ts'

const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** The times that are read: of the years 1 to 9999. What lies beyond has no text in the form of RFC 3339. */
const isOfYears = (sql: string): string =>
  `${sql} BETWEEN TIMESTAMP '0001-01-01 00:00:00' AND TIMESTAMP '9999-12-31 23:59:59.999999'`

const ofYears = (sql: string): string => `CASE WHEN ${isOfYears(sql)} THEN ${sql} END`

/** What the clocks of a zone show at a time of UTC. */
const clockAt = (utc: string, zone: string): string => `timezone(${quote(zone)}, timezone('UTC', ${utc}))`

/**
 * The time of UTC at which the clocks of a zone show a time; null where they never did, or did twice. The offset is asked a
 * day before and a day after: where it is the same, the clocks were not set in between.
 */
export function utcOfClock(local: string, zone: string): string {
  if (zone === 'UTC') return ofYears(local)
  const offset = (days: string) => `(${clockAt(`(${local} ${days})`, zone)} - (${local} ${days}))`
  const before = `(${local} - ${offset('- INTERVAL 1 DAY')})`
  const after = `(${local} - ${offset('+ INTERVAL 1 DAY')})`
  const shows = (utc: string) => `${clockAt(utc, zone)} = ${local}`
  return `CASE WHEN NOT coalesce(${isOfYears(local)}, false) THEN NULL WHEN ${before} = ${after} THEN ${ofYears(before)} WHEN ${shows(before)} AND NOT ${shows(after)} THEN ${ofYears(before)} WHEN ${shows(after)} AND NOT ${shows(before)} THEN ${ofYears(after)} END`
}

/** Nanoseconds since 1970 as a time: microseconds are what is whole of them, before 1970 too. */
const floored = (sql: string): string =>
  `make_timestamp(epoch_ns(${sql}) // 1000 - CASE WHEN epoch_ns(${sql}) % 1000 < 0 THEN 1 ELSE 0 END)`

const local = (sql: string, physical: string): string =>
  physical === 'TIMESTAMP_NS' ? floored(sql) : physical === 'TIMESTAMP' ? sql : `TRY_CAST(${sql} AS TIMESTAMP)`

/** A whole number as the float that is the same number; null where there is none. */
const sameFloat = (sql: string, physical: string): string => {
  const float = physical.startsWith('DECIMAL') ? `CAST(CAST(${sql} AS VARCHAR) AS DOUBLE)` : `CAST(${sql} AS DOUBLE)`
  return `CASE WHEN ${sql} BETWEEN -9007199254740992 AND 9007199254740992 OR TRY_CAST(${float} AS HUGEINT) = TRY_CAST(${sql} AS HUGEINT) THEN ${float} END`
}

/** The float next to a decimal. Dividing rounds once as long as both numbers are floats; beyond, its text tells. */
const nearestFloat = (sql: string, physical: string): string => {
  const digits = Number(/^DECIMAL\((\d+)/.exec(physical)?.[1] ?? 38)
  return digits <= 15 ? `CAST(${sql} AS DOUBLE)` : `CAST(CAST(${sql} AS VARCHAR) AS DOUBLE)`
}

/** A list of doubles as the text of a vector of so many numbers; null where it has others, or one that is none. */
const vectorOf = (list: string, length = 0): string =>
  `CASE WHEN len(${list}) = ${length} AND len(list_filter(${list}, e -> isfinite(e))) = ${length} THEN CAST(${list} AS VARCHAR) END`

/** A list of numbers as doubles, each as a float reads it. */
function doublesOf(sql: string, physical: string): string {
  const of = describedColumn('', physical.replace(/\[\d*\]$/, ''))
  if (of.stored === 'float' || of.stored === 'int32') return `CAST(${sql} AS DOUBLE[])`
  const read = readStored('e', { stored: of.stored ?? 'float', physical: of.physical }, 'float', undefined)
  return `list_transform(CAST(${sql} AS ${of.physical}[]), e -> ${read})`
}

const listForm = (() => {
  const number = '-?[0-9]+(?:[.][0-9]+)?(?:[eE][+-]?[0-9]+)?'
  const numbers = `\\s*${number}\\s*(?:,\\s*${number}\\s*)*`
  return `\\s*(?:\\[${numbers}\\]|\\{${numbers}\\})\\s*`
})()

/** A vector in a text: a list of JSON, or an array as PostgreSQL prints it. Each number is read as that of a float. */
function readVector(sql: string, length: number | undefined): string {
  const list = `list_transform(string_split(trim(${sql}, ' []{}' || chr(9) || chr(10) || chr(13)), ','), e -> ${readFloat('e')})`
  return `CASE WHEN regexp_full_match(${sql}, '${listForm}') THEN ${vectorOf(list, length)} END`
}

/** See `Dialect.readStored`. */
export function readStored(
  sql: string,
  { stored, physical }: { readonly stored: StoredKind; readonly physical: string },
  type: ColumnType,
  zone: string | undefined,
  length?: number,
): string {
  switch (stored) {
    case 'list':
      return vectorOf(doublesOf(sql, physical), length)
    case 'nothing':
      return `CAST(NULL AS ${names[type]})`
    case 'written':
      return readText(sql, type, zone, length)
    case 'int32':
      return `CAST(${sql} AS ${names[type]})`
    case 'int64':
      return type === 'int' ? `CAST(${sql} AS BIGINT)` : sameFloat(sql, physical)
    case 'wide':
      if (type === 'float') return sameFloat(sql, physical)
      return type === 'int' ? `TRY_CAST(${sql} AS BIGINT)` : `CAST(${sql} AS VARCHAR)`
    case 'decimal':
      return type === 'float' ? nearestFloat(sql, physical) : `CAST(${sql} AS VARCHAR)`
    case 'float':
    case 'bool':
    case 'text':
      return `CAST(${sql} AS ${names[type]})`
    case 'date':
    case 'local':
      return utcOfClock(local(sql, physical), zone ?? 'UTC')
    case 'instant':
      return ofYears(physical === 'TIMESTAMP WITH TIME ZONE' ? `timezone('UTC', ${sql})` : local(sql, physical))
  }
}

const names: Record<ColumnType, string> = {
  int: 'BIGINT',
  float: 'DOUBLE',
  text: 'VARCHAR',
  bool: 'BOOLEAN',
  timestamp: 'TIMESTAMP',
  vector: 'VARCHAR',
}

const day = '[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}'
const clock = '(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\\.[0-9]+)?)?'
const utc = ' ?(?:[Zz]|UTC|GMT)'
/** As far as clocks were ever set: 15 h 59 min. */
const offset = ' ?[+-](?:0[0-9]|1[0-5])(?::?[0-5][0-9])?'
const blank = '\\s*'
/** The basic form of ISO 8601, `20240701T120000`; a date alone in it would be any number of eight digits. */
const basic = '[0-9]{8}T[0-9]{4}(?:[0-9]{2}(?:\\.[0-9]+)?)?'

/** A time in the basic form as one in the extended form. */
function extended(sql: string): string {
  const parts = '([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})'
  const minutes = `regexp_replace(${sql}, ${quote(parts)}, '\\1-\\2-\\3T\\4:\\5')`
  return `regexp_replace(${minutes}, '(T[0-9]{2}:[0-9]{2})([0-9]{2})', '\\1:\\2')`
}

/**
 * A time in the forms of ISO 8601 and RFC 3339. The engine's own reading of zones is not asked: it knows them by name, takes
 * offsets that no clock has and words such as `infinity`, and a name in one row changes how it reads the rows after it.
 */
function readTime(text: string, zone: string | undefined): string {
  const either = `CASE WHEN regexp_full_match(${text}, ${quote(`${blank}${basic}(?:${utc}|${offset})?${blank}`)}) THEN ${readExtended(extended(text), zone)} END`
  return `coalesce(${readExtended(text, zone)}, ${either})`
}

function readExtended(sql: string, zone: string | undefined): string {
  const is = (form: string) => `regexp_full_match(${sql}, ${quote(`${blank}${form}${blank}`)})`
  const without = (end: string) => `TRY_CAST(regexp_replace(${sql}, ${quote(`${end}${blank}$`)}, '') AS TIMESTAMP)`
  const part = (n: number) =>
    `CAST('0' || regexp_extract(${sql}, ${quote(`([+-])([0-9]{2}):?([0-9]{2})?${blank}$`)}, ${n}) AS BIGINT)`
  const minutes = `to_minutes((${part(2)} * 60 + ${part(3)}) * CASE WHEN regexp_matches(${sql}, ${quote(`-[0-9]{2}:?(?:[0-9]{2})?${blank}$`)}) THEN -1 ELSE 1 END)`
  const shifted = `(${without(offset)} - ${minutes})`
  // the engine takes no blank at the end, and trimming costs more than all the rest
  const bare = `CASE WHEN ends_with(${sql}, ' ') THEN trim(${sql}) ELSE ${sql} END`
  const noZone = zone === undefined ? 'NULL' : utcOfClock(`TRY_CAST(${bare} AS TIMESTAMP)`, zone)
  return `CASE WHEN ${is(`${day}(?:[ T]${clock})?`)} THEN ${noZone} WHEN ${is(`${day}[ T]${clock}${utc}`)} THEN ${ofYears(without(utc))} WHEN ${is(`${day}[ T]${clock}${offset}`)} THEN ${ofYears(shifted)} END`
}

/**
 * The float next to a number in a text. A number too large or too small for one is none of it, and neither is a whole number
 * that no float is: it is most likely a key. Whole numbers of floats as JavaScript writes them, with zeros for the digits that
 * a float does not have, are those floats.
 */
function readFloat(sql: string): string {
  const value = `TRY_CAST(${sql} AS DOUBLE)`
  const whole = `TRY_CAST(trim(${sql}) AS HUGEINT)`
  const same = `coalesce(TRY_CAST(${value} AS HUGEINT) = ${whole} OR TRY_CAST(CAST(${value} AS VARCHAR) AS HUGEINT) = ${whole}, false)`
  return `CASE WHEN contains(${sql}, '_') THEN NULL WHEN length(${sql}) < 16 AND NOT regexp_matches(${sql}, '[eE]') THEN ${value} WHEN isinf(${value}) AND NOT regexp_matches(${sql}, '[iI]') THEN NULL WHEN ${value} = 0 AND regexp_matches(${sql}, '^[^eE]*[1-9]') THEN NULL WHEN regexp_full_match(${sql}, '\\s*[+-]?[0-9]+\\s*') AND NOT ${same} THEN NULL ELSE ${value} END`
}

/** See `Dialect.readText`. Each form is checked before it is cast: a cast alone would round 12.7 and take 1_000 for a number. */
export function readText(sql: string, type: ColumnType, zone: string | undefined, length?: number): string {
  const when = (pattern: string, value: string) => `CASE WHEN regexp_full_match(${sql}, '${pattern}') THEN ${value} END`
  switch (type) {
    case 'text':
      return sql
    case 'int':
      return when('\\s*[+-]?[0-9]+\\s*', `TRY_CAST(${sql} AS BIGINT)`)
    case 'float':
      return readFloat(sql)
    case 'bool':
      return when('(?i)true|false|t|f|0|1', `TRY_CAST(${sql} AS BOOLEAN)`)
    case 'timestamp':
      return readTime(sql, zone)
    case 'vector':
      return readVector(sql, length)
  }
}

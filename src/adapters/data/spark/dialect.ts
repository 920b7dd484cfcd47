import type { ColumnType, Dialect, StoredKind, Value } from '../../../ports/data-engine.ts'
import { fail } from '../../../errors/index.ts'

export const sparkTypes: Record<ColumnType, string> = {
  int: 'BIGINT',
  float: 'DOUBLE',
  text: 'STRING',
  bool: 'BOOLEAN',
  timestamp: 'TIMESTAMP_NTZ',
  vector: 'STRING',
}

/** A text in SQL: a backslash is the first letter of an escape here, and quotes side by side are two texts. */
export function quote(text: string): string {
  const escaped = text.replace(/[\\'\0\n\r]/g, letter => {
    if (letter === '\0') return '\\u0000'
    if (letter === '\n') return '\\n'
    return letter === '\r' ? '\\r' : `\\${letter}`
  })
  return `'${escaped}'`
}

export const identifier = (name: string): string => `\`${name.replaceAll('`', '``')}\``

function literal(value: Value, type: ColumnType): string {
  if (value === null) return `CAST(NULL AS ${sparkTypes[type]})`
  switch (type) {
    case 'text':
    case 'vector':
      return quote(String(value))
    case 'bool':
      return value ? 'true' : 'false'
    case 'timestamp':
      return fromEpochMicros(`${BigInt(value)}`)
    case 'int':
      return `CAST(${quote(String(value))} AS BIGINT)`
    case 'float':
      return `CAST(${quote(String(value))} AS DOUBLE)`
  }
}

/** The session's zone is UTC: a time with a zone and one without are the same number. */
const fromEpochMicros = (sql: string): string => `CAST(timestamp_micros(CAST(${sql} AS BIGINT)) AS TIMESTAMP_NTZ)`
const epochMicros = (sql: string): string => `unix_micros(CAST(${sql} AS TIMESTAMP))`

/** Naive times are UTC everywhere behind the scan, so a zone is applied only to read parts in it. */
const local = (sql: string, zone: string): string =>
  zone === 'UTC' ? sql : `from_utc_timestamp(CAST(${sql} AS TIMESTAMP), ${quote(zone)})`

const isFinite = (sql: string): string => `(abs(${sql}) < CAST('Infinity' AS DOUBLE))`

const whole = (sql: string): string => `CAST(${sql} AS BIGINT)`

/** The times of the years 1 to 9999: what lies beyond has no text in the form of RFC 3339. */
const ofYears = (sql: string): string =>
  `CASE WHEN ${sql} BETWEEN TIMESTAMP_NTZ '0001-01-01 00:00:00' AND TIMESTAMP_NTZ '9999-12-31 23:59:59.999999' THEN ${sql} END`

/** A whole number as the float that is the same number; null where there is none. */
const sameFloat = (sql: string): string =>
  `CASE WHEN CAST(CAST(${sql} AS DOUBLE) AS DECIMAL(38,0)) = CAST(${sql} AS DECIMAL(38,0)) THEN CAST(${sql} AS DOUBLE) END`

/** See `Dialect.readStored`. */
function readStored(
  sql: string,
  { stored, physical }: { readonly stored: StoredKind; readonly physical: string },
  type: ColumnType,
  zone: string | undefined,
): string {
  const cast = `CAST(${sql} AS ${sparkTypes[type]})`
  switch (stored) {
    case 'nothing':
      return `CAST(NULL AS ${sparkTypes[type]})`
    case 'written':
      return readText()
    case 'list':
      return noVectors()
    case 'int64':
      return type === 'float' ? sameFloat(sql) : cast
    case 'wide':
      if (type === 'float') return sameFloat(sql)
      return type === 'int' ? `try_cast(${sql} AS BIGINT)` : cast
    case 'date':
    case 'local':
      if (zone !== undefined && zone !== 'UTC')
        throw fail('engineCannot', {
          engine: 'Spark Connect',
          what: `a column of ${physical} as a time in ${zone}`,
          reason: 'servers differ in what they make of hours that the clocks of a zone skip or show twice',
        })
      return ofYears(cast)
    case 'instant':
      return ofYears(cast)
    default:
      return cast
  }
}

function noVectors(): never {
  throw fail('engineCannot', {
    engine: 'Spark Connect',
    what: 'a column of vectors',
    reason: 'servers differ in the digits by which they write a number, and a vector is known by them',
  })
}

function readText(): never {
  throw fail('engineCannot', {
    engine: 'Spark Connect',
    what: 'values that are written as text',
    reason: 'servers differ in which texts they take for numbers and times',
  })
}

const dateParts = { year: 'year', month: 'month', day: 'day', hour: 'hour', minute: 'minute' } as const

/** SQL of Spark 4 and of what speaks Spark Connect beside it, in what both mean the same by. */
export const sparkDialect: Dialect = {
  name: 'spark',
  cannot: new Map([
    ['lower', 'servers differ in the capitals of letters beyond ASCII (ß, İ)'],
    ['upper', 'servers differ in the capitals of letters beyond ASCII (ß, İ)'],
    ['query', 'your SQL is written for DuckDB'],
  ]),
  // Sail takes none elsewhere
  filtersOnly: true,
  identifier,
  literal,
  cast: (sql, type) => `CAST(${sql} AS ${sparkTypes[type]})`,
  readText,
  readStored,
  cellText: sql => `CAST(${sql} AS STRING)`,
  whole: {
    add: (a, b) => `try_add(${whole(a)}, ${whole(b)})`,
    subtract: (a, b) => `try_subtract(${whole(a)}, ${whole(b)})`,
    multiply: (a, b) => `try_multiply(${whole(a)}, ${whole(b)})`,
    remainder: (a, b) => `(${a} % ${b})`,
    negate: a => `try_subtract(CAST(0 AS BIGINT), ${whole(a)})`,
    absolute: a => `CASE WHEN ${a} < 0 THEN try_subtract(CAST(0 AS BIGINT), ${whole(a)}) ELSE ${a} END`,
    // 2^63 is a float, and the first that is no whole number of 64 bits
    from: sql =>
      `CASE WHEN ${sql} >= -9223372036854775808D AND ${sql} < 9223372036854775808D THEN CAST(${sql} AS BIGINT) END`,
  },
  // floor of a float is a whole number here, which far floats do not fit
  floor: sql => `CASE WHEN abs(${sql}) < 4503599627370496D THEN CAST(floor(${sql}) AS DOUBLE) ELSE ${sql} END`,
  startsWith: (text, start) => `startswith(${text}, ${start})`,
  trim: sql => `trim(BOTH ' ' FROM ${sql})`,
  plusMicros: (at, by) => fromEpochMicros(`try_add(${epochMicros(at)}, ${whole(by)})`),
  isFinite,
  isFiniteTime: sql => `(${sql} IS NOT NULL)`,
  isNan: sql => `CASE WHEN ${sql} IS NOT NULL THEN isnan(${sql}) END`,
  matches: (sql, { source, standIn }) => {
    const text =
      standIn === undefined
        ? sql
        : `regexp_replace(${sql}, ${quote('[\\x{10000}-\\x{10FFFF}]')}, ${quote(standIn + standIn)})`
    return `(${text} RLIKE ${quote(source)})`
  },
  isIn: (sql, literals) => `(${sql} IN (${literals.join(', ')}))`,
  countWhere: condition => `coalesce(count_if(${condition}), 0)`,
  // of hashes, for not every server counts floats
  approximateDistinct: sql => `approx_count_distinct(CASE WHEN ${sql} IS NOT NULL THEN xxhash64(${sql}) END)`,
  sum: 'sum',
  quantile: (sql, q, exact) => (exact ? `percentile(${sql}, ${q}D)` : `percentile_approx(${sql}, ${q}D)`),
  quantiles: (from, x, levels) =>
    `SELECT n, q FROM (SELECT n, posexplode(q) AS (at, q) FROM (SELECT count(*) AS n, percentile(${x}, array(${levels.map(level => `${level}D`).join(', ')})) AS q FROM ${from})) ORDER BY at`,
  epochMicros,
  fromEpochMicros,
  datePart: (part, sql, zone) => {
    const at = local(sql, zone)
    // Sunday is 1 there, Monday here
    return part === 'dayOfWeek' ? whole(`(dayofweek(${at}) + 5) % 7 + 1`) : whole(`${dateParts[part]}(${at})`)
  },
  oneOf: () => 'STRING',
  listOf: () => 'ARRAY<STRING>',
  list: texts => `array(${texts.map(quote).join(', ')})`,
  // what stands in brackets may be no expression on every server
  pick: (texts, place) => `element_at(array(${texts.map(quote).join(', ')}), CAST(${place} AS INT) + 1)`,
  vectorList: noVectors,
  readList: sql => `from_json(${sql}, 'ARRAY<STRING>')`,
  // 63 of its bits: as a result of all engines it is a whole number that is not negative
  rowHash: columns => `shiftrightunsigned(xxhash64(${columns.join(', ')}), 1)`,
  leastAsText: (sql, most, condition) =>
    `array_join(slice(array_sort(collect_list(${sql}) FILTER (WHERE ${condition})), 1, ${most}), ',')`,
  wholeDivision: (sql, by) => `(${sql} DIV ${by})`,
  sample: (select, share) =>
    `SELECT * FROM (${select}) TABLESAMPLE (${Math.max(0.01, 100 * share)} PERCENT) REPEATABLE (42)`,
  timeText: sql => `date_format(${sql}, ${quote("yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'")})`,
}

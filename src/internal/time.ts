/** Microseconds since 1970-01-01T00:00:00Z. A JavaScript number holds them exactly until the year 2255. */
export type Micros = number

type Unit = 'us' | 'ms' | 's' | 'm' | 'h' | 'd' | 'w'
/** A fixed length of time: `'15m'`, `'3h'`, `'30d'`. Days have 86,400 s; there are no calendar units. */
export type Duration = `${number}${Unit}`

const unitMicros: Record<Unit, number> = {
  us: 1,
  ms: 1_000,
  s: 1_000_000,
  m: 60_000_000,
  h: 3_600_000_000,
  d: 86_400_000_000,
  w: 604_800_000_000,
}

const form = /^(\d+(?:\.\d+)?)(us|ms|s|m|h|d|w)$/

/** Length in microseconds, or undefined where the text is no duration, or one of more than 285 years. */
export function parseDuration(text: string): Micros | undefined {
  const match = form.exec(text)
  if (!match) return undefined
  const length = Math.round(Number(match[1]) * unitMicros[match[2] as Unit])
  return Number.isSafeInteger(length) ? length : undefined
}

/** Length in microseconds of a duration already checked by its type or by a schema. */
export function micros(duration: Duration): Micros {
  const length = parseDuration(duration)
  if (length === undefined) throw new TypeError(`'${duration}' is not a duration such as '15m', '3h' or '30d'`)
  return length
}

/** A length as a duration in seconds. */
export function inSeconds(length: Micros): Duration {
  return `${length / 1e6}s`
}

/** A length as a person would declare it: `2d`, `90m`, in the greatest unit of which it is a whole number. */
export function asDuration(length: Micros): Duration {
  const units = (['d', 'h', 'm', 's', 'ms'] as const).filter(unit => length > 0 && length % unitMicros[unit] === 0)
  const [unit = 'us'] = units
  return `${length / unitMicros[unit]}${unit}`
}

const spoken = [
  [unitMicros.d, 'day', 'days'],
  [unitMicros.h, 'h', 'h'],
  [unitMicros.m, 'min', 'min'],
  [unitMicros.s, 's', 's'],
  [unitMicros.ms, 'ms', 'ms'],
] as const

/** A length for people, its two greatest parts: `3 days 4 h`, `12 min`. What is below them is left out. */
export function spanInWords(length: Micros): string {
  const parts: string[] = []
  let rest = Math.abs(length)
  for (const [unit, one, many] of spoken) {
    const whole = Math.floor(rest / unit)
    rest -= whole * unit
    if (whole > 0) parts.push(`${whole.toLocaleString('en-US')} ${whole === 1 ? one : many}`)
    if (parts.length === 2) break
  }
  return parts.length === 0 ? 'less than 1 ms' : parts.join(' ')
}

/** Greatest distance from 1970 that a Date has, in milliseconds. */
const farthest = 8.64e15

function exactParts(at: bigint): [number, number] {
  const rest = ((at % 1000n) + 1000n) % 1000n
  return [Number((at - rest) / 1000n), Number(rest)]
}

/** A time that was counted or read, exactly: beyond the year 2255 a number would round it, into the next year even. */
export function exactMicros(value: unknown): Micros | bigint {
  return typeof value === 'bigint' && !Number.isSafeInteger(Number(value)) ? value : Number(value)
}

/** RFC 3339 in UTC, with as many fractional digits as the value needs; in microseconds beyond the years of a Date. */
export function formatTime(at: Micros | bigint): string {
  const [millis, rest] = typeof at === 'bigint' ? exactParts(at) : [Math.floor(at / 1000), ((at % 1000) + 1000) % 1000]
  if (!(Math.abs(millis) < farthest)) return `${at} µs from 1970`
  const whole = new Date(millis).toISOString()
  return rest === 0 ? whole.replace('.000Z', 'Z') : whole.replace('Z', `${String(rest).padStart(3, '0')}Z`)
}

const rfc3339 =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?(?:\.(\d{1,9}))?(?:Z|([+-])(0\d|1[0-5]):([0-5]\d)))?$/

/**
 * Reads RFC 3339 with a zone, or a plain date (midnight UTC). Undefined where it is neither, or a day that is not in the
 * calendar. Of a fraction, what is whole microseconds.
 */
export function parseTime(text: string): Micros | undefined {
  const match = rfc3339.exec(text)
  if (!match) return undefined
  const [, year, month, day, hour = 0, minute = 0, second = 0, fraction = '', sign, hours = 0, minutes = 0] = match
  const date = new Date(0)
  // a Date takes the years 0 to 99 for those of a century ago, and days that do not exist for later ones
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
  if (date.getUTCMonth() !== Number(month) - 1 || date.getUTCDate() !== Number(day)) return undefined
  const offset = (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes))
  const seconds = Number(hour) * 3600 + Number(minute) * 60 + Number(second) - offset * 60
  return date.getTime() * 1000 + seconds * 1_000_000 + Number(fraction.padEnd(6, '0').slice(0, 6))
}

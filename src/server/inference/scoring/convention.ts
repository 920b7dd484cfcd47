import { fail } from '../../../errors/index.ts'
import type { RequestColumn } from '../../../stages/serve/types.ts'

// What callers of other systems' protocols say of their rows beside the rows. Nothing of it is guessed.

const units = { s: 1_000_000, ms: 1000, us: 1 } as const

/** How the rows of a request are meant. */
export interface Convention {
  /** Unit of times that are numbers; undefined: they are refused, for both milliseconds and microseconds are written. */
  readonly times?: keyof typeof units
  /** Columns that the model does not read. */
  readonly extra: 'refuse' | 'ignore'
}

const allowed: Readonly<Record<string, readonly string[]>> = { times: Object.keys(units), extra: ['refuse', 'ignore'] }

function checked(given: Readonly<Record<string, unknown>>, place: string, route: string): Record<string, string> {
  for (const [name, value] of Object.entries(given)) {
    const words = allowed[name]
    if (!words)
      throw fail('inputInvalid', {
        place: `${place}.${name}`,
        reason: 'is not known; there are times and extra',
        route,
      })
    if (!words.includes(value as string))
      throw fail('inputInvalid', { place: `${place}.${name}`, reason: `expected one of ${words.join(', ')}`, route })
  }
  return given as Record<string, string>
}

/** `times=ms,extra=ignore`, as the header for custom attributes has it. */
function attributesOf(header: string, route: string): Record<string, string> {
  const pairs = header.split(/[,;]/).map(pair => pair.trim())
  const given = pairs.filter(pair => pair !== '').map(pair => [pair.split('=')[0]?.trim(), pair.split('=')[1]?.trim()])
  return checked(Object.fromEntries(given) as Record<string, unknown>, 'the custom attributes', route)
}

export interface Said {
  readonly query: URLSearchParams
  /** Header for custom attributes, where there is one. */
  readonly attributes: string | undefined
  /** `params` or `parameters` of the body. */
  readonly parameters: unknown
}

/** What a request says in its query, in its custom attributes and in the parameters of its body; the last of them counts. */
export function conventionOf({ query, attributes, parameters }: Said, route: string): Convention {
  const ofQuery = Object.fromEntries(
    ['times', 'extra'].flatMap(name => (query.has(name) ? [[name, query.get(name)]] : [])),
  )
  const isObject = typeof parameters === 'object' && parameters !== null && !Array.isArray(parameters)
  if (parameters !== undefined && parameters !== null && !isObject)
    throw fail('inputInvalid', { place: 'the parameters of the body', reason: 'expected an object', route })
  const said = {
    ...checked(ofQuery, 'query', route),
    ...(attributes === undefined ? {} : attributesOf(attributes, route)),
    ...(isObject ? checked(parameters as Record<string, unknown>, 'params', route) : {}),
  }
  return { extra: 'refuse', ...said } as Convention
}

/** Rows by name as the plain route takes them. Throws `requestInvalid` for a time of which nobody said the unit. */
export function byConvention(
  rows: readonly unknown[],
  columns: readonly RequestColumn[],
  { times, extra }: Convention,
): unknown[] {
  const known = new Set(columns.map(column => column.name))
  const moments = columns.filter(column => column.type === 'timestamp').map(column => column.name)
  if (moments.length === 0 && extra === 'refuse') return [...rows]
  return rows.map((given, row) => {
    if (typeof given !== 'object' || given === null || Array.isArray(given)) return given
    const made: Record<string, unknown> =
      extra === 'refuse' ? { ...given } : Object.fromEntries(Object.entries(given).filter(([name]) => known.has(name)))
    for (const column of moments) {
      const value = made[column]
      if (typeof value !== 'number') continue
      if (times === undefined)
        throw fail('requestInvalid', {
          row,
          column,
          reason: 'a time that is a number may be of any unit: say "times": "ms" (or s, us), or send a text',
        })
      made[column] = times === 's' ? Math.round(value * units.s) : value * units[times]
    }
    return made
  })
}

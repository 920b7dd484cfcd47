import { micros, type Duration, type Micros } from '../internal/time.ts'
import { duration, type Form, timeZone } from './forms.ts'

/** A window that begins and ends where the clocks of a zone say. `zone`: an IANA time zone (default UTC); then of whole days. */
interface WindowAlignment {
  readonly zone?: string
}

/**
 * Which events a feature at T sees, by their time:
 *
 * - a duration: those of [T − length, T), sliding with T;
 * - `{ tumbling: '1d' }`: those of the last whole day, hour, week;
 * - `{ hopping: '7d', every: '1d' }`: those of so long before the last whole `every` ended;
 * - `{ toDate: '1d' }`: those since the day, hour or week began.
 *
 * What is aligned is counted from Monday, 1970-01-05, so that weeks begin on Mondays, by the clocks of `zone`: a day there may have
 * 23 or 25 hours.
 */
export type Window =
  | Duration
  | ({ readonly tumbling: Duration } & WindowAlignment)
  | ({ readonly hopping: Duration; readonly every: Duration } & WindowAlignment)
  | ({ readonly toDate: Duration } & WindowAlignment)

/** Where a window is aligned: it ends where the last whole `every` did, or with `toDate` begins there and ends at the moment. */
export interface Alignment {
  readonly every: Micros
  readonly zone?: string
  readonly toDate?: true
}

/** A window as a feature has it; `window` is its length. Neither: as far back as the view's ttl, without one all there is. */
export interface WindowSpec {
  readonly window?: Micros
  readonly align?: Alignment
}

const day = micros('1d')
const kinds: Readonly<Record<string, readonly string[]>> = {
  tumbling: ['tumbling', 'zone'],
  hopping: ['hopping', 'every', 'zone'],
  toDate: ['toDate', 'zone'],
}

function holdsAligned(value: object): boolean {
  const given = value as Readonly<Record<string, unknown>>
  const kind = Object.keys(kinds).find(name => name in given)
  if (kind === undefined || !Object.keys(given).every(name => kinds[kind]?.includes(name))) return false
  const { zone, ...lengths } = given
  if (!kinds[kind]?.every(name => name === 'zone' || duration.holds(lengths[name]))) return false
  if (zone === undefined) return true
  // Clocks are moved by hours: a piece of a day is not always as long as another one
  return timeZone.holds(zone) && Object.values(lengths).every(length => micros(length as Duration) % day === 0)
}

export const windowForm: Form = {
  words: `${duration.words}, or { tumbling: '1d' }, { hopping: '7d', every: '1d' } or { toDate: '1d' }, which by the clocks of a zone are of whole days`,
  holds: value => duration.holds(value) || (typeof value === 'object' && value !== null && holdsAligned(value)),
}

export function windowSpec(window: Window | undefined): WindowSpec {
  if (window === undefined) return {}
  if (typeof window === 'string') return { window: micros(window) }
  const zone = window.zone === undefined || window.zone === 'UTC' ? {} : { zone: window.zone }
  if ('toDate' in window) return { align: { every: micros(window.toDate), ...zone, toDate: true } }
  if ('tumbling' in window)
    return { window: micros(window.tumbling), align: { every: micros(window.tumbling), ...zone } }
  return { window: micros(window.hopping), align: { every: micros(window.every), ...zone } }
}

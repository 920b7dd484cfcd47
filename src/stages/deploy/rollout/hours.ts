import type { RolloutHours } from '../../../define/canary.ts'
import type { Micros } from '../../../internal/time.ts'

const formats = new Map<string, Intl.DateTimeFormat>()

/** What the clocks of a zone show: the day of the week in three letters, and the time of day. */
function shown(zone: string, at: Micros): { readonly day: string; readonly time: string } {
  let format = formats.get(zone)
  if (!format) {
    const options = { timeZone: zone, weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const
    format = new Intl.DateTimeFormat('en-US', options)
    formats.set(zone, format)
  }
  const parts = new Map(format.formatToParts(at / 1000).map(({ type, value }) => [type, value]))
  return { day: (parts.get('weekday') ?? '').toLowerCase(), time: `${parts.get('hour')}:${parts.get('minute')}` }
}

const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']

/** Whether a moment lies within the hours: from `from` on and before `to`, which is of the next day where it comes first. */
export function isWithin({ from, to, days: on, zone }: Required<RolloutHours>, at: Micros): boolean {
  const { day, time } = shown(zone, at)
  const begins = (one: string | undefined): boolean => (on as readonly (string | undefined)[]).includes(one)
  if (from < to) return begins(day) && time >= from && time < to
  return (begins(day) && time >= from) || (begins(days[(days.indexOf(day) + 6) % 7]) && time < to)
}

export const hoursInWords = ({ from, to, days: on, zone }: Required<RolloutHours>): string =>
  `${from}–${to} ${on.length === days.length ? 'of every day' : `on ${on.join(', ')}`} (${zone})`

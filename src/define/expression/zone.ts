import type { Micros } from '../../internal/time.ts'

export type TimePart = 'year' | 'month' | 'day' | 'hour' | 'minute' | 'dayOfWeek'

const quarter = 900_000

interface Zone {
  readonly format: Intl.DateTimeFormat
  /** Offset from UTC in milliseconds by quarter of an hour: zones change their offset only at such instants. */
  readonly offsets: Map<number, number>
}

const zones = new Map<string, Zone>()

function offset(name: string, milliseconds: number): number {
  if (name === 'UTC') return 0
  let zone = zones.get(name)
  if (!zone) {
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
      era: 'short',
    })
    zone = { format, offsets: new Map() }
    zones.set(name, zone)
  }
  const slot = Math.floor(milliseconds / quarter)
  const known = zone.offsets.get(slot)
  if (known !== undefined) return known
  const parts: Record<string, string> = {}
  for (const part of zone.format.formatToParts(slot * quarter)) parts[part.type] = part.value
  const year = parts.era === 'BC' ? 1 - Number(parts.year) : Number(parts.year)
  const local = new Date(0)
  local.setUTCFullYear(year, Number(parts.month) - 1, Number(parts.day))
  local.setUTCHours(Number(parts.hour), Number(parts.minute), Number(parts.second), 0)
  const found = local.getTime() - slot * quarter
  if (zone.offsets.size > 50_000) zone.offsets.clear()
  zone.offsets.set(slot, found)
  return found
}

/** A part of an instant as a clock and calendar in the zone show it. */
export function localPart(part: TimePart, at: Micros, zone: string): number {
  const milliseconds = Math.floor(at / 1000)
  const local = new Date(milliseconds + offset(zone, milliseconds))
  switch (part) {
    case 'year':
      return local.getUTCFullYear()
    case 'month':
      return local.getUTCMonth() + 1
    case 'day':
      return local.getUTCDate()
    case 'hour':
      return local.getUTCHours()
    case 'minute':
      return local.getUTCMinutes()
    case 'dayOfWeek':
      return local.getUTCDay() === 0 ? 7 : local.getUTCDay()
  }
}

const day = 86_400_000_000

/**
 * The instant at which the clocks of a zone show what `shown` is in UTC; undefined for an hour that they showed twice, or
 * never.
 */
export function instantOf(shown: Micros, zone: string): Micros | undefined {
  const offsetAt = (at: Micros): number => offset(zone, Math.floor(at / 1000)) * 1000
  const possible = new Set([offsetAt(shown - day), offsetAt(shown), offsetAt(shown + day)])
  const instants = [...possible].map(away => shown - away).filter(at => at + offsetAt(at) === shown)
  return instants.length === 1 ? instants[0] : undefined
}

/** What the clocks of a zone show, as if it were UTC. */
export function shownAt(at: Micros, zone: string): Micros {
  return at + offset(zone, Math.floor(at / 1000)) * 1000
}

/** The first instant at which the clocks of a zone showed what `shown` is in UTC, or had gone over it. */
export function firstShown(shown: Micros, zone: string): Micros {
  const offsetAt = (at: Micros): number => offset(zone, Math.floor(at / 1000)) * 1000
  const possible = [offsetAt(shown - day), offsetAt(shown), offsetAt(shown + day)].map(away => shown - away)
  return Math.min(...possible.filter(at => shownAt(at, zone) >= shown))
}

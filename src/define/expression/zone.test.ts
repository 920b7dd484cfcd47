import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { instantOf, localPart, type TimePart } from './zone.ts'

const minute = 60_000_000
const utc = (text: string): number => Date.parse(`${text}Z`) * 1000
const shown = (at: number, zone: string): string => {
  const part = (of: TimePart) => String(localPart(of, at, zone)).padStart(2, '0')
  return `${part('year')}-${part('month')}-${part('day')} ${part('hour')}:${part('minute')} (${part('dayOfWeek')})`
}

describe('what a clock shows', () => {
  // by Python's zoneinfo: datetime(…, tzinfo=UTC).astimezone(ZoneInfo(zone)), isoweekday()
  it.each([
    ['2026-03-29T00:59:59', 'Europe/Berlin', '2026-03-29 01:59 (07)'],
    ['2026-03-29T01:00:00', 'Europe/Berlin', '2026-03-29 03:00 (07)'],
    ['2026-10-25T00:30:00', 'Europe/Berlin', '2026-10-25 02:30 (07)'],
    ['2026-10-25T01:30:00', 'Europe/Berlin', '2026-10-25 02:30 (07)'],
    ['2026-03-08T06:59:00', 'America/New_York', '2026-03-08 01:59 (07)'],
    ['2026-03-08T07:00:00', 'America/New_York', '2026-03-08 03:00 (07)'],
    ['2026-01-01T02:00:00', 'America/St_Johns', '2025-12-31 22:30 (03)'],
    ['2026-12-31T18:15:00', 'Asia/Kathmandu', '2027-01-01 00:00 (05)'],
    ['2026-04-04T14:59:00', 'Australia/Lord_Howe', '2026-04-05 01:59 (07)'],
    ['2026-04-04T15:00:00', 'Australia/Lord_Howe', '2026-04-05 01:30 (07)'],
    ['2011-12-30T09:59:00', 'Pacific/Apia', '2011-12-29 23:59 (04)'],
    ['2011-12-30T10:00:00', 'Pacific/Apia', '2011-12-31 00:00 (06)'],
    ['1969-12-31T23:59:59', 'UTC', '1969-12-31 23:59 (03)'],
    ['2000-02-29T12:00:00', 'UTC', '2000-02-29 12:00 (02)'],
    ['0099-06-15T12:00:00', 'Europe/Berlin', '99-06-15 12:53 (01)'],
  ])('%s in %s', (at, zone, wanted) => {
    expect(shown(utc(at), zone)).toBe(wanted)
  })

  it('the part of a second before 1970 belongs to the minute before', () => {
    expect(shown(-1, 'UTC')).toBe('1969-12-31 23:59 (03)')
    expect(shown(-1, 'Europe/Berlin')).toBe('1970-01-01 00:59 (04)')
  })

  it('years before our era go on downwards', () => {
    const at = Date.UTC(2000, 0, 15) - 366 * 2_500 * 86_400_000
    for (const zone of ['UTC', 'Asia/Kathmandu'])
      expect(localPart('year', at * 1000, zone)).toBe(new Date(at).getUTCFullYear())
    expect(new Date(at).getUTCFullYear()).toBeLessThan(-500)
  })
})

describe('the instant at which a clock shows something', () => {
  it.each([
    // an hour that never was, one that was twice, and the moments beside them
    ['2026-03-29T01:59:00', 'Europe/Berlin', '2026-03-29T00:59:00'],
    ['2026-03-29T02:00:00', 'Europe/Berlin', undefined],
    ['2026-03-29T02:59:00', 'Europe/Berlin', undefined],
    ['2026-03-29T03:00:00', 'Europe/Berlin', '2026-03-29T01:00:00'],
    ['2026-10-25T01:59:00', 'Europe/Berlin', '2026-10-24T23:59:00'],
    ['2026-10-25T02:00:00', 'Europe/Berlin', undefined],
    ['2026-10-25T02:59:00', 'Europe/Berlin', undefined],
    ['2026-10-25T03:00:00', 'Europe/Berlin', '2026-10-25T02:00:00'],
    ['2026-04-05T01:45:00', 'Australia/Lord_Howe', undefined],
    ['2026-04-05T02:00:00', 'Australia/Lord_Howe', '2026-04-04T15:30:00'],
    // a day that was left out
    ['2011-12-30T12:00:00', 'Pacific/Apia', undefined],
    ['2026-07-01T12:00:00', 'UTC', '2026-07-01T12:00:00'],
  ])('%s in %s', (clock, zone, wanted) => {
    expect(instantOf(utc(clock), zone)).toBe(wanted === undefined ? undefined : utc(wanted))
  })

  it('is the only one of all instants near it at which the clock shows just that', () => {
    const zones = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'Africa/Casablanca']
    const parts = (at: number, zone: string) =>
      Date.UTC(
        localPart('year', at, zone),
        localPart('month', at, zone) - 1,
        localPart('day', at, zone),
        localPart('hour', at, zone),
        localPart('minute', at, zone),
      ) * 1000
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.integer({ min: Date.UTC(2025, 0, 1) / 900_000, max: Date.UTC(2027, 0, 1) / 900_000 }),
        (zone, quarters) => {
          const clock = quarters * 15 * minute
          const all: number[] = []
          for (let away = -14 * 60; away <= 14 * 60; away += 15)
            if (parts(clock + away * minute, zone) === clock) all.push(clock + away * minute)
          expect(instantOf(clock, zone)).toBe(all.length === 1 ? all[0] : undefined)
        },
      ),
      { numRuns: 150 },
    )
  })
})

import { expect, it } from 'vitest'
import { reachOf, windowBounds } from './window-bounds.ts'

const minute = 60_000_000
const day = 1440 * minute

// Where clocks are moved at midnight: it is shown twice, never, or the day before it comes back; a whole day is left out.
const nights: readonly (readonly [string, string])[] = [
  ['America/St_Johns', '2010-11-07'],
  ['America/St_Johns', '2010-03-14'],
  ['America/Sao_Paulo', '2018-02-18'],
  ['America/Sao_Paulo', '2018-11-04'],
  ['America/Havana', '2026-11-01'],
  ['America/Havana', '2026-03-08'],
  ['Asia/Beirut', '2026-03-29'],
  ['Pacific/Apia', '2011-12-30'],
  ['Europe/Berlin', '2026-10-25'],
  ['Asia/Kathmandu', '1986-01-01'],
]

it.each(nights)('days of %s around %s begin when its clocks first show them', (zone, night) => {
  const shown = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short' })
  const start = Date.parse(`${night}T00:00:00Z`) * 1000 - 3 * day
  // Minute by minute: a day begins when its date, or a later one, is shown for the first time
  const begins: number[] = []
  let newest = ''
  for (let at = start; at < start + 6 * day; at += minute) {
    const date = shown.format(at / 1000)
    if (date <= newest) continue
    if (newest !== '') begins.push(at)
    newest = date
  }
  const days = windowBounds({
    aggregation: 'count',
    type: 'int',
    nullable: false,
    window: day,
    align: { every: day, zone },
  })
  const today = windowBounds({
    aggregation: 'count',
    type: 'int',
    nullable: false,
    align: { every: day, zone, toDate: true },
  })
  const reach = reachOf({ window: day, align: { every: day, zone } })
  for (const [i, begin] of begins.entries()) {
    const [before, next] = [begins[i - 1], begins[i + 1]]
    if (before === undefined || next === undefined) continue
    for (const at of [
      begin,
      begin + 1,
      begin + 30 * minute,
      begin + 61 * minute,
      begin + 119 * minute,
      next - 61 * minute,
      next - 1,
    ]) {
      if (at < begin || at >= next) continue
      expect([at - begin, days.start(at), days.end(at), today.start(at), today.end(at)]).toEqual([
        at - begin,
        // Of a day that was left out nothing is there: it is one of no length
        zone === 'Pacific/Apia' && shown.format(begin / 1000) === '2011-12-31' ? begin : before,
        begin,
        begin,
        at,
      ])
      expect(days.entersAt(at)).toBe(next)
      expect(at - days.start(at)).toBeLessThanOrEqual(reach)
    }
  }
})

it('weeks begin on Mondays, and what is no part of a day is counted from there', () => {
  const of = (window: number, every: number) =>
    windowBounds({ aggregation: 'count', type: 'int', nullable: false, window, align: { every } })
  const at = Date.parse('2026-07-15T13:45:00Z') * 1000
  const week = of(7 * day, 7 * day)
  expect([week.start(at), week.end(at)]).toEqual(['2026-07-06', '2026-07-13'].map(one => Date.parse(one) * 1000))
  const quarter = of(60 * minute, 15 * minute)
  expect([quarter.start(at), quarter.end(at), quarter.entersAt(at)]).toEqual([at - 60 * minute, at, at + 15 * minute])
  const before = Date.parse('1969-12-28T23:59:59Z') * 1000
  expect(week.end(before)).toBe(Date.parse('1969-12-22') * 1000)
})

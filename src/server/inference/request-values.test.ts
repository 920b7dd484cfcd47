import { expect, test } from 'vitest'
import { typedRows } from './rows.ts'

const read = (date: unknown, zone?: string): unknown =>
  typedRows([{ date }], [{ name: 'date', type: 'timestamp', nullable: false, ...(zone ? { zone } : {}) }])[0]?.date

const utc = (text: string): number => Date.parse(text) * 1000

// What the clocks showed,
test.each([
  ['2016-03-01T00:00:00', 'UTC', '2016-03-01T00:00:00Z'],
  ['2016-03-01 00:00', 'UTC', '2016-03-01T00:00:00Z'],
  ['2016-03-01T00:00:00', 'Europe/Berlin', '2016-02-29T23:00:00Z'],
  ['2016-07-01T00:00:00.5', 'Europe/Berlin', '2016-06-30T22:00:00.500Z'],
  ['2016-03-27T01:59:59', 'Europe/Berlin', '2016-03-27T00:59:59Z'],
  ['2016-03-27T03:00:00', 'Europe/Berlin', '2016-03-27T01:00:00Z'],
  ['2016-10-30T01:59:59', 'Europe/Berlin', '2016-10-29T23:59:59Z'],
  ['2016-10-30T03:00:00', 'Europe/Berlin', '2016-10-30T02:00:00Z'],
  ['2016-03-13T03:00:00', 'America/New_York', '2016-03-13T07:00:00Z'],
  ['2016-07-01T00:00:00', 'Asia/Kathmandu', '2016-06-30T18:15:00Z'],
  ['2016-03-01T00:00:00Z', 'Europe/Berlin', '2016-03-01T00:00:00Z'],
  ['2016-03-01T00:00:00+05:00', 'Europe/Berlin', '2016-02-29T19:00:00Z'],
])('%s in a column of %s is %s', (text, zone, instant) => {
  expect(read(text, zone)).toBe(utc(instant))
})

test.each([
  ['2016-03-27T02:30:00', 'Europe/Berlin'], // never
  ['2016-10-30T02:30:00', 'Europe/Berlin'], // twice
  ['2016-03-13T02:30:00', 'America/New_York'],
  ['2016-03-01T00:00:00', undefined],
  ['2300-03-01T00:00:00', 'UTC'],
  ['2300-03-01T00:00:00Z', undefined],
])('%s in a column of %s is refused', (text, zone) => {
  expect(() => read(text, zone)).toThrow(expect.objectContaining({ code: 'MR4105' }))
})

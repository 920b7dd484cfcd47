import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { ColumnType, DataEngine } from '../../../ports/data-engine.ts'
import { openDuckdb } from './engine.ts'

let engine: DataEngine
beforeAll(async () => {
  engine = await openDuckdb()
})
afterAll(() => engine.close())

/** What texts become, read together: nothing may depend on the others. */
async function read(texts: readonly string[], type: ColumnType, zone?: string): Promise<(string | null)[]> {
  const { dialect } = engine
  const value = dialect.readText('v', type, zone)
  const shown = type === 'timestamp' ? dialect.timeText(value) : `CAST(${value} AS VARCHAR)`
  const list = texts.map(text => dialect.literal(text, 'text')).join(', ')
  const rows = await engine.rows(`SELECT ${shown} AS v FROM (SELECT unnest([${list}]) AS v)`)
  return rows.map(row => row.v as string | null)
}

const noon = '2024-07-01T12:00:00.000000Z'

it.each([
  ['2024-07-01 12:00:00', noon],
  ['2024-07-01T12:00', noon],
  ['2024-07-01 12:00:00Z', noon],
  ['2024-07-01 12:00:00 UTC', noon],
  ['2024-07-01T14:00:00+02:00', noon],
  ['2024-07-01 06:30:00-0530', noon],
  ['2024-07-01 14:00:00+02', noon],
  ['2024/7/1 12:00:00', noon],
  [' 2024-07-01 12:00:00 ', noon],
  ['2024-07-01 12:00  ', noon],
  ['2024-07-01 ', '2024-07-01T00:00:00.000000Z'],
  ['2024-07-01', '2024-07-01T00:00:00.000000Z'],
  ['1969-12-31 23:59:59.9999999', '1969-12-31T23:59:59.999999Z'],
  ['2024-01-05 10:00:00+15:59', '2024-01-04T18:01:00.000000Z'],
  ['9999-12-31 23:59:59.999999', '9999-12-31T23:59:59.999999Z'],
  ['20240701T120000Z', noon],
  ['20240701T120000', noon],
  ['20240701T1200', noon],
  ['20240701T1200Z', noon],
  ['20240701T120000.000000Z', noon],
  ['20240701T140000+0200', noon],
  ['20240701T140000+02', noon],
  ['20240701T063000-05:30', noon],
  [' 20240701T120000Z ', noon],
  // not to be told from a number
  ['20240701', null],
  ['20240701120000', null],
  ['20240701 120000', null],
  ['20240701T12', null],
  ['20240701T240000', null],
  ['20240230T120000Z', null],
  ['20240701T126000Z', null],
  ['20240701T120000+1600', null],
  ['20240701T12:00:00Z', null],
  ['2024-07-01T120000Z', null],
  ['2024-W27-1T12:00:00Z', null],
  ['2024-183T12:00:00Z', null],
  ['2024183T120000Z', null],
  ['9999-12-31 23:59:59-01:00', null],
  ['0001-01-01 00:00:00+01:00', null],
  ['2024-01-05 10:00:00+16:00', null],
  ['2024-01-05 10:00:00-99', null],
  ['2024-01-05 10:00:00+02:60', null],
  ['2024-07-01 12:00:00 EST', null],
  ['2024-07-01 12:00:00 Europe/Berlin', null],
  ['infinity', null],
  ['epoch', null],
  ['2024-02-30', null],
  ['2024-01-05 24:00:00', null],
  ['0000-01-01', null],
  ['01/02/2024', null],
])('%s is %s', async (text, time) => {
  expect(await read([text], 'timestamp', 'UTC')).toEqual([time])
})

it('the basic form of a time is the time of the extended form, whatever its precision and offset', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.date({ min: new Date('0002-01-01'), max: new Date('9998-12-31'), noInvalidDate: true }),
      fc.constantFrom('', 'Z', '+00:00', '+05:30', '-11:59', '+14:00', '+02'),
      fc.constantFrom(16, 19, 23),
      async (at, offset, length) => {
        const text = `${at.toISOString().slice(0, length)}${offset}`
        // JavaScript reads no offset of hours alone
        const time = new Date(`${text}${offset === '' ? 'Z' : offset === '+02' ? ':00' : ''}`).getTime()
        const form = text.slice(0, 10).replaceAll('-', '') + text.slice(10).replaceAll(':', '')
        const expected = `${new Date(time).toISOString().slice(0, -1)}000Z`
        expect(await read([text, form], 'timestamp', 'UTC')).toEqual([expected, expected])
      },
    ),
    { numRuns: 60 },
  )
})

it('a name of a zone in one cell is no word about the others', async () => {
  const texts = ['2024-07-01 12:00:00', '2024-07-01 12:00:00 EST', '2024-07-01 12:00:00']
  expect(await read(texts, 'timestamp', 'UTC')).toEqual([noon, null, noon])
})

it.each([
  ['2024-07-01 08:00:00', noon],
  ['2024-07-01 12:00:00Z', noon],
  // twice in autumn, and the seconds on either side
  ['2024-11-03 00:59:59', '2024-11-03T04:59:59.000000Z'],
  ['2024-11-03 01:00:00', null],
  ['2024-11-03 01:59:59', null],
  ['2024-11-03 02:00:00', '2024-11-03T07:00:00.000000Z'],
  ['2024-11-03 01:30:00-05:00', '2024-11-03T06:30:00.000000Z'],
  // never in spring
  ['2024-03-10 01:59:59', '2024-03-10T06:59:59.000000Z'],
  ['2024-03-10 02:00:00', null],
  ['2024-03-10 02:59:59', null],
  ['2024-03-10 03:00:00', '2024-03-10T07:00:00.000000Z'],
])('%s by the clocks of New York is %s', async (text, time) => {
  expect(await read([text], 'timestamp', 'America/New_York')).toEqual([time])
})

it.each([
  ['0.1', '0.1'],
  ['9007199254740992', '9007199254740992.0'],
  ['9007199254740993', null],
  // as JavaScript writes a float beyond 2^53
  ['1152921504606847000', '1.152921504606847e+18'],
  ['1e400', null],
  ['-1e400', null],
  ['1e-400', null],
  ['0.000', '0.0'],
  ['inf', 'inf'],
  ['NaN', 'nan'],
  ['1_0', null],
  ['0x10', null],
])('%s as a float is %s', async (text, value) => {
  const [got] = await read([text], 'float')
  expect(
    got === undefined || got === null ? got : Number(got.replace('inf', 'Infinity').replace('nan', 'NaN')),
  ).toEqual(value === null ? null : Number(value.replace('inf', 'Infinity').replace('nan', 'NaN')))
})

it('nothing rests on the zone of the host, on any connection', async () => {
  const asked = Array.from({ length: 3 }, () =>
    engine.rows("SELECT CAST(TIMESTAMPTZ '2024-01-01 00:00:00Z' AS VARCHAR) AS v"),
  )
  const shown = (await Promise.all(asked)).map(([row]) => row?.v)
  expect(shown).toEqual(['2024-01-01 00:00:00+00', '2024-01-01 00:00:00+00', '2024-01-01 00:00:00+00'])
})

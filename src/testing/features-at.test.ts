import { describe, expect, it } from 'vitest'
import { csv, dataset, entity, features, t } from '../index.ts'
import { featuresAt } from './features-at.ts'

const rides = dataset('rides', {
  source: csv('none.csv'),
  columns: {
    at: t.timestamp('UTC'),
    zone: t.text(),
    car: t.int(),
    paid: t.nullable(t.float()),
  },
  eventTime: 'at',
  knownAt: { paid: c => c.at.plus('1h') },
})
const zones = features('zones', {
  entity: entity('zone', { zone: t.text() }),
  from: rides,
  ttl: '1d',
  compute: f => ({ rides: f.count('2h'), paid: f.sum('paid', '5h'), last: f.last('paid') }),
})
const cars = features('cars', {
  entity: entity('car', { car: t.int(), zone: t.text() }),
  from: rides,
  compute: f => ({ rides: f.count('10d') }),
})
const rows = [
  { at: '2026-01-01T08:00:00Z', zone: 'a', car: 1, paid: 3 },
  { at: new Date('2026-01-01T10:00:00Z'), zone: 'a', car: 2, paid: 4.5 },
  { at: '2026-01-01T10:00:00Z', zone: 'b', car: 1 },
]

describe('features of literal rows', () => {
  it('are those of the moment: windows, known times, ttl and all', async () => {
    const at = async (time: string, zone = 'a') => (await featuresAt(zones, rows, [{ entity: { zone }, at: time }]))[0]
    // the event of the moment itself is not seen, nor what is not known yet
    expect(await at('2026-01-01T10:00:00Z')).toEqual({ status: 'present', values: { rides: 1, paid: 3, last: 3 } })
    expect(await at('2026-01-01T10:59:59Z')).toEqual({ status: 'present', values: { rides: 1, paid: 3, last: 3 } })
    expect(await at('2026-01-01T11:00:00Z')).toEqual({ status: 'present', values: { rides: 1, paid: 7.5, last: 4.5 } })
    expect(await at('2026-01-01T07:00:00Z')).toMatchObject({ status: 'missing' })
    expect(await at('2026-01-03T10:00:00Z')).toMatchObject({ status: 'stale', values: { rides: null } })
    expect(await at('2026-01-01T11:30:00Z', 'b')).toMatchObject({ values: { rides: 1, paid: 0, last: null } })
    const several = await featuresAt(cars, rows, [
      { entity: { car: 1, zone: 'a' }, at: new Date('2026-01-02T00:00:00Z') },
      { entity: { car: 1, zone: 'c' }, at: '2026-01-02T00:00:00Z' },
    ])
    expect(several.map(one => one.status)).toEqual(['present', 'missing'])
    // @ts-expect-error: a feature that the view does not have
    expect(several[0]?.values.ride).toBeUndefined()
  })

  it('take milliseconds, also of many moments', async () => {
    const many = Array.from({ length: 100 }, (_, i) => ({
      entity: { zone: 'a' },
      at: new Date(Date.UTC(2026, 0, 1, 8, i)),
    }))
    const before = process.cpuUsage()
    expect((await featuresAt(zones, rows, many)).filter(one => one.status === 'present').length).toBe(99)
    const { user, system } = process.cpuUsage(before)
    expect((user + system) / 1000).toBeLessThan(2_000)
  })

  it.each([
    ['a column that is none', [{ at: '2026-01-01T08:00:00Z', town: 'a' }], {}, "'town' is none of the columns"],
    ['a value of another type', [{ at: '2026-01-01T08:00:00Z', car: 1.5 }], {}, 'car is int, not 1.5'],
    ['a time that is none', [{ at: 'soon' }], {}, 'at is timestamp, not "soon"'],
    ['a moment that is none', rows, { at: 'later' }, 'at is no time'],
    ['a key that is none', rows, { entity: { town: 'a' } }, "'town' is none of the columns zone"],
  ])('refuse %s', async (_, given, asked, says) => {
    const ask = { entity: { zone: 'a' }, at: '2026-01-01T12:00:00Z', ...asked }
    await expect(featuresAt(zones, given as never, [ask as never])).rejects.toThrow(says)
  })
})

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { canonicalJson } from '../internal/canonical-json.ts'
import { csv, dataset, entity, features, gbt, linear, model, t, type Model } from '../index.ts'
import { viewOfRole } from './features.ts'
import { definitionDigest } from './project.ts'
import { requestColumnNames } from './request.ts'
import { readModelDefinition, writeModelDefinition } from './written-model.ts'

const rides = dataset('rides', {
  source: csv('data/rides-*.csv', { delimiter: ';' }),
  columns: {
    at: t.timestamp('Europe/Rome'),
    paid: t.nullable(t.timestamp('UTC')),
    zone: t.text({ treatAsNull: ['?'] }),
    km: t.nullable(t.float()),
    seats: t.int(),
    late: t.nullable(t.bool()),
  },
  eventTime: 'at',
  key: ['at', 'zone'],
  knownAt: { late: c => c.at.plus('2h'), paid: c => c.paid },
  treatAsNull: ['NA'],
  expect: c => [c.km.between(0, 100)],
})
const weather = dataset('weather', {
  source: csv('data/weather.csv'),
  columns: { at: t.timestamp('UTC'), zone: t.text(), rain: t.float() },
  eventTime: 'at',
})
const zone = entity('zone', { zone: t.text() })
const recent = features('recent', {
  entity: zone,
  from: rides,
  ttl: '3d',
  compute: f => ({ n: f.count('6h'), late: f.share(c => c.late, '1d'), km: f.last('km') }),
})
const rain = features('rain', {
  entity: zone,
  from: weather,
  knownTime: 'ignore',
  compute: f => ({ mm: f.sum('rain', '1d') }),
})

const trips = dataset('trips', {
  source: csv('data/trips.csv'),
  columns: { at: t.timestamp('UTC'), zone: t.text(), to: t.text(), late: t.bool(), kind: t.text() },
  eventTime: 'at',
})
const pairs = features('pairs', {
  entity: zone,
  from: trips,
  compute: f => ({
    usual: f.mostFrequent('kind', { tumbling: '1d', zone: 'Europe/Rome' }, { where: c => c.late, rank: 2 }),
    half: f.quantile(c => c.at.hour(), 0.5, { hopping: '7d', every: '1d' }),
  }),
  derive: v => ({ share: v.half.div(24) }),
})
const there = pairs.as('there', { zone: 'to' })
const together = features('together', { from: trips, compute: f => ({ n: f.count({ toDate: '1d' }) }) })

const models: Record<string, Model> = {
  plain: model('late', {
    task: 'binary',
    from: rides,
    label: c => c.late,
    inputs: c => ({ km: c.km }),
    split: { by: 'time', train: '30d', test: '10d' },
    train: gbt({ trees: 3 }),
  }) as never,
  whole: model('late', {
    task: 'binary',
    from: rides,
    label: c => c.late.and(c.km.gt(1)),
    features: [recent, rain],
    inputs: c => ({
      ...recent.all,
      mm: rain.all.mm,
      km: c.km,
      perSeat: c.km.div(c.seats),
      hour: c.at.hour('Europe/Rome'),
      odd: c.zone.matches(/^a[\s\p{L}]+é$/iu),
      zone: c.zone.lower(),
      long: c.km.gt(1e300),
    }),
    split: { by: 'time', train: '30d', test: '10d', until: '2026-03-01T00:00:00Z' },
    scale: { km: 'robust', hour: 'none' },
    threshold: 0.35,
    train: gbt({ trees: 30, earlyStopping: 5, seed: 4 }),
    test: m => [
      m.metric('auc', { min: 0.6, notWorseThan: 'champion' }),
      m.monotone('km', 'increasing'),
      m.slices({ of: { wet: rain.all.mm.gt(1) }, minShareOfOverall: 0.7 }),
      m.latency({ p99: '20ms' }),
    ],
    encryptWith: 'rides-key',
  }) as never,
  roles: model('roles', {
    task: 'binary',
    from: trips,
    label: c => c.late,
    features: [pairs, there, together],
    inputs: () => ({ here: pairs.all.usual, there: there.all.share, all: together.all.n }),
    split: { by: 'time', train: '30d', test: '10d' },
    train: gbt({ trees: 1 }),
  }) as never,
  regression: model('fare', {
    task: 'regression',
    from: rides,
    label: c => c.km.times(2),
    inputs: c => ({ seats: c.seats }),
    split: { by: 'time', train: '30d', test: '10d' },
    train: linear({ l2: 2 }),
  }) as never,
}

describe.each(Object.entries(models))('a %s model that was written out', (_, made) => {
  const written = JSON.parse(canonicalJson(writeModelDefinition(made))) as unknown
  const read = readModelDefinition(written, 'late@3')

  it('is the same model, by the digest of its definition and those of its views', () => {
    expect(definitionDigest(read)).toBe(definitionDigest(made))
    expect(read.views.map(definitionDigest)).toEqual(made.views.map(definitionDigest))
  })

  it('has everything that reads rows: columns with types, zones and texts for null, keys, times', () => {
    const { expectations: _checks, related: _others, functions: _code, ...dataset } = made.from
    expect(read.from).toMatchObject(dataset)
    expect(read.from.expectations).toEqual([])
    read.views.forEach((view, i) => {
      expect(view.entity).toEqual(made.views[i]?.entity)
      expect(new Set(Object.keys(view.all))).toEqual(new Set(Object.keys(made.views[i]?.all ?? {})))
    })
  })

  it('reads the views that its roles are of, and their keys from the columns that these stand in', () => {
    expect(read.views.map(viewOfRole).map(definitionDigest)).toEqual(made.views.map(viewOfRole).map(definitionDigest))
    expect(requestColumnNames(read)).toEqual(requestColumnNames(made))
  })

  it('is written alike however often', () => {
    expect(canonicalJson(writeModelDefinition(read))).toBe(canonicalJson(writeModelDefinition(made)))
  })
})

it.each<[string, unknown]>([
  ['nothing', null],
  ['another kind', { kind: 'dataset', schema: 1 }],
  ['a form of a later Millrace', { kind: 'model', schema: 2, model: {}, views: [], datasets: {} }],
  ['one that lacks its dataset', { kind: 'model', schema: 1, model: {}, from: 'rides', views: [], datasets: {} }],
])('says which version cannot be read: %s', (_, json) => {
  expect(() => readModelDefinition(json, 'late@3')).toThrow(
    expect.objectContaining({ code: 'MR4108', message: expect.stringContaining('late@3 cannot be used: ') }),
  )
})

// One file for each form that was ever written: a version of then is read for ever.
it('reads what the first form wrote', () => {
  const read = readModelDefinition(JSON.parse(readFileSync('test/fixtures/model-definition-1.json', 'utf8')), 'late@3')
  expect(definitionDigest(read)).toBe(definitionDigest(models['whole'] as Model))
  expect(read.views.map(definitionDigest)).toEqual((models['whole'] as Model).views.map(definitionDigest))
  expect(read.from.columns['at']).toEqual({ type: 'timestamp', nullable: false, zone: 'Europe/Rome' })
})

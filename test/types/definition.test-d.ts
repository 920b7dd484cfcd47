import { describe, expectTypeOf, it } from 'vitest'
import { dataset, deployment, entity, features, gbt, model, parquet, t, type RequestOf } from '../../src/index.ts'

const trips = dataset('trips', {
  source: parquet('trips.parquet'),
  columns: {
    at: t.timestamp('UTC'),
    city: t.text(),
    fare: t.float(),
    tip: t.nullable(t.float()),
    ended: t.timestamp('UTC'),
  },
  eventTime: 'at',
  knownAt: { tip: c => c.ended },
  expect: c => [
    c.fare.between(0, 500),
    c.city.matches(/^[a-z]+$/),
    // @ts-expect-error a misspelt column
    c.fair?.between(0, 1),
    // @ts-expect-error a pattern on a number
    c.fare.matches(/x/),
    // @ts-expect-error a mean of text
    c.city.mean({ min: 0 }),
    // @ts-expect-error there is no NaN in text
    c.city.matches(/x/, { nonFinite: 'allow' }),
    // @ts-expect-error that nulls are bad is what it says
    c.city.notNull({ nulls: 'good' }),
    // @ts-expect-error malformed duration
    c.at.freshness('3 days'),
  ],
})

const byCity = entity('city', { city: t.text() })

const recent = features('recent', {
  entity: byCity,
  from: trips,
  compute: f => ({
    trips_1h: f.count('1h'),
    fare_1d: f.mean('fare', '1d'),
  }),
})

// @ts-expect-error the event time must be a timestamp column
dataset('bad-time', { source: parquet('x'), columns: { a: t.int() }, eventTime: 'a' })

features('text-mean', {
  entity: byCity,
  from: trips,
  // @ts-expect-error a mean needs a number
  compute: f => ({ x: f.mean('city', '1d') }),
})

features('unknown-column', {
  entity: byCity,
  from: trips,
  // @ts-expect-error no such column
  compute: f => ({ x: f.mean('fares', '1d') }),
})

features('bad-window', {
  entity: byCity,
  from: trips,
  // @ts-expect-error a window is a duration
  compute: f => ({ x: f.count('1 hour') }),
})

features('missing-key', {
  entity: entity('user', { user: t.text() }),
  // @ts-expect-error the entity's key is no column of the source
  from: trips,
  compute: f => ({ x: f.count('1h') }),
})

const tipped = model('tipped', {
  task: 'binary',
  from: trips,
  label: c => c.tip.gt(1),
  features: [recent],
  inputs: c => ({ ...recent.all, fare: c.fare, hour: c.at.hour() }),
  split: { by: 'time', train: '30d', test: '7d' },
  train: gbt({ trees: 10 }),
  test: m => [
    m.monotone('fare', 'increasing'),
    // @ts-expect-error no such input
    m.monotone('fair', 'increasing'),
  ],
})

model('unknown-feature', {
  task: 'binary',
  from: trips,
  label: c => c.tip.gt(1),
  features: [recent],
  // @ts-expect-error no such feature
  inputs: () => ({ x: recent.all.fare_7d }),
  split: { by: 'time', train: '30d', test: '7d' },
  train: gbt({ trees: 10 }),
})

const scaled = {
  task: 'binary',
  from: trips,
  split: { by: 'time', train: '30d', test: '7d' },
  train: gbt({ trees: 1 }),
} as const
model('scale-of-input', {
  ...scaled,
  label: c => c.tip.gt(1),
  inputs: c => ({ fare: c.fare, city: c.city }),
  scale: { fare: 'robust', city: 'none' },
})
model('scale-of-unknown-input', {
  ...scaled,
  label: c => c.tip.gt(1),
  inputs: c => ({ fare: c.fare }),
  // @ts-expect-error no such input
  scale: { fair: 'robust' },
})
model('scale-of-text', {
  ...scaled,
  label: c => c.tip.gt(1),
  inputs: c => ({ fare: c.fare, city: c.city }),
  // @ts-expect-error a text is not scaled
  scale: { city: 'standard' },
})
model('scale-of-no-kind', {
  ...scaled,
  label: c => c.tip.gt(1),
  inputs: c => ({ fare: c.fare }),
  // @ts-expect-error no such kind
  scale: { fare: 'zscore' },
})

describe('the definition API', () => {
  it('carries columns from declaration to request body', () => {
    expectTypeOf<RequestOf<typeof tipped>>().toEqualTypeOf<{
      readonly at: string | Date | number
      readonly city: string
      readonly fare: number
    }>()
  })
  it('knows which features can be null', () => {
    expectTypeOf(recent.features.trips_1h.nullable).toEqualTypeOf<false>()
    expectTypeOf(recent.features.fare_1d.nullable).toEqualTypeOf<true>()
  })
  it('keeps callers sticky only by a column of the request', () => {
    deployment('d', { model: tipped, stickyBy: 'city' })
    // @ts-expect-error `tip` is not in the request
    deployment('e', { model: tipped, stickyBy: 'tip' })
  })
})

import { describe, expectTypeOf, it } from 'vitest'
import {
  dataset,
  deployment,
  entity,
  features,
  gbt,
  model,
  parquet,
  t,
  type RequestOf,
  type TextExpression,
} from '../../src/index.ts'

const trips = dataset('trips', {
  source: parquet('trips.parquet'),
  columns: {
    at: t.timestamp('UTC'),
    city: t.text(),
    fare: t.float(),
    tip: t.nullable(t.float()),
    ended: t.timestamp('UTC'),
    drop: t.text(),
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

const varied = features('varied', {
  entity: byCity,
  from: trips,
  compute: f => ({
    usual: f.mostFrequent('city', '1d'),
    cities: f.distinct('city'),
    lastAt: f.last('at', { tumbling: '1d', zone: 'Europe/Berlin' }),
    isShort: f.first(c => c.fare.lt(5), { hopping: '7d', every: '1d' }),
    gross: f.sum(c => c.fare.times(2), { toDate: '1d' }, { where: c => c.fare.gt(1) }),
    earliest: f.min('at', '1d'),
    before: f.lag('fare', 2),
    middle: f.quantile('fare', 0.5, '1d'),
  }),
  derive: v => ({ ratio: v.middle.div(v.cities), named: v.usual.coalesce('none'), hour: v.lastAt.hour() }),
})
const overall = features('overall', { from: trips, compute: f => ({ trips: f.count('1d') }) })
const elsewhere = varied.as('elsewhere', { city: 'drop' })

features('derived-of-text', {
  from: trips,
  compute: f => ({ usual: f.mostFrequent('city', '1d') }),
  // @ts-expect-error a text is not divided
  derive: v => ({ x: v.usual.div(2) }),
})
features('expected', {
  entity: byCity,
  from: trips,
  compute: f => ({ m: f.mean('fare', '1h'), usual: f.mostFrequent('drop', '1h') }),
  derive: v => ({ dear: v.m.gt(15) }),
  expect: v => [v.m.between(0, 100), v.dear.notNull(), v.usual.matches(/^[A-Z]{3}$/), v.city.notNull()],
})
features('expected-of-text', {
  entity: byCity,
  from: trips,
  compute: f => ({ usual: f.mostFrequent('drop', '1h') }),
  // @ts-expect-error a text has no mean
  expect: v => [v.usual.mean({ min: 0 })],
})
features('expected-of-none', {
  entity: byCity,
  from: trips,
  compute: f => ({ m: f.mean('fare', '1h') }),
  // @ts-expect-error there is no such feature
  expect: v => [v.speed.notNull()],
})
features('derived-of-none', {
  from: trips,
  compute: f => ({ n: f.count('1d') }),
  // @ts-expect-error no such feature
  derive: v => ({ x: v.m.div(2) }),
})
features('bad-hop', {
  from: trips,
  // @ts-expect-error a window that hops says how often
  compute: f => ({ n: f.count({ hopping: '7d' }) }),
})
features('sum-of-text', {
  from: trips,
  // @ts-expect-error a sum needs numbers
  compute: f => ({ n: f.sum(c => c.city, '1d') }),
})
features('where-of-number', {
  from: trips,
  // @ts-expect-error a number is no condition
  compute: f => ({ n: f.count('1d', { where: c => c.fare }) }),
})
model('role-of-no-column', {
  task: 'binary',
  from: trips,
  label: c => c.tip.gt(1),
  // @ts-expect-error the key stands in no column of the rows that are predicted
  features: [varied.as('nowhere', { city: 'dropped' })],
  inputs: c => ({ fare: c.fare }),
  split: { by: 'time', train: '30d', test: '7d' },
  train: gbt({ trees: 10 }),
})
// @ts-expect-error a role names every key
varied.as('nowhere', {})

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
  it('knows the type of each feature, also of what is derived', () => {
    type TypeOf<N extends keyof typeof varied.features> = (typeof varied.features)[N]['type']
    expectTypeOf<TypeOf<'usual' | 'named'>>().toEqualTypeOf<'text'>()
    expectTypeOf<TypeOf<'cities' | 'hour'>>().toEqualTypeOf<'int'>()
    expectTypeOf<TypeOf<'lastAt' | 'earliest'>>().toEqualTypeOf<'timestamp'>()
    expectTypeOf<TypeOf<'isShort'>>().toEqualTypeOf<'bool'>()
    expectTypeOf<TypeOf<'gross' | 'middle' | 'ratio' | 'before'>>().toEqualTypeOf<'float'>()
    expectTypeOf(varied.all.usual).toExtend<TextExpression<boolean, 'city'>>()
    expectTypeOf(varied.features.cities.nullable).toEqualTypeOf<false>()
    expectTypeOf(varied.features.named.nullable).toEqualTypeOf<false>()
  })
  it('reads of a request the columns that a role stands in', () => {
    expectTypeOf(elsewhere.all.usual).toExtend<TextExpression<boolean, 'drop'>>()
    const both = model('both', {
      task: 'binary',
      from: trips,
      label: c => c.tip.gt(1),
      features: [varied, elsewhere, overall],
      inputs: c => ({ isSame: varied.all.usual.eq(elsewhere.all.usual), perFare: c.fare.div(overall.all.trips) }),
      split: { by: 'time', train: '30d', test: '7d' },
      train: gbt({ trees: 10 }),
    })
    expectTypeOf<keyof RequestOf<typeof both>>().toEqualTypeOf<'city' | 'drop' | 'fare'>()
  })
  it('keeps callers sticky only by a column of the request', () => {
    deployment('d', { model: tipped, stickyBy: 'city' })
    // @ts-expect-error `tip` is not in the request
    deployment('e', { model: tipped, stickyBy: 'tip' })
  })
  it('parts a rollout by columns of the request only', () => {
    deployment('d', { model: tipped, segments: c => [c.city, c.city.eq('oslo')] })
    // @ts-expect-error `tip` is not in the request
    deployment('e', { model: tipped, segments: c => c.tip })
  })
})

import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDuckdb } from '../../adapters/data/duckdb/engine.ts'
import { openLmdb } from '../../adapters/online/lmdb/store.ts'
import { dataset, entity, features, parquet, t } from '../../index.ts'
import type { DataEngine } from '../../ports/data-engine.ts'
import { planView } from './channels.ts'
import { offlineFeatures } from './offline.ts'
import { unlogged } from '../log/row-version.ts'
import { memoryOnlineStore } from '../../testing/memory-online-store.ts'
import { materialise } from './materialise.ts'
import { OnlineView } from './online.ts'

const trips = dataset('trips', {
  source: parquet('none'),
  columns: {
    at: t.timestamp('UTC'),
    who: t.nullable(t.text()),
    paid: t.nullable(t.float()),
    known: t.nullable(t.timestamp('UTC')),
  },
  eventTime: 'at',
  knownAt: { paid: c => c.known },
})
const view = features('by-who', {
  entity: entity('person', { who: t.nullable(t.text()) }),
  from: trips,
  ttl: '100us',
  compute: f => ({
    n: f.count('10us'),
    total: f.sum('paid', '30us'),
    mean: f.mean('paid', '30us'),
    least: f.min('paid', '50us'),
    most: f.max('paid', '30us'),
    rich: f.share(c => c.paid.gt(0.5), '40us'),
    latest: f.last('paid'),
  }),
})
const plan = planView(view)

interface Trip {
  readonly at: number
  readonly who: string | null
  readonly paid: number | null
  readonly known: number | null
}

/** The rules in their plainest form: look at every event for every label. */
function oracle(trips: readonly Trip[], who: string | null, moment: number): (number | null)[] {
  const own = trips.filter(trip => trip.who !== null && trip.who === who && trip.at < moment)
  const newest = Math.max(...own.map(trip => trip.at))
  if (own.length === 0 || moment - newest > 100) return [null, null, null, null, null, null, null]
  const window = (length: number) => own.filter(trip => trip.at >= moment - length)
  const paid = (length: number) =>
    window(length).filter(trip => trip.paid !== null && trip.known !== null && trip.known <= moment) as (Trip & {
      paid: number
      known: number
    })[]
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0)
  const of30 = paid(30).map(trip => trip.paid)
  const of50 = paid(50).map(trip => trip.paid)
  const of40 = paid(40).map(trip => trip.paid)
  const ordered = paid(100).map((trip, i) => ({ ...trip, i, from: Math.max(trip.known, trip.at + 1) }))
  ordered.sort((a, b) => a.at - b.at || a.from - b.from || a.i - b.i)
  return [
    window(10).length,
    sum(of30),
    of30.length ? sum(of30) / of30.length : null,
    of50.length ? Math.min(...of50) : null,
    of30.length ? Math.max(...of30) : null,
    of40.length ? of40.filter(x => x > 0.5).length / of40.length : null,
    ordered.at(-1)?.paid ?? null,
  ]
}

const anyTrip: fc.Arbitrary<Trip> = fc.record({
  at: fc.integer({ min: 0, max: 200 }),
  who: fc.constantFrom('a', 'b', 'ab', null),
  paid: fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: -8, max: 8 }).map(n => n / 4) },
    { weight: 1, arbitrary: fc.constant(null) },
  ),
  known: fc.oneof(
    { weight: 5, arbitrary: fc.integer({ min: 0, max: 260 }) },
    { weight: 1, arbitrary: fc.constant(null) },
  ),
})

let engine: DataEngine
beforeAll(async () => {
  engine = await openDuckdb()
})
afterAll(() => engine.close())

async function load(list: readonly Trip[], name: string): Promise<string> {
  const nulls = (pick: (trip: Trip) => unknown) => Uint8Array.from(list, trip => (pick(trip) === null ? 1 : 0))
  const relation = await engine.load(name, [
    { name: 'at', type: 'timestamp', values: BigInt64Array.from(list, trip => BigInt(trip.at)) },
    { name: 'who', type: 'text', values: list.map(trip => trip.who ?? ''), nulls: nulls(trip => trip.who) },
    {
      name: 'paid',
      type: 'float',
      values: Float64Array.from(list, trip => trip.paid ?? Number.NaN),
      nulls: nulls(trip => trip.paid),
    },
    {
      name: 'known',
      type: 'timestamp',
      values: BigInt64Array.from(list, trip => BigInt(trip.known ?? 0)),
      nulls: nulls(trip => trip.known),
    },
    { name: 'millrace_seq', type: 'int', values: BigInt64Array.from(list, (_, i) => BigInt(i)) },
  ])
  return `SELECT * FROM ${relation.sql}`
}

const close = (a: number | null, b: number) => (a === null ? Number.isNaN(b) : Math.fround(a) === Math.fround(b))

describe('window features', () => {
  it('see at every moment exactly what was known then, offline and online', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyTrip, { minLength: 1, maxLength: 60 }),
        fc.array(
          fc.record({ who: fc.constantFrom('a', 'b', 'ab', 'new', null), at: fc.integer({ min: 0, max: 320 }) }),
          { minLength: 1, maxLength: 40 },
        ),
        async (list, moments) => {
          const events = await load(list, 'trips')
          const asked = await engine.load('asked', [
            {
              name: 'who',
              type: 'text',
              values: moments.map(one => one.who ?? ''),
              nulls: Uint8Array.from(moments, one => (one.who === null ? 1 : 0)),
            },
            { name: 'millrace_ordinal', type: 'int', values: BigInt64Array.from(moments, (_, i) => BigInt(i)) },
            { name: 'millrace_at', type: 'float', values: Float64Array.from(moments, one => one.at) },
          ])
          const offline = await offlineFeatures(engine, plan, events, `SELECT * FROM ${asked.sql}`, moments.length)
          const online = new OnlineView(plan, memoryOnlineStore())
          await online.push(unlogged([...list].sort((a, b) => a.at - b.at).map(trip => ({ ...trip }))), 1000)
          const row = new Float64Array(plan.features.length)
          for (const [i, moment] of moments.entries()) {
            const expected = oracle(list, moment.who, moment.at)
            await online.read(moment.who ?? undefined, moment.at, row)
            for (const [f, { name }] of plan.features.entries()) {
              const found = offline.get(`by-who.${name}`)?.[i] as number
              if (!close(expected[f] as number | null, found))
                throw new Error(`offline ${name} for ${moment.who} at ${moment.at}: ${found}, should be ${expected[f]}`)
              if (!close(expected[f] as number | null, row[f] as number))
                throw new Error(`online ${name} for ${moment.who} at ${moment.at}: ${row[f]}, should be ${expected[f]}`)
            }
          }
        },
      ),
      { numRuns: 30 },
    )
  })

  it('materialise to records that answer the same after reading them back', async () => {
    const list: Trip[] = Array.from({ length: 500 }, (_, i) => ({
      at: (i * 7) % 400,
      who: i % 3 === 0 ? 'a' : 'b',
      paid: (i % 11) / 8,
      known: ((i * 7) % 400) + (i % 13),
    }))
    const events = await load(list, 'trips')
    const folder = await mkdtemp(join(tmpdir(), 'millrace-'))
    const store = await openLmdb(folder)
    expect(await materialise(engine, plan, events, 400, store)).toBe(2)
    const view = new OnlineView(plan, store)
    const row = new Float64Array(plan.features.length)
    for (const who of ['a', 'b', 'c'])
      for (const moment of [380, 395, 400]) {
        await view.read(who, moment, row)
        oracle(list, who, moment).forEach((expected, f) =>
          expect([who, moment, f, close(expected, row[f] as number)]).toEqual([who, moment, f, true]),
        )
      }
    await store.close()
  })
})

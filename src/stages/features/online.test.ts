import { describe, expect, it } from 'vitest'
import { dataset, entity, features, parquet, t } from '../../index.ts'
import type { OnlineStore } from '../../ports/online-store.ts'
import { encodeKey, planView } from './channels.ts'
import { OnlineView } from './online.ts'

const rides = dataset('rides', {
  source: parquet('none'),
  columns: { at: t.timestamp('UTC'), who: t.text(), paid: t.nullable(t.float()) },
  eventTime: 'at',
})
const planOf = (compute: (f: never) => object, ttl?: '3h') =>
  planView(
    features('by-who', {
      entity: entity('person', { who: t.text() }),
      from: rides,
      compute: compute as never,
      ...(ttl === undefined ? {} : { ttl }),
    }),
  )
type F = { count(w: string): object; sum(c: string, w: string): object; max(c: string, w: string): object }
const windows = (f: F) => ({ n: f.count('6h'), total: f.sum('paid', '1d'), most: f.max('paid', '2h') })

/** A store of nothing but memory: what was flushed, by view and key. */
function memory() {
  const records = new Map<string, Uint8Array>()
  const of = (view: string, key: string): string => `${view}/${key}`
  const store: OnlineStore = {
    get: (view, key) => records.get(of(view, key)),
    getMany: (view, keys) => keys.map(key => records.get(of(view, key))),
    putMany: async (view, entries) => {
      for (const [key, bytes] of entries) records.set(of(view, key), bytes)
    },
    keys: () => records.keys(),
    dropView: async () => records.clear(),
    close: async () => undefined,
  } as OnlineStore
  return { store, records }
}

const minute = 60_000_000
const read = (view: OnlineView, who: string, at: number) => {
  const row = new Float64Array(view.plan.features.length)
  const status = view.read(who, at, row)
  return { status, row: [...row] }
}

describe('an entity with far more events than are kept', () => {
  // one every ten minutes for three weeks: 3,024, of which the longest window and the hour of late requests reach 150
  const events = Array.from({ length: 3_024 }, (_, i) => ({ at: i * 10 * minute, who: 'a', paid: (i * 37) % 101 }))
  const plain = (now: number) => {
    const within = (hours: number) => events.filter(({ at }) => at < now && at >= now - hours * 60 * minute)
    return [
      within(6).length,
      within(24).reduce((sum, { paid }) => sum + paid, 0),
      Math.max(...within(2).map(({ paid }) => paid)),
    ]
  }

  it('answers at every moment, and for an hour back, what all its events give', () => {
    const view = new OnlineView(planOf(windows as never), memory().store)
    for (const [i, event] of events.entries()) {
      view.push([event])
      if (i < 150 || i % 7 !== 0) continue
      for (const back of [0, 59]) {
        const now = event.at + 1 - back * minute
        expect(read(view, 'a', now).row, `event ${i}, ${back} minutes back`).toEqual(plain(now))
      }
    }
  })

  it('keeps a record of bounded size', async () => {
    const { store, records } = memory()
    const view = new OnlineView(planOf(windows as never), store)
    view.push(events)
    await view.flush()
    const bytes = records.values().next().value?.byteLength ?? 0
    expect(bytes).toBeGreaterThan(150 * 8)
    expect(bytes).toBeLessThan(events.length * 8)
  })
})

it('what was flushed is what another view reads, and what was not is not', async () => {
  const { store } = memory()
  const first = new OnlineView(planOf(windows as never), store)
  first.push([{ at: 0, who: 'a', paid: 2 }])
  await first.flush()
  first.push([{ at: minute, who: 'a', paid: 3 }])
  const second = new OnlineView(planOf(windows as never), store)
  expect(read(first, 'a', 2 * minute)).toEqual({ status: 'present', row: [2, 5, 3] })
  expect(read(second, 'a', 2 * minute)).toEqual({ status: 'present', row: [1, 2, 2] })
  await first.flush()
  expect(read(second, 'a', 2 * minute).row).toEqual([1, 2, 2])
  second.forget()
  expect(read(second, 'a', 2 * minute).row).toEqual([2, 5, 3])
})

it('records of a view that was declared otherwise stand beside the new ones, and neither is misread', async () => {
  const { store } = memory()
  const before = new OnlineView(planOf(windows as never), store)
  before.push([{ at: 0, who: 'a', paid: 2 }])
  await before.flush()
  const now = new OnlineView(planOf(((f: F) => ({ n: f.count('6h') })) as never), store)
  expect(read(now, 'a', minute).status).toBe('missing')
  now.push([{ at: minute, who: 'a', paid: 9 }])
  await now.flush()
  now.forget()
  expect(read(now, 'a', 2 * minute).row).toEqual([1])
  before.forget()
  expect(read(before, 'a', 2 * minute).row).toEqual([1, 2, 2])
  // what is none of its records is refused
  await store.putMany(now.plan.records, [['b', store.get(before.plan.records, 'a') as Uint8Array]])
  expect(() => read(now, 'b', minute)).toThrow(
    expect.objectContaining({ code: 'MR2008', message: expect.stringContaining('by-who') }),
  )
})

it('features and keys in another order are the same view with the same records', async () => {
  const { store } = memory()
  const declared = planOf(windows as never).view
  const made = (turned: boolean) => {
    const turn = (all: object): object => (turned ? Object.fromEntries(Object.entries(all).toReversed()) : all)
    return planView({
      ...declared,
      entity: { ...declared.entity, keys: turn({ who: t.text(), paid: t.float() }) as never },
      features: turn(declared.features) as never,
    })
  }
  const [one, other] = [new OnlineView(made(false), store), new OnlineView(made(true), store)]
  expect(other.plan.records).toBe(one.plan.records)
  one.push([{ at: 0, who: 'a', paid: 2 }])
  await one.flush()
  const values = (view: OnlineView) => {
    const out = new Float64Array(3)
    view.read(encodeKey(view.plan.keys.map(key => ({ who: 'a', paid: 2 })[key] ?? null)), minute, out)
    return Object.fromEntries(view.plan.features.map(({ name }, i) => [name, out[i]]))
  }
  expect(values(other)).toEqual(values(one))
  expect(Object.values(values(one))).not.toContain(Number.NaN)
})

it('tells who was never seen from whose last event is too old', () => {
  const view = new OnlineView(planOf(windows as never, '3h'), memory().store)
  view.push([{ at: 0, who: 'a', paid: 2 }])
  expect(read(view, 'a', 180 * minute)).toEqual({ status: 'present', row: [1, 2, Number.NaN] })
  expect(read(view, 'a', 180 * minute + 1)).toEqual({ status: 'stale', row: [0, 0, Number.NaN] })
  expect(read(view, 'b', minute)).toEqual({ status: 'missing', row: [0, 0, Number.NaN] })
  // an event does not count at its own moment
  expect(read(view, 'a', 0).status).toBe('missing')
  expect(read(view, 'a', 1)).toEqual({ status: 'present', row: [1, 2, 2] })
})

it('a row without its key or time counts for nobody', () => {
  const view = new OnlineView(planOf(windows as never), memory().store)
  view.push([
    { at: null, who: 'a', paid: 1 },
    { at: 0, who: null, paid: 1 },
    { at: 0, paid: 1 },
    { at: 0, who: 'a', paid: null },
  ])
  expect(read(view, 'a', minute)).toEqual({ status: 'present', row: [1, 0, Number.NaN] })
})

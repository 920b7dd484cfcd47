import { describe, expect, it } from 'vitest'
import { dataset, entity, features, parquet, t } from '../../index.ts'
import type { PushedRow } from './online.ts'
import { memoryOnlineStore } from '../../testing/memory-online-store.ts'
import { type RowVersion, unlogged } from '../log/row-version.ts'
import { keyIn, planView } from './channels.ts'
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

const minute = 60_000_000
const later = 4_000_000_000_000_000
const push = (view: OnlineView, rows: readonly PushedRow[]) => view.push(unlogged(rows), later)
const read = async (view: OnlineView, who: string, at: number) => {
  const row = new Float64Array(view.plan.features.length)
  const status = await view.read(who, at, row)
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

  it('answers at every moment, and for an hour back, what all its events give', async () => {
    const view = new OnlineView(planOf(windows as never), memoryOnlineStore())
    for (const [i, event] of events.entries()) {
      await push(view, [event])
      if (i < 150 || i % 7 !== 0) continue
      for (const back of [0, 59]) {
        const now = event.at + 1 - back * minute
        expect((await read(view, 'a', now)).row, `event ${i}, ${back} minutes back`).toEqual(plain(now))
      }
    }
  })

  it('keeps a record of bounded size', async () => {
    const store = memoryOnlineStore()
    const view = new OnlineView(planOf(windows as never), store)
    await push(view, events)
    await view.flush()
    const bytes = store.records(view.plan.records).get('a')?.byteLength ?? 0
    expect(bytes).toBeGreaterThan(150 * 8)
    expect(bytes).toBeLessThan(events.length * 8)
  })
})

it('what one view pushes another reads at once, and what both push is kept', async () => {
  const store = memoryOnlineStore()
  const first = new OnlineView(planOf(windows as never), store)
  const second = new OnlineView(planOf(windows as never), store)
  await push(first, [{ at: 0, who: 'a', paid: 2 }])
  expect(await read(second, 'a', 2 * minute)).toEqual({ status: 'present', row: [1, 2, 2] })
  await push(second, [{ at: minute, who: 'a', paid: 3 }])
  for (const view of [first, second])
    expect(await read(view, 'a', 2 * minute)).toEqual({ status: 'present', row: [2, 5, 3] })
  await Promise.all(Array.from({ length: 20 }, (_, i) => push(i % 2 ? first : second, [{ at: i, who: 'a', paid: 1 }])))
  for (const view of [first, second]) expect((await read(view, 'a', 2 * minute)).row).toEqual([22, 25, 3])
})

it('records that are rebuilt keep what came to the log after it was read, and nothing else of before', async () => {
  const logged = (seq: number, who: string, paid: number): RowVersion => ({
    row: { at: seq * minute, who, paid },
    seq,
    at: seq * minute,
    first: true,
    gone: false,
  })
  const store = memoryOnlineStore()
  const view = new OnlineView(planOf(windows as never), store)
  const before = [logged(1, 'a', 1), logged(2, 'b', 1), logged(3, 'a', 1), logged(3, 'c', 1)]
  // pushed while somebody rebuilds what the log had up to its third entry
  const meanwhile = [logged(4, 'a', 10), logged(5, 'c', 10), logged(6, 'd', 10)]
  await view.push([...before, ...meanwhile], later)
  const rebuilt = memoryOnlineStore()
  const other = new OnlineView(view.plan, rebuilt)
  await other.push([logged(1, 'a', 2), logged(3, 'a', 2)], later)
  await view.replace(rebuilt.records(view.plan.records), ['a', 'b', 'c', 'd'], 3)
  const now = 7 * minute
  expect(await read(view, 'a', now)).toEqual({ status: 'present', row: [3, 14, 10] })
  expect((await read(view, 'b', now)).status).toBe('missing')
  expect(await read(view, 'c', now)).toEqual({ status: 'present', row: [1, 10, 10] })
  expect(await read(view, 'd', now)).toEqual({ status: 'present', row: [1, 10, 10] })
  // who reads it anew sees the same
  expect(await read(new OnlineView(view.plan, store), 'a', now)).toEqual({ status: 'present', row: [3, 14, 10] })
})

it('one event of a far future takes nothing away', async () => {
  const view = new OnlineView(planOf(windows as never), memoryOnlineStore())
  await push(
    view,
    Array.from({ length: 100 }, (_, i) => ({ at: i * minute, who: 'a', paid: 1 })),
  )
  const before = await read(view, 'a', 100 * minute)
  expect(before.row).toEqual([100, 100, 1])
  await push(view, [{ at: later + 1, who: 'a', paid: 1000 }])
  expect(await read(view, 'a', 100 * minute)).toEqual(before)
  expect((await read(view, 'a', later + 2)).row).toEqual([1, 1000, 1000])
})

it('a moment that the record does not reach back to has no numbers, and says so', async () => {
  const view = new OnlineView(planOf(windows as never), memoryOnlineStore())
  await push(
    view,
    Array.from({ length: 3_000 }, (_, i) => ({ at: i * 10 * minute, who: 'a', paid: 1 })),
  )
  expect(await read(view, 'a', 100 * minute)).toEqual({
    status: 'uncovered',
    row: [Number.NaN, Number.NaN, Number.NaN],
  })
  expect((await read(view, 'a', 29_990 * minute + 1)).status).toBe('present')
})

it('records of a view that was declared otherwise stand beside the new ones, and neither is misread', async () => {
  const store = memoryOnlineStore()
  const before = new OnlineView(planOf(windows as never), store)
  await push(before, [{ at: 0, who: 'a', paid: 2 }])
  await before.flush()
  const now = new OnlineView(planOf(((f: F) => ({ n: f.count('6h') })) as never), store)
  expect((await read(now, 'a', minute)).status).toBe('missing')
  await push(now, [{ at: minute, who: 'a', paid: 9 }])
  expect((await read(now, 'a', 2 * minute)).row).toEqual([1])
  expect((await read(before, 'a', 2 * minute)).row).toEqual([1, 2, 2])
  // what is none of its records is refused
  const bytes = store.records(before.plan.records).get('a')
  await store.writeMany(now.plan.records, [{ key: 'b', bytes, after: 0 }])
  await expect(read(now, 'b', minute)).rejects.toMatchObject({
    code: 'MR2008',
    message: expect.stringContaining('by-who') as string,
  })
})

it('features and keys in another order are the same view with the same records', async () => {
  const store = memoryOnlineStore()
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
  await push(one, [{ at: 0, who: 'a', paid: 2 }])
  await one.flush()
  const values = async (view: OnlineView) => {
    const out = new Float64Array(3)
    const row: PushedRow = { who: 'a', paid: 2 }
    await view.read(
      keyIn(view.plan, name => row[name]),
      minute,
      out,
    )
    return Object.fromEntries(view.plan.features.map(({ name }, i) => [name, out[i]]))
  }
  expect(await values(other)).toEqual(await values(one))
  expect(Object.values(await values(one))).not.toContain(Number.NaN)
})

it('tells who was never seen from whose last event is too old', async () => {
  const view = new OnlineView(planOf(windows as never, '3h'), memoryOnlineStore())
  await push(view, [{ at: 0, who: 'a', paid: 2 }])
  expect(await read(view, 'a', 180 * minute)).toEqual({ status: 'present', row: [1, 2, Number.NaN] })
  expect(await read(view, 'a', 180 * minute + 1)).toEqual({
    status: 'stale',
    row: [Number.NaN, Number.NaN, Number.NaN],
  })
  expect(await read(view, 'b', minute)).toEqual({ status: 'missing', row: [Number.NaN, Number.NaN, Number.NaN] })
  // an event does not count at its own moment
  expect((await read(view, 'a', 0)).status).toBe('missing')
  expect(await read(view, 'a', 1)).toEqual({ status: 'present', row: [1, 2, 2] })
})

it('a row without its key or time counts for nobody', async () => {
  const view = new OnlineView(planOf(windows as never), memoryOnlineStore())
  await push(view, [
    { at: null, who: 'a', paid: 1 },
    { at: 0, who: null, paid: 1 },
    { at: 0, paid: 1 },
    { at: 0, who: 'a', paid: null },
  ])
  expect(await read(view, 'a', minute)).toEqual({ status: 'present', row: [1, 0, Number.NaN] })
})

it('an answer that was no is corrected from when the other one came, of whichever declared time', async () => {
  const told = dataset('told', {
    source: parquet('none'),
    columns: { id: t.int(), at: t.timestamp('UTC'), who: t.text(), tip: t.nullable(t.float()) },
    eventTime: 'at',
    key: ['id'],
    knownAt: { tip: c => c.at.plus('1us') },
  })
  const tipped = features('tipped', {
    entity: entity('person', { who: t.text() }),
    from: told,
    compute: f => ({ n: f.count('1h', { where: c => c.tip.gt(0) }) }),
  })
  const after = async (first: number | null): Promise<number[]> => {
    const view = new OnlineView(planView(tipped as never), memoryOnlineStore())
    const before = { row: { id: 1, at: 10, who: 'a', tip: first }, seq: 1, at: 12, first: true, gone: false }
    const then = { row: { ...before.row, tip: 2 }, seq: 2, at: 50, first: false, gone: false, before }
    await view.push([before, then], 100)
    return Promise.all([20, 49, 50].map(async at => (await read(view, 'a', at)).row[0] as number))
  }
  expect([await after(-1), await after(null)]).toEqual([
    [0, 0, 1],
    [1, 1, 1],
  ])
})

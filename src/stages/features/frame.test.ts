import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDuckdb } from '../../adapters/data/duckdb/engine.ts'
import { column } from '../../define/expression/index.ts'
import { dataset, entity, features, gbt, model, parquet, t } from '../../index.ts'
import type { Column, DataEngine } from '../../ports/data-engine.ts'
import { memoryOnlineStore } from '../../testing/memory-online-store.ts'
import { unlogged } from '../log/row-version.ts'
import { keyIn, planView } from './channels.ts'
import { buildFrame, snapshotSql, spansOf } from './frame.ts'
import { materialise } from './materialise.ts'
import { OnlineView } from './online.ts'
import { verifyView } from './verify.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-frame-'))
let engine: DataEngine
beforeAll(async () => {
  engine = await openDuckdb()
})
afterAll(async () => {
  await engine.close()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

const rides = dataset('rides', {
  source: parquet('none'),
  columns: {
    at: t.timestamp('UTC'),
    who: t.nullable(t.text()),
    day: t.nullable(t.int()),
    paid: t.nullable(t.float()),
    known: t.nullable(t.timestamp('UTC')),
  },
  eventTime: 'at',
  knownAt: { paid: c => c.known },
})
const view = features('spent', {
  entity: entity('person', { who: t.nullable(t.text()) }),
  from: rides,
  ttl: '60us',
  compute: f => ({ n: f.count('20us'), most: f.max('paid', '40us') }),
})
/** Looks back further than its records live. */
const longer = features('longer', {
  entity: entity('person', { who: t.nullable(t.text()) }),
  from: rides,
  ttl: '20us',
  compute: f => ({ seen: f.count('60us') }),
})
const together = features('together', {
  entity: entity('pair', { who: t.nullable(t.text()), day: t.nullable(t.int()) }),
  from: rides,
  compute: f => ({ same: f.count('50us') }),
})
const lateness = model('lateness', {
  task: 'binary',
  from: rides,
  label: c => c.paid.gt(1),
  inputs: c => ({
    ...view.all,
    ...longer.all,
    ...together.all,
    odd: c.day.mod(2).eq(1),
    third: c.day.div(3),
    who: c.who,
  }),
  features: [view, longer, together],
  split: { by: 'time', train: '80us', test: '40us' },
  train: gbt({ trees: 1 }),
  test: m => [m.slices({ of: { 'of a': column<'text', true, 'who'>('who', 'text').eq('a') } })],
})

interface Ride {
  readonly at: number
  readonly who: string | null
  readonly day: number | null
  readonly paid: number | null
  readonly known: number | null
}
const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: null, freq: 8 })
const anyRide: fc.Arbitrary<Ride> = fc.record({
  at: fc.integer({ min: 0, max: 200 }),
  who: maybe(fc.constantFrom('a', 'b', 'ab')),
  day: maybe(fc.integer({ min: -5, max: 9 })),
  paid: maybe(fc.integer({ min: 0, max: 16 }).map(x => x / 8)),
  known: maybe(fc.integer({ min: 0, max: 260 })),
})

async function load(list: readonly Ride[], name = 'rides'): Promise<string> {
  const nulls = (pick: (ride: Ride) => unknown) => Uint8Array.from(list, ride => (pick(ride) === null ? 1 : 0))
  const whole = (pick: (ride: Ride) => number | null) => BigInt64Array.from(list, ride => BigInt(pick(ride) ?? 0))
  const columns: Column[] = [
    { name: 'at', type: 'timestamp', values: whole(ride => ride.at) },
    { name: 'who', type: 'text', values: list.map(ride => ride.who ?? ''), nulls: nulls(ride => ride.who) },
    { name: 'day', type: 'int', values: whole(ride => ride.day), nulls: nulls(ride => ride.day) },
    {
      name: 'paid',
      type: 'float',
      values: Float64Array.from(list, ride => ride.paid ?? 0),
      nulls: nulls(ride => ride.paid),
    },
    { name: 'known', type: 'timestamp', values: whole(ride => ride.known), nulls: nulls(ride => ride.known) },
    { name: 'millrace_seq', type: 'int', values: BigInt64Array.from(list, (_, i) => BigInt(i)) },
  ]
  return `SELECT * FROM ${(await engine.load(name, columns)).sql}`
}
const end = 180
const spans = { from: 60, testFrom: 140, until: end }

describe('the frame of a model', () => {
  it('has each row of the spans whose label was known at their end, with what was known at its own moment', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyRide, { minLength: 25, maxLength: 60 }), async list => {
        const path = join(root, 'frame.parquet')
        const inside = list.map((ride, i) => ({ ...ride, i })).filter(({ at }) => at >= spans.from && at < end)
        const kept = inside
          .filter(({ paid, known }) => paid !== null && known !== null && known <= end)
          .toSorted((a, b) => a.at - b.at || a.i - b.i)
        const tests = kept.filter(({ at }) => at >= spans.testFrom).length
        const made = buildFrame(engine, lateness, new Map([['rides', await load(list)]]), path, spans)
        if (tests === 0 || tests === kept.length) {
          await expect(made).rejects.toMatchObject({ code: 'MR2007' })
          return
        }
        const { trained = [], ...summary } = await made
        const classes = kept.filter(({ at }) => at < spans.testFrom).map(ride => String((ride.paid ?? 0) > 1))
        expect(new Set(trained)).toEqual(new Set(classes))
        expect(summary).toEqual({
          ...spans,
          train: kept.length - tests,
          test: tests,
          unlabelled: inside.length - kept.length,
        })
        const rows = await engine.rows(`SELECT * FROM read_parquet('${path}')`)
        expect(rows.map(row => row['millrace_at'])).toEqual(kept.map(({ at }) => at))
        kept.forEach((ride, r) => {
          const row = rows[r] ?? {}
          const own = list.filter(one => one.who !== null && one.who === ride.who && one.at < ride.at)
          const stale = own.length === 0 || ride.at - Math.max(...own.map(one => one.at)) > 60
          const n = stale ? null : own.filter(one => one.at >= ride.at - 20).length
          const seen = own.filter(
            one => one.at >= ride.at - 40 && one.paid !== null && one.known !== null && one.known <= ride.at,
          )
          const most = stale || seen.length === 0 ? null : Math.max(...seen.map(one => one.paid ?? 0))
          const lately = own.some(one => one.at >= ride.at - 20)
          const seen60 = own.filter(one => one.at >= ride.at - 60).length
          const same = own.filter(one => ride.day !== null && one.day === ride.day && one.at >= ride.at - 50).length
          expect(row).toEqual({
            millrace_at: ride.at,
            seen: lately ? seen60 : null,
            same,
            millrace_split: ride.at < spans.testFrom ? 'train' : 'test',
            millrace_label: (ride.paid ?? 0) > 1 ? 1 : 0,
            n,
            most,
            odd: ride.day === null ? null : ride.day % 2 === 1 ? 1 : 0,
            third: ride.day === null ? null : Math.fround(ride.day / 3),
            who: ride.who,
            'slice:of a': ride.who === 'a',
          })
        })
        const types = await engine.rows(`DESCRIBE SELECT * FROM read_parquet('${path}')`)
        expect(Object.fromEntries(types.map(row => [row['column_name'], row['column_type']]))).toMatchObject({
          millrace_label: 'FLOAT',
          n: 'FLOAT',
          third: 'FLOAT',
          who: 'VARCHAR',
          'slice:of a': 'BOOLEAN',
        })
        // nothing stays behind in the engine
        const tables = await engine.rows(
          `SELECT table_name FROM information_schema.tables WHERE table_name LIKE 'frame_%' OR table_name LIKE 'keys_%'`,
        )
        expect(tables).toEqual([])
      }),
      { numRuns: 12 },
    )
  })

  it('covers the newest rows, or those before a moment that is said', async () => {
    const events = await load([3, 170, 90].map(at => ({ at, who: 'a', day: 1, paid: 1, known: at })))
    expect(await spansOf(engine, lateness, events)).toEqual({ from: 51, testFrom: 131, until: 171 })
    const until = (text: string) => ({ ...lateness, split: { ...lateness.split, until: text } }) as typeof lateness
    expect(await spansOf(engine, until('1970-01-01T00:00:00.000150Z'), events)).toEqual({
      from: 30,
      testFrom: 110,
      until: 150,
    })
    await expect(spansOf(engine, until('yesterday'), events)).rejects.toThrow(/split.until 'yesterday' is not a time/)
    await expect(spansOf(engine, lateness, await load([]))).rejects.toMatchObject({ code: 'MR2007' })
    await expect(
      buildFrame(engine, lateness, new Map([['rides', events]]), join(root, 'x'), {
        from: 0,
        testFrom: 200,
        until: 300,
      }),
    ).rejects.toThrow(/for training \(1970-01-01T00:00:00.* to 1970.*\) or for testing \(to 1970/)
  })

  it('needs rows to train on and rows to test on, and has columns for the slices that are declared, no others', async () => {
    const events = new Map([['rides', await load([70, 150].map(at => ({ at, who: 'a', day: 1, paid: 1, known: at })))]])
    const path = join(root, 'few.parquet')
    const of = (span: typeof spans, tested = lateness) => buildFrame(engine, tested, events, path, span)
    expect(await of(spans)).toMatchObject({ train: 1, test: 1 })
    for (const [from, testFrom, until] of [
      [60, 65, 180],
      [60, 160, 180],
      [80, 90, 100],
    ] as const)
      await expect(of({ from, testFrom, until })).rejects.toThrow(/^rides: its snapshot has no/)
    const other = model('other', {
      task: 'binary',
      from: rides,
      label: c => c.paid.gt(1),
      inputs: c => ({ day: c.day }),
      split: { by: 'time', train: '80us', test: '40us' },
      train: gbt({ trees: 1 }),
      test: m => [m.metric('auc', { min: 0.5 }), m.slices()],
    })
    await of(spans, other as unknown as typeof lateness)
    const [row] = await engine.rows(`SELECT * FROM read_parquet('${path}')`)
    expect(Object.keys(row ?? {})).toEqual(['millrace_at', 'millrace_split', 'millrace_label', 'day'])
  })

  it('leaves a gap between the parts where one is asked for, and none where it is not', async () => {
    const ats = [70, 100, 120, 135, 150, 160]
    const events = new Map([
      ['rides', await load(ats.map((at, i) => ({ at, who: 'a', day: 1, paid: i % 3, known: at })))],
    ])
    const path = join(root, 'gap.parquet')
    const partsOf = async (gap: object) => {
      const made = model('gapped', {
        task: 'binary',
        from: rides,
        label: c => c.paid.gt(1),
        inputs: c => ({ day: c.day }),
        split: { by: 'time', train: '80us', test: '40us', ...gap },
        train: gbt({ trees: 1 }),
      })
      await buildFrame(engine, made as unknown as typeof lateness, events, path, spans)
      const rows = await engine.rows(`SELECT * FROM read_parquet('${path}')`)
      return rows.map(row => `${String(row['millrace_at'])} ${String(row['millrace_split'])}`)
    }
    expect(await partsOf({})).toEqual(['70 train', '100 train', '120 train', '135 train', '150 test', '160 test'])
    expect(await partsOf({ gap: '25us' })).toEqual(['70 train', '100 train', '150 test', '160 test'])
  })

  it('refuses by code what no model can learn from', async () => {
    const events = new Map([
      ['rides', await load([70, 100, 150, 160].map((at, i) => ({ at, who: 'a', day: 1, paid: i, known: at })))],
    ])
    const of = (options: object) =>
      buildFrame(
        engine,
        model('refused', {
          task: 'count',
          from: rides,
          split: { by: 'time', train: '80us', test: '40us' },
          label: (c: { paid: never }) => c.paid,
          inputs: (c: { day: never }) => ({ day: c.day }),
          train: gbt({ trees: 1 }),
          ...options,
        } as never) as unknown as typeof lateness,
        events,
        join(root, 'refused.parquet'),
        spans,
      )
    const minus = (c: { paid: { minus(n: number): never } }) => c.paid.minus(2)
    await expect(of({ label: minus })).rejects.toMatchObject({ code: 'MR4020' })
    await expect(of({ weight: minus })).rejects.toMatchObject({ code: 'MR4021' })
    const far = (c: { day: { toFloat(): { times(n: number): never } } }) => ({ far: c.day.toFloat().times(1e39) })
    await expect(of({ inputs: far })).rejects.toMatchObject({ code: 'MR4022', details: { rows: 4 } })
    expect(await of({ weight: (c: { paid: never }) => c.paid })).toMatchObject({ train: 2, test: 2 })
  })

  it('reads a snapshot in the order of its rows', async () => {
    const path = join(root, 'snapshot.parquet')
    await engine.writeParquet(`SELECT 5 - range AS x FROM range(4)`, path)
    expect(
      await engine.rows(`SELECT x, millrace_seq FROM (${await snapshotSql(engine, path)}) ORDER BY x`),
    ).toMatchObject([2, 3, 4, 5].map(x => ({ x, millrace_seq: 5 - x })))
  })
})

const later = 4_000_000_000_000_000

const pairs = features('pairs', {
  entity: entity('pair', { who: t.nullable(t.text()), day: t.nullable(t.int()) }),
  from: rides,
  ttl: '60us',
  compute: f => ({ n: f.count('20us'), total: f.sum('paid', '40us'), newest: f.last('paid') }),
})
const forEver = features('for-ever', {
  entity: entity('person', { who: t.nullable(t.text()) }),
  from: rides,
  compute: f => ({ n: f.count('20us'), newest: f.last('paid') }),
})

const byTheHour = features('by-the-hour', {
  entity: entity('person', { who: t.nullable(t.text()) }),
  from: rides,
  ttl: '3h',
  compute: f => ({ n: f.count('2h'), total: f.sum('paid', '2h'), newest: f.last('paid') }),
})

describe('what is materialised', () => {
  it.each([pairs, forEver, byTheHour])('answers as all events would, whichever are kept: $name', async declared => {
    const plan = planView(declared)
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyRide, { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 20, max: 200 }),
        async (list, until) => {
          const store = memoryOnlineStore()
          const old = new OnlineView(plan, store)
          await old.push(unlogged([{ at: 1, who: 'left over', day: 1, paid: 1, known: 1 }]), later)
          const keyOf = (ride: Ride) => keyIn(plan, name => ride[name as 'who'])
          const known = list.filter(ride => ride.at <= until && keyOf(ride) !== undefined)
          const count = await materialise(engine, plan, await load(list), until, store)
          const records = store.records(plan.records)
          expect([...records.keys()].sort()).toEqual([...new Set(known.map(ride => keyOf(ride) as string))].sort())
          expect(count).toBe(records.size)
          const [stored, pushed] = [new OnlineView(plan, store), new OnlineView(plan, memoryOnlineStore())]
          await pushed.push(unlogged(known.toSorted((a, b) => a.at - b.at).map(ride => ({ ...ride }))), later)
          for (const key of [...records.keys(), 'nobody'])
            for (const t of [until + 1, until + 30, until + 100]) {
              const [a, b] = [new Float64Array(plan.features.length), new Float64Array(plan.features.length)]
              expect([key, t, await stored.read(key, t, a), ...a]).toEqual([key, t, await pushed.read(key, t, b), ...b])
            }
          const same = await verifyView(engine, plan, await load(list), store, {
            until,
            now: later,
            sample: 30,
            seed: 7,
          })
          expect(same).toMatchObject({
            view: declared.name,
            compared: known.length === 0 ? expect.any(Number) : 30 * plan.features.length,
            mismatches: 0,
            uncovered: 0,
            examples: [],
          })
          for (const { mismatches, online, offline } of same.features)
            expect([mismatches, online]).toEqual([0, offline])
        },
      ),
      { numRuns: 8 },
    )
  })

  it.each([
    ['of nobody', false, false],
    ['of which the first part is personal', true, false],
    ['of which the second part is personal', false, true],
    ['that is personal', true, true],
  ])('a difference of a key %s is shown without it where it must be', async (_, one, two) => {
    const people = dataset('people', {
      source: parquet('none'),
      columns: { ...rides.columns, who: one ? t.pii(t.text()) : t.text(), day: two ? t.pii(t.int()) : t.int() },
      eventTime: 'at',
      ...(one || two ? { encryptWith: 'people' } : {}),
    })
    const plan = planView(
      features('spent-by-day', {
        entity: entity('pair', { who: t.text(), day: t.int() }),
        from: people,
        compute: f => ({ total: f.sum('paid', '2h') }),
      }),
    )
    const list = (paid: number): Ride[] => [{ at: 100, who: 'Ada', day: 1, paid, known: 50 }]
    const store = memoryOnlineStore()
    await materialise(engine, plan, await load(list(2), 'other'), 100, store)
    const asked = { until: 100, now: later, sample: 20, seed: 3 }
    const { examples, mismatches } = await verifyView(engine, plan, await load(list(1)), store, asked)
    expect(mismatches).toBe(20)
    const shown = new Set(examples.map(({ key }) => key))
    expect(shown.size).toBe(1)
    expect([...shown].join().includes('Ada')).toBe(!one && !two)
    if (one || two) expect([...shown]).toEqual(['•••'])
  })

  it('a record that says something else is found, with whom, when and what', async () => {
    const plan = planView(byTheHour)
    const list = Array.from({ length: 30 }, (_, i) => ({
      at: 100,
      who: `w${i}`,
      day: 1,
      paid: 1,
      known: 50,
    }))
    const store = memoryOnlineStore()
    const events = await load(list)
    await materialise(engine, plan, events, 100, store)
    const other = memoryOnlineStore()
    await materialise(
      engine,
      plan,
      await load(
        list.map(ride => ({ ...ride, paid: 2 })),
        'other',
      ),
      100,
      other,
    )
    const wrong = [...other.records(plan.records)].filter((_, i) => i < 12)
    for (const [key, bytes] of wrong) {
      const [there] = await store.getMany(plan.records, [{ key }])
      const after = there === undefined || there === 'unchanged' ? 0 : there.revision
      await store.writeMany(plan.records, [{ key, bytes, after }])
    }
    const found = await verifyView(engine, plan, events, store, { until: 100, now: later, sample: 200, seed: 3 })
    expect(found.compared).toBe(600)
    expect(found.mismatches).toBeGreaterThan(0)
    expect(found.examples.length).toBeLessThanOrEqual(10)
    for (const { key, at, feature, online, offline } of found.examples) {
      expect(wrong.map(([one]) => one)).toContain(key)
      expect(['total', 'newest']).toContain(feature)
      expect(at).toBeGreaterThan(100)
      expect([online, offline]).toEqual([2, 1])
    }
    // both sides, by feature: of the entities some have 2 online, and all have 1 offline
    expect(found.features.reduce((sum, one) => sum + one.mismatches, 0)).toBe(found.mismatches)
    expect(found.features.map(one => one.feature)).toEqual(plan.features.map(one => one.name))
    expect(found.features.find(one => one.feature === 'newest')).toEqual({
      feature: 'newest',
      mismatches: expect.any(Number),
      online: { values: 200, nulls: 0, quartiles: [1, 1, 1, 2, 2] },
      offline: { values: 200, nulls: 0, quartiles: [1, 1, 1, 1, 1] },
    })
    expect(await verifyView(engine, plan, events, store, { until: 100, now: later, sample: 200, seed: 3 })).toEqual(
      found,
    )
    expect(
      await verifyView(engine, plan, `${events} LIMIT 0`, store, { until: 100, now: later, sample: 200, seed: 3 }),
    ).toEqual({
      view: 'by-the-hour',
      compared: 0,
      mismatches: 0,
      uncovered: 0,
      features: plan.features.map(({ name }) => ({
        feature: name,
        mismatches: 0,
        online: { values: 0, nulls: 0 },
        offline: { values: 0, nulls: 0 },
      })),
      examples: [],
    })
  })
})

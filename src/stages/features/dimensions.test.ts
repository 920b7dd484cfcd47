import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDuckdb } from '../../adapters/data/duckdb/engine.ts'
import { dataset, entity, features, gbt, model, parquet, t } from '../../index.ts'
import { seeded } from '../../math/random/seeded.ts'
import type { ColumnType, DataEngine, Row, Value } from '../../ports/data-engine.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { memoryOnlineStore } from '../../testing/memory-online-store.ts'
import { columnOfValues } from '../log/column.ts'
import { withLog } from '../log/dataset-rows.ts'
import { loadLog } from '../log/log-table.ts'
import { unlogged } from '../log/row-version.ts'
import { DatasetLogs } from '../log/take-rows.ts'
import { RowEncoder } from '../serve/encode.ts'
import { readFeatures } from '../serve/read-features.ts'
import { keyIn, planView } from './channels.ts'
import { featureValue } from './entity-window.ts'
import { buildFrame } from './frame.ts'
import { materialise } from './materialise.ts'
import { offlineFeatures } from './offline.ts'
import { OnlineView } from './online.ts'
import { verifyView } from './verify.ts'

// Views of what has no time of its own, of all rows together, and of two entities of one row.

const root = mkdtempSync(join(tmpdir(), 'millrace-dimensions-'))
let engine: DataEngine
beforeAll(async () => {
  engine = await openDuckdb()
})
afterAll(async () => {
  await engine.close()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

async function load(name: string, types: Readonly<Record<string, ColumnType>>, rows: readonly Row[]): Promise<string> {
  const columns = Object.entries(types).map(([column, type]) =>
    columnOfValues(
      column,
      type,
      rows.map(row => row[column] ?? null),
    ),
  )
  const seq = columnOfValues(
    'millrace_seq',
    'int',
    rows.map((_, i) => i),
  )
  return `SELECT * FROM ${(await engine.load(name, [...columns, seq])).sql}`
}

const hour = 3_600_000_000
const start = Date.UTC(2026, 0, 1) * 1000

const airports = dataset('airports', {
  source: parquet('none'),
  columns: {
    code: t.text(),
    city: t.nullable(t.text()),
    runways: t.nullable(t.int()),
    coastal: t.nullable(t.bool()),
    opened: t.nullable(t.timestamp('UTC')),
  },
  key: ['code'],
})
const airportTypes = { code: 'text', city: 'text', runways: 'int', coastal: 'bool', opened: 'timestamp' } as const
const place = entity('place', { code: t.text() })
const airport = features('airport', {
  entity: place,
  from: airports,
  compute: f => ({
    city: f.last('city'),
    runways: f.last('runways'),
    coastal: f.last('coastal'),
    opened: f.last('opened'),
    rows: f.count(),
  }),
  derive: v => ({ isLarge: v.runways.gt(2).and(v.coastal), where: v.city.coalesce('?') }),
})

describe('a view of a dataset without event times', () => {
  it('has what was known at a moment: by file from ever, a correction from when it came, what was taken back no more', async () => {
    const random = seeded(7)
    const any = <T>(of: readonly T[]): T => of[random.below(of.length)] as T
    const row = (code: string): Row => ({
      code,
      city: any(['Rom', 'Wien', '', null]),
      runways: any([1, 2, 3, null]),
      coastal: any([true, false, null]),
      opened: any([-5 * hour, start, null]),
    })
    const codes = Array.from({ length: 40 }, (_, i) => `a${i}`)
    const byFile = codes.slice(0, 30).map(row)
    const snapshot = await load('airports_by_file', airportTypes, byFile)
    const plan = planView(airport as never)
    const folder = mkdtempSync(join(root, 'log-'))
    const clock = manualClock(start)
    const store = memoryOnlineStore()
    await materialise(engine, plan, snapshot, start, store)
    const served = new OnlineView(plan, store)
    const logs = new DatasetLogs(
      { folder, clock },
      async (_, versions) => {
        await served.push(versions, clock.now())
      },
      async (_, key) => byFile.find(one => one['code'] === key['code']),
    )
    const versions = new Map<unknown, { readonly from: number; readonly row: Row | undefined }[]>(
      byFile.map(one => [one['code'], [{ from: -Infinity, row: one }]]),
    )
    for (let step = 0; step < 120; step++) {
      clock.set(start + step * hour)
      const code = any(codes)
      const before = versions.get(code)
      const isGone = random.below(6) === 0 && before !== undefined
      const made = row(code)
      await logs.push(airports, isGone ? { rows: [], gone: [{ code }] } : { rows: [made] })
      // What nobody had heard of before is as if it had always been so
      const from = before ? clock.now() : -Infinity
      versions.set(code, [...(before ?? []), { from, row: isGone ? undefined : made }])
    }
    const asked = Array.from({ length: 300 }, () => ({
      code: any([...codes, 'nowhere']),
      at: start + any([-20_000 * hour, random.below(125) * hour, random.below(125 * hour)]),
    }))
    const labels = await load('asked_airports', { code: 'text', at: 'float' }, asked)
    const log = await loadLog({ folder }, engine, airports)
    const rows = await withLog(engine, airports, snapshot, log?.sql)
    const again = memoryOnlineStore()
    await materialise(engine, plan, rows, start, again, { seq: log?.seq ?? 0 })
    const ordered = `SELECT code, CAST(millrace_seq AS BIGINT) AS millrace_ordinal, "at" AS millrace_at FROM (${labels})`
    const views = { served, again: new OnlineView(plan, again) }
    for (const maxMomentsTogether of [0, 64]) {
      const trained = await offlineFeatures(engine, plan, rows, ordered, asked.length, {
        maxMomentsTogether,
        sweepsWhereCheaper: false,
      })
      for (const [i, { code, at }] of asked.entries()) {
        const now = (versions.get(code) ?? []).findLast(one => one.from <= at)?.row
        const { city = null, runways = null, coastal = null, opened = null } = now ?? {}
        const isMany = runways === null ? null : Number(runways) > 2
        const isLarge =
          isMany === false || coastal === false ? false : isMany === null || coastal === null ? null : true
        const wanted = [city, runways, coastal, opened, now ? 1 : 0, isLarge, city ?? '?']
        const found = plan.features.map(({ name, spec }) => {
          const column = trained.get(`airport.${name}`)
          const value = column?.[i] ?? null
          return column instanceof Float64Array ? featureValue(spec, value as number, null) : value
        })
        expect([code, at - start, maxMomentsTogether, ...found]).toEqual([
          code,
          at - start,
          maxMomentsTogether,
          ...wanted,
        ])
        for (const view of Object.values(views)) {
          const [answer] = await readFeatures(view, undefined, [{ code }], at)
          const shown = [...wanted].with(
            3,
            opened === null ? null : opened === start ? '2026-01-01T00:00:00Z' : '1969-12-31T19:00:00Z',
          )
          expect([code, at - start, ...(answer?.values ?? [])]).toEqual([code, at - start, ...shown])
          expect(answer).toMatchObject({ status: now ? 'present' : 'missing', event: null })
        }
      }
    }
    const proof = await verifyView(engine, plan, rows, again, { until: 0, now: clock.now(), sample: 200, seed: 1 })
    expect(proof).toMatchObject({ mismatches: 0, uncovered: 0, compared: 200 * plan.features.length })
    await log?.drop()
    await logs.close()
  })
})

const flights = dataset('flights', {
  source: parquet('none'),
  columns: {
    at: t.timestamp('UTC'),
    origin: t.text(),
    dest: t.text(),
    delay: t.float(),
    distance: t.float(),
  },
  eventTime: 'at',
})
const flightTypes = { at: 'timestamp', origin: 'text', dest: 'text', delay: 'float', distance: 'float' } as const
const departures = features('departures', {
  entity: entity('departure', { origin: t.text() }),
  from: flights,
  compute: f => ({ n: f.count('6h'), mean: f.mean('delay', '6h'), last: f.last('dest', '6h') }),
})
const everywhere = features('everywhere', {
  from: flights,
  compute: f => ({ n: f.count('6h'), mean: f.mean('delay', '6h') }),
})
const there = departures.as('there', { origin: 'dest' })
const from = airport.as('from', { code: 'origin' })
const to = airport.as('to', { code: 'dest' })
const late = model('late', {
  task: 'binary',
  from: flights,
  label: c => c.delay.gt(1),
  features: [departures, there, everywhere, from, to],
  inputs: c => ({
    here: departures.all.n,
    there: there.all.n,
    share: departures.all.n.div(everywhere.all.n),
    relative: there.all.mean.minus(everywhere.all.mean),
    perMile: departures.all.mean.div(c.distance),
    isSame: from.all.city.eq(to.all.city),
    runways: from.all.runways.plus(to.all.runways),
    city: to.all.city,
    lastDest: departures.all.last,
    isLarge: to.all.isLarge,
  }),
  split: { by: 'time', train: '60h', test: '40h' },
  train: gbt({ trees: 1 }),
})

describe('a model of several entities of a row', () => {
  it('is trained on what it is served: each role its own entity, of one view and one record', async () => {
    const random = seeded(3)
    const any = <T>(of: readonly T[]): T => of[random.below(of.length)] as T
    const codes = ['FRA', 'VIE', 'OSL', 'HEL']
    const list = Array.from({ length: 200 }, (_, i) => ({
      at: start + Math.floor(i / 2) * hour + (i % 2),
      origin: any(codes),
      dest: any(codes),
      delay: random.below(16) / 4,
      distance: 100 * (1 + random.below(9)),
    }))
    const dimension: Row[] = [
      { code: 'FRA', city: 'Frankfurt', runways: 4, coastal: false, opened: null },
      { code: 'VIE', city: 'Wien', runways: 3, coastal: true, opened: null },
      { code: 'OSL', city: 'Wien', runways: null, coastal: true, opened: null },
    ]
    const snapshots = new Map([
      ['flights', await load('flights', flightTypes, list)],
      ['airports', await load('airports', airportTypes, dimension)],
    ])
    const path = join(root, 'frame.parquet')
    const summary = await buildFrame(engine, late, snapshots, path)
    expect(summary.train + summary.test).toBe(200)
    const names = late.inputs.map(one => one.name)
    const frame = await engine.rows(
      `SELECT millrace_at, ${names.join(', ')} FROM read_parquet('${path}') ORDER BY millrace_at`,
    )

    const store = memoryOnlineStore()
    const records = new Map<string, OnlineView>()
    const online = late.views.map(view => {
      const plan = planView(view)
      // A role has no records of its own
      const opened = records.get(plan.records) ?? new OnlineView(plan, store)
      records.set(plan.records, opened)
      return opened
    })
    expect(records.size).toBe(3)
    const encoder = new RowEncoder(late, online)
    expect(encoder.columns.map(({ name }) => name).sort()).toEqual(['dest', 'distance', 'origin'])
    const push = async (dataset: string, rows: readonly object[]): Promise<void> => {
      for (const view of records.values())
        if (view.plan.view.from.name === dataset) await view.push(unlogged(rows as readonly Row[]), 1e16)
    }
    await push('airports', dimension)
    const served: { readonly values: Float32Array; readonly categories: readonly string[] }[] = []
    for (const event of list) {
      const { at, ...row } = event
      const { features: values, categories = [] } = await encoder.encode([{ row: row as Row, at }], 0)
      served.push({ values, categories })
      await push('flights', [event])
    }
    const numbers = late.inputs.filter(one => one.type !== 'text').map(one => one.name)
    const words = late.inputs.filter(one => one.type === 'text').map(one => one.name)
    const dimensionOf = (code: string) => dimension.find(one => one['code'] === code)
    for (const [i, row] of list.entries()) {
      const seen = list.filter(one => one.at < row.at && one.at >= row.at - 6 * hour)
      const mean = (some: readonly { delay: number }[]): number | null =>
        some.length === 0 ? null : some.reduce((sum, one) => sum + one.delay, 0) / some.length
      const of = (code: string) => seen.filter(one => one.origin === code)
      const [here, away] = [of(row.origin), of(row.dest)]
      const minus = (a: number | null, b: number | null) => (a === null || b === null ? null : a - b)
      const [a, b] = [dimensionOf(row.origin), dimensionOf(row.dest)]
      const sum = a?.['runways'] == null || b?.['runways'] == null ? null : Number(a['runways']) + Number(b['runways'])
      const isMany = b?.['runways'] == null ? null : Number(b['runways']) > 2
      const coastal = (b?.['coastal'] ?? null) as boolean | null
      const isLarge = isMany === false || coastal === false ? false : isMany === null || coastal === null ? null : true
      const meanHere = mean(here)
      const wanted: Record<string, Value> = {
        here: here.length,
        there: away.length,
        share: seen.length === 0 ? null : here.length / seen.length,
        relative: minus(mean(away), mean(seen)),
        perMile: meanHere === null ? null : meanHere / row.distance,
        isSame: a && b ? Number(a['city'] === b['city']) : null,
        runways: sum,
        city: (b?.['city'] ?? null) as Value,
        lastDest: here.at(-1)?.dest ?? null,
        isLarge: isLarge === null ? null : Number(isLarge),
      }
      for (const [n, name] of numbers.entries()) {
        const expected = wanted[name] === null ? Number.NaN : Math.fround(Number(wanted[name]))
        expect([i, name, served[i]?.values[n]]).toEqual([i, name, expected])
        expect([i, name, frame[i]?.[name] ?? Number.NaN]).toEqual([i, name, expected])
      }
      for (const [n, name] of words.entries()) {
        expect([i, name, served[i]?.categories[n]]).toEqual([i, name, wanted[name] ?? ''])
        expect([i, name, frame[i]?.[name] ?? null]).toEqual([i, name, wanted[name]])
      }
    }
  })

  it('may have rows without a time of their own, which see what is known by now', async () => {
    const routes = dataset('routes', {
      source: parquet('none'),
      columns: { origin: t.text(), dest: t.text(), price: t.float() },
    })
    const price = model('price', {
      task: 'regression',
      from: routes,
      label: c => c.price,
      features: [from, to],
      inputs: () => ({ runways: from.all.runways.plus(to.all.runways), where: to.all.where }),
      split: { by: 'random', test: 0.5 },
      train: gbt({ trees: 1 }),
    })
    const list: Row[] = ['FRA', 'VIE', 'none', 'FRA'].map((dest, i) => ({ origin: 'VIE', dest, price: i }))
    const dimension: Row[] = [
      { code: 'FRA', city: 'Frankfurt', runways: 4, coastal: false, opened: null },
      { code: 'VIE', city: 'Wien', runways: 2, coastal: null, opened: start },
    ]
    const snapshots = new Map([
      ['routes', await load('routes', { origin: 'text', dest: 'text', price: 'float' }, list)],
      ['airports', await load('airports', airportTypes, dimension)],
    ])
    const path = join(root, 'timeless.parquet')
    await buildFrame(engine, price, snapshots, path)
    const view = new OnlineView(planView(airport as never), memoryOnlineStore())
    await view.push(unlogged(dimension), 1)
    const { features: served, categories } = await new RowEncoder(price, [view, view]).encode(
      list.map(row => ({ row })),
      start,
    )
    const wanted = [6, 4, null, 6]
    const places = ['Frankfurt', 'Wien', '?', 'Frankfurt']
    const frame = await engine.rows(`SELECT runways, "where" FROM read_parquet('${path}') ORDER BY millrace_label`)
    expect(frame).toEqual(wanted.map((runways, i) => ({ runways, where: places[i] })))
    expect([[...served], categories]).toEqual([wanted.map(x => x ?? Number.NaN), places])
    expect(() =>
      model('timed', {
        task: 'regression',
        from: routes,
        label: c => c.price,
        features: [departures],
        inputs: () => ({ n: departures.all.n }),
        split: { by: 'random', test: 0.5 },
        train: gbt({ trees: 1 }),
      }),
    ).toThrow(/uses departures, whose features are as of a moment, and dataset routes has no eventTime/)
  })

  it('refuses what is no role: without a name of its own, a key or a column that is there', () => {
    const says = (make: () => unknown): string => {
      try {
        make()
        return 'was let pass'
      } catch (error) {
        return (error as Error).message
      }
    }
    expect(says(() => departures.as('departures', { origin: 'dest' }))).toMatch(/name of its own/)
    expect(says(() => departures.as('x', {} as never))).toMatch(/does not say in which column the key 'origin'/)
    expect(says(() => departures.as('x', { origin: 'dest', dest: 'dest' } as never))).toMatch(/'dest', which is no key/)
    const of = (view: unknown) => () =>
      model('m', {
        task: 'binary',
        from: flights,
        label: c => c.delay.gt(1),
        features: [departures, view as never],
        inputs: c => ({ d: c.distance }),
        split: { by: 'time', train: '1d', test: '1d' },
        train: gbt({ trees: 1 }),
      })
    expect(says(of(departures.as('x', { origin: 'arrival' })))).toMatch(/no column 'arrival'/)
    expect(says(of(departures.as('x', { origin: 'delay' })))).toMatch(/is text, but 'delay' of flights is float/)
    expect(says(of(departures))).toMatch(/'departures' twice/)
    const timeless = (options: object) => () => features('v', { entity: place, from: airports, ...options } as never)
    expect(says(timeless({ ttl: '1d', compute: (f: { count(): object }) => ({ n: f.count() }) }))).toMatch(
      /ttl has no meaning/,
    )
    expect(says(timeless({ compute: (f: { count(w: string): object }) => ({ n: f.count('1d') }) }))).toMatch(
      /can have no window/,
    )
    expect(says(timeless({ compute: (f: { secondsSince(): object }) => ({ n: f.secondsSince() }) }))).toMatch(
      /since nothing/,
    )
  })
})

describe('keys of every type', () => {
  it('are one key, whichever way they came', async () => {
    const shapes = {
      int: [t.int(), [5n, 2n ** 62n, 2n ** 62n + 1n, -(2n ** 53n) - 1n]],
      float: [t.float(), [0.1, -0, 1e21, 5e-324]],
      bool: [t.bool(), [true, false]],
      text: [t.text(), ['a', '', 'é\u0000', '\u{1f600}']],
      timestamp: [t.timestamp('UTC'), [0, -1, start, start + 1]],
    } as const
    for (const [type, [column, keys]] of Object.entries(shapes)) {
      const rows = dataset('rows', {
        source: parquet('none'),
        columns: { at: t.timestamp('UTC'), k: column, other: t.text(), x: t.float() },
        eventTime: 'at',
      })
      const view = features('by-key', {
        entity: entity('key', { k: column, other: t.text() } as never),
        from: rows as never,
        compute: f => ({ n: (f as unknown as { count(): never }).count() }),
      })
      const plan = planView(view as never)
      const list = keys.flatMap((k, i) =>
        Array.from({ length: i + 1 }, (_, j): Row => ({ at: start + j, k: k as Value, other: 'a,"b', x: 1 })),
      )
      const events = await load('by_key', { at: 'timestamp', k: type as ColumnType, other: 'text', x: 'float' }, list)
      const asked = keys.map((k, i): Row => ({ k: k as Value, other: i % 2 === 0 ? 'a,"b' : 'a', at: start + hour }))
      const labels = await load('asked_by_key', { k: type as ColumnType, other: 'text', at: 'float' }, asked)
      const found = await offlineFeatures(
        engine,
        plan,
        events,
        `SELECT k, other, millrace_seq AS millrace_ordinal, "at" AS millrace_at FROM (${labels})`,
        keys.length,
      )
      const wanted = keys.map((_, i) => (i % 2 === 0 ? i + 1 : 0))
      expect([type, ...(found.get('by-key.n') ?? [])]).toEqual([type, ...wanted])
      const store = memoryOnlineStore()
      await materialise(engine, plan, events, start + hour, store)
      const pushed = new OnlineView(plan, memoryOnlineStore())
      await pushed.push(unlogged(list), start + hour)
      for (const view of [pushed, new OnlineView(plan, store)])
        for (const [i, row] of asked.entries()) {
          const out = new Float64Array(1)
          await view.read(
            keyIn(plan, name => row[name]),
            start + hour,
            out,
          )
          expect([type, i, out[0]]).toEqual([type, i, wanted[i]])
        }
    }
  })
})

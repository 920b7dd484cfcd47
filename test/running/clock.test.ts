import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openSqlite } from '../../src/adapters/metadata/sqlite/open.ts'
import { dataset, deployment, gbt, model, monitor, parquet, t } from '../../src/index.ts'
import { seeded } from '../../src/math/random/seeded.ts'
import type { MetadataStore } from '../../src/ports/metadata-store.ts'
import { buildProfile } from '../../src/stages/windows/build-profile.ts'
import { LiveMonitor } from '../../src/stages/watch/live.ts'
import { type ManualClock, manualClock } from '../../src/testing/manual-clock.ts'

const hour = 3_600_000_000
const start = Math.floor((Date.UTC(2026, 2, 2) * 1000) / hour) * hour
const random = seeded(4)
const values = Float32Array.from({ length: 5_000 }, () => random.normal())
const profile = buildProfile({ columns: [{ name: 'a', kind: 'number', values }], scores: values })

const rows = dataset('rows', {
  source: parquet('x.parquet'),
  columns: { at: t.timestamp('UTC'), a: t.float(), b: t.bool() },
  eventTime: 'at',
})
const small = model('small', {
  task: 'binary',
  from: rows,
  label: c => c.b,
  inputs: c => ({ a: c.a }),
  split: { by: 'time', train: '2d', test: '1d' },
  train: gbt({ trees: 1 }),
})
const definition = monitor('watch', { deployment: deployment('api', { model: small }), window: '1h' })

let clock: ManualClock
let store: MetadataStore
let live: LiveMonitor
let made = 0

const serve = (count: number, at?: number): void => {
  for (let i = 0; i < count; i++) {
    const value = random.normal()
    live.predicted(`p${made++}`, at ?? clock.now(), { features: Float32Array.of(value), rows: 1 }, 0, value)
  }
}

/** Rows and beginnings of the windows that were evaluated. */
async function evaluated(): Promise<[hours: number, rows: number][]> {
  await live.settled()
  const reports = await store.listReports({ kind: 'drift', limit: 100 })
  return reports
    .map(({ evidence }): [number, number] => [(Number(evidence.from) - start) / hour, Number(evidence.rows)])
    .reverse()
}

beforeEach(async () => {
  clock = manualClock(start)
  store = await openSqlite(join(await mkdtemp(join(tmpdir(), 'millrace-clock-')), 'state.db'))
  live = new LiveMonitor({ store, clock, notifiers: [] }, definition)
  live.watch(profile)
  serve(10)
  await clock.advance(3_600_000)
})
afterEach(() => store.close())

describe('a monitor whose clock is set back', () => {
  it('by a minute, just after a window began: every row counts once', async () => {
    serve(100)
    clock.set(start + hour - 60_000_000)
    live.tick()
    serve(50)
    await clock.advance(60_000)
    serve(25)
    await clock.advance(3_600_000)
    serve(1)
    expect(await evaluated()).toEqual([[1, 175]])
  })

  it('by a year, after it was ahead: windows go on', async () => {
    serve(100)
    clock.set(start + 365 * 24 * hour)
    serve(30)
    clock.set(start + hour + hour / 2)
    live.tick()
    serve(40)
    await clock.advance(1_800_000)
    serve(300)
    await clock.advance(3_600_000)
    serve(1)
    // what the wrong time cut in two is not judged as a whole window; what follows is
    expect(await evaluated()).toEqual([
      [1, 100],
      [2, 300],
    ])
  })

  it('and a row of a time to come does not hold the window open until then', async () => {
    serve(100)
    serve(1, start + 1_000 * hour)
    await clock.advance(3_600_000)
    serve(1)
    expect(await evaluated()).toEqual([[1, 101]])
  })

  it('ends a window whose time is over although no row comes any more', async () => {
    serve(100)
    await clock.advance(3_600_000)
    live.tick()
    live.tick()
    expect(await evaluated()).toEqual([[1, 100]])
  })
})

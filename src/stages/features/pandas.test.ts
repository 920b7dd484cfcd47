import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openDuckdb } from '../../adapters/data/duckdb/engine.ts'
import { dataset, features, parquet, t } from '../../index.ts'
import type { DataEngine, Row, Value } from '../../ports/data-engine.ts'
import { memoryOnlineStore } from '../../testing/memory-online-store.ts'
import { columnOfValues } from '../log/column.ts'
import { unlogged } from '../log/row-version.ts'
import { keyIn, planView } from './channels.ts'
import { offlineFeatures } from './offline.ts'
import { OnlineView } from './online.ts'

const given = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/features/pandas.json', import.meta.url), 'utf8'),
) as {
  readonly events: readonly (readonly [number, number, string])[]
  readonly moments: readonly number[]
  readonly answers: readonly Readonly<Record<string, number | string | null>>[]
}

const zone = 'Europe/Berlin'
const view = features('sold', {
  from: dataset('sales', {
    source: parquet('none'),
    columns: { at: t.timestamp('UTC'), amount: t.float(), kind: t.text() },
    eventTime: 'at',
  }),
  compute: f => ({
    n: f.count('1d'),
    sum: f.sum('amount', '1d'),
    mean: f.mean('amount', '1d'),
    std: f.std('amount', '1d'),
    median: f.quantile('amount', 0.5, '1d'),
    p90: f.quantile('amount', 0.9, '1d'),
    least: f.min('amount', '1d'),
    most: f.max('amount', '1d'),
    kinds: f.distinct('kind', '1d'),
    usual: f.mostFrequent('kind', '1d'),
    a: f.count('1d', { where: c => c.kind.eq('a') }),
    before: f.lag('amount', 1, '1d'),
    first: f.first('kind', '1d'),
    since: f.secondsSince(),
    yesterday: f.count({ tumbling: '1d', zone }),
    yesterdayStd: f.std('amount', { tumbling: '1d', zone }),
    today: f.count({ toDate: '1d', zone }),
    thisWeek: f.count({ toDate: '7d', zone }),
    lastWeek: f.count({ tumbling: '7d', zone }),
  }),
})

let engine: DataEngine
beforeAll(async () => {
  engine = await openDuckdb()
})
afterAll(() => engine.close())

it('every aggregate and window is what pandas computes, around the nights in which clocks are moved', async () => {
  const plan = planView(view as never)
  const { events, moments, answers } = given
  const loaded = await engine.load('sales', [
    columnOfValues(
      'at',
      'timestamp',
      events.map(([at]) => at),
    ),
    columnOfValues(
      'amount',
      'float',
      events.map(([, amount]) => amount),
    ),
    columnOfValues(
      'kind',
      'text',
      events.map(([, , kind]) => kind),
    ),
    columnOfValues(
      'millrace_seq',
      'int',
      events.map((_, i) => i),
    ),
  ])
  const asked = await engine.load('asked', [
    columnOfValues(
      'millrace_ordinal',
      'int',
      moments.map((_, i) => i),
    ),
    columnOfValues('millrace_at', 'float', moments),
  ])
  const online = new OnlineView(plan, memoryOnlineStore())
  await online.push(unlogged(events.map(([at, amount, kind]): Row => ({ at, amount, kind }))), 1e16)
  const [window] = await online.load([keyIn(plan, () => null)])
  const wanted = (at: number, name: string): unknown => {
    const answer = answers[at]?.[name] ?? null
    // pandas adds up and divides in another order
    return typeof answer === 'number' && !Number.isInteger(answer) ? expect.closeTo(answer, 6) : answer
  }
  for (const ways of [
    { maxMomentsTogether: 0, maxLooks: 0 },
    { maxMomentsTogether: 0 },
    { sweepsWhereCheaper: false, maxMomentsTogether: 1000 },
  ]) {
    const trained = await offlineFeatures(
      engine,
      plan,
      `SELECT * FROM ${loaded.sql}`,
      `SELECT * FROM ${asked.sql}`,
      moments.length,
      ways,
    )
    for (const [i, moment] of moments.entries()) {
      const out = new Float64Array(plan.features.length)
      const texts: (string | null)[] = []
      const status = online.compute(window, moment, out, 0, texts)
      for (const [f, { name, spec }] of plan.features.entries()) {
        const found = trained.get(`sold.${name}`)?.[i] ?? null
        const plain = (value: Value): Value => (Number.isNaN(value) ? null : value)
        expect([i, name, plain(found)]).toEqual([i, name, wanted(i, name)])
        const served = spec.type === 'text' ? (texts[f] as Value) : plain(out[f] as number)
        if (status === 'present') expect([i, name, served]).toEqual([i, name, wanted(i, name)])
      }
    }
  }
})

import { expect, it } from 'vitest'
import { fail } from '../../errors/index.ts'
import { dataset, entity, features, gbt, model, parquet, t } from '../../index.ts'
import type { OnlineStore } from '../../ports/online-store.ts'
import { memoryOnlineStore } from '../../testing/memory-online-store.ts'
import { planView } from '../features/channels.ts'
import { OnlineView } from '../features/online.ts'
import { unlogged } from '../log/row-version.ts'
import { RowEncoder } from './encode.ts'

const hour = 3_600_000_000
const rides = dataset('rides', {
  source: parquet('none'),
  columns: { at: t.timestamp('UTC'), zone: t.text(), late: t.bool() },
  eventTime: 'at',
})
const view = features('recent', {
  entity: entity('zone', { zone: t.text() }),
  from: rides,
  compute: f => ({ n: f.count('6h') }),
})
const late = model('late', {
  task: 'binary',
  from: rides,
  label: c => c.late,
  features: [view],
  inputs: () => ({ ...view.all }),
  split: { by: 'time', train: '1d', test: '1d' },
  train: gbt({ trees: 1 }),
})

/** A store on a server that can be away. */
function awayStore(): { readonly store: OnlineStore; asked: number; isAway: boolean } {
  const memory = memoryOnlineStore()
  const state = {
    asked: 0,
    isAway: false,
    store: {
      ...memory,
      async getMany(...given) {
        state.asked++
        if (state.isAway) throw fail('onlineUnreachable', { store: 'redis://example', reason: 'connection refused' })
        return memory.getMany(...given)
      },
    } satisfies OnlineStore,
  }
  return state
}

async function encoderOf(unreachable: 'refuse' | 'stale' | undefined) {
  const away = awayStore()
  const online = new OnlineView(planView(view), away.store, unreachable === undefined ? {} : { unreachable })
  const rows = Array.from({ length: 20 }, (_, i) => ({ at: i * hour, zone: 'a', late: false }))
  await online.push(unlogged([...rows, { at: 0, zone: 'b', late: false }]), 1e15)
  return {
    away,
    encoder: new RowEncoder(late, [
      new OnlineView(planView(view), away.store, { unreachable: unreachable ?? 'refuse' }),
    ]),
  }
}
const ask = (...zones: string[]) => zones.map(zone => ({ row: { at: 20 * hour, zone, late: false } }))

it('a store that does not answer is said, and predictions are refused, unless the project says otherwise', async () => {
  for (const said of ['refuse', undefined] as const) {
    const { away, encoder } = await encoderOf(said)
    expect([...(await encoder.encode(ask('a'), 0)).features]).toEqual([6])
    away.isAway = true
    await expect(encoder.encode(ask('a'), 0)).rejects.toMatchObject({ code: 'MR2060', status: 503 })
  }
})

it('`stale`: the features are those that were read last, none where nothing was read, and which views that is of is told', async () => {
  const { away, encoder } = await encoderOf('stale')
  const first = await encoder.encode(ask('a'), 0)
  expect([[...first.features], first.unreachable]).toEqual([[6], undefined])
  away.isAway = true
  const { features: values, unreachable } = await encoder.encode(ask('a', 'b', 'new'), 0)
  // a count of what nobody read is not 0
  expect([...values]).toEqual([6, Number.NaN, Number.NaN])
  expect([...(unreachable ?? [])]).toEqual([0, 1, 2].map(row => [row, ['recent']]))
})

it('a store that is away is asked once a second, not by each request, and again when it is back', async () => {
  const { away, encoder } = await encoderOf('stale')
  await encoder.encode(ask('a'), 0)
  away.isAway = true
  const before = away.asked
  for (let i = 0; i < 50; i++) await encoder.encode(ask('a'), 0)
  expect(away.asked - before).toBeLessThan(10)
  away.isAway = false
  await expect
    .poll(async () => (await encoder.encode(ask('a'), 0)).unreachable, { timeout: 10_000, interval: 100 })
    .toBeUndefined()
})

import { expect, it } from 'vitest'
import { dataset, entity, features, gbt, model, parquet, t } from '../../index.ts'
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

/** An encoder of a model of which one view declares that, over 200 hours of rides. */
async function encoderOf(uncovered: 'null' | 'refuse' | undefined) {
  const view = features('recent', {
    entity: entity('zone', { zone: t.text() }),
    from: rides,
    ...(uncovered === undefined ? {} : { uncovered }),
    compute: f => ({ n: f.count('6h') }),
  })
  const declared = model('late', {
    task: 'binary',
    from: rides,
    label: c => c.late,
    features: [view],
    inputs: () => ({ ...view.all }),
    split: { by: 'time', train: '1d', test: '1d' },
    train: gbt({ trees: 1 }),
  })
  const online = new OnlineView(planView(view), memoryOnlineStore())
  const rows = Array.from({ length: 200 }, (_, i) => ({ at: i * hour, zone: 'a', late: false }))
  await online.push(unlogged(rows), 1e15)
  return new RowEncoder(declared, [online])
}
const ask = (at: number) => [{ row: { at, zone: 'a', late: false } }]

it('a moment that the records do not reach back to is refused where the view says so', async () => {
  const encoder = await encoderOf('refuse')
  expect([...(await encoder.encode(ask(200 * hour), 0)).features]).toEqual([6])
  await expect(encoder.encode([...ask(200 * hour), ...ask(100 * hour)], 0)).rejects.toMatchObject({
    code: 'MR2059',
    details: { view: 'recent', at: '1970-01-05T04:00:00Z' },
  })
})

it('it has no value where the view says so, and which rows and views these are is told', async () => {
  const { features: values, uncovered } = await (await encoderOf('null')).encode([...ask(200 * hour), ...ask(hour)], 0)
  expect([[...values], [...(uncovered ?? [])]]).toEqual([[6, Number.NaN], [[1, ['recent']]]])
  expect((await (await encoderOf('null')).encode(ask(199 * hour), 0)).uncovered).toBeUndefined()
})

it('where nothing is there to compute it from it is refused, never a number', async () => {
  await expect((await encoderOf(undefined)).encode(ask(hour), 0)).rejects.toMatchObject({ code: 'MR2059' })
})

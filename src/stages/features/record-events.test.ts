import { afterAll, expect, it } from 'vitest'
import { openDuckdb } from '../../adapters/data/duckdb/engine.ts'
import { dataset, entity, features, parquet, t } from '../../index.ts'
import { memoryOnlineStore } from '../../testing/memory-online-store.ts'
import { planView } from './channels.ts'
import { materialise } from './materialise.ts'
import { OnlineView } from './online.ts'

const engine = await openDuckdb()
afterAll(() => engine.close())

const minute = 60_000_000

const rides = dataset('rides', {
  source: parquet('none'),
  columns: { id: t.int(), at: t.timestamp('UTC'), who: t.text(), minutes: t.nullable(t.int()) },
  eventTime: 'at',
  key: ['id'],
  knownAt: { minutes: c => c.at.plusMinutes(c.minutes) },
})
const plan = planView(
  features('ridden', {
    entity: entity('person', { who: t.text() }),
    from: rides,
    compute: f => ({ total: f.sum('minutes', '1h') }),
  }),
)

/** Rows with their versions: minutes, place in the log, when it was known, whether it was taken back. */
type Version = readonly [
  id: number,
  who: string,
  minutes: number | null,
  place: number,
  known: number | null,
  gone?: true,
]

async function totals(versions: readonly Version[], who: string, ...moments: readonly number[]): Promise<number[]> {
  const rows = versions.map(
    ([id, name, minutes, place, known, gone = false]) =>
      `(${id}::BIGINT, make_timestamp(0), '${name}', ${minutes}::BIGINT, ${place === 0 ? id : 2n ** 62n + BigInt(place)}::BIGINT, ${place}, ${id}::BIGINT, ${known}::DOUBLE, ${gone})`,
  )
  const sql = `SELECT * FROM (VALUES ${rows.join(', ')}) v(id, "at", who, minutes, millrace_seq, millrace_version, millrace_of_row, millrace_known, millrace_gone)`
  const store = memoryOnlineStore()
  await materialise(engine, plan, { sql, versions: sql }, 60 * minute, store, { seq: 9 })
  const view = new OnlineView(plan, store)
  const out = new Float64Array(1)
  const found: number[] = []
  for (const at of moments) {
    await view.read(who, at * minute, out)
    found.push(out[0] as number)
  }
  return found
}

it('a value that is corrected to none counts until then, although nothing says when none is known', async () => {
  const told: Version = [1, 'a', 5, 0, null]
  expect(await totals([told, [1, 'a', null, 1, 10 * minute]], 'a', 4, 5, 9, 10, 20)).toEqual([0, 5, 5, 0, 0])
  expect(await totals([told, [1, 'a', 7, 1, 10 * minute]], 'a', 4, 5, 9, 10, 20)).toEqual([0, 5, 5, 7, 7])
  expect(await totals([told, [1, 'a', 5, 1, 10 * minute, true]], 'a', 9, 10)).toEqual([5, 0])
})

it('a row that goes to another person is left behind by the first one', async () => {
  const versions: readonly Version[] = [
    [1, 'a', 5, 0, null],
    [2, 'b', 3, 0, null],
    [1, 'b', 5, 1, 10 * minute],
  ]
  expect(await totals(versions, 'a', 9, 10)).toEqual([5, 0])
  expect(await totals(versions, 'b', 9, 10)).toEqual([3, 8])
})

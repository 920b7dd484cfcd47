import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openDuckdb } from '../../adapters/data/duckdb/engine.ts'
import { dataset, parquet, t, type Dataset } from '../../index.ts'
import { seeded } from '../../math/random/seeded.ts'
import type { DataEngine, Row } from '../../ports/data-engine.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { DatasetLog } from './dataset-log.ts'
import { loadLog, logFolder } from './log-table.ts'
import { segmentName } from './segments.ts'

const columns = {
  id: t.int(),
  at: t.timestamp('UTC'),
  zone: t.nullable(t.text()),
  late: t.bool(),
  face: t.nullable(t.vector(2)),
}
const ridesOf = (more: object = {}): Dataset =>
  dataset('rides', {
    source: parquet('none'),
    columns: { ...columns, ...more },
    eventTime: 'at',
    key: ['id'],
  }) as unknown as Dataset
const rides = ridesOf()
const clock = manualClock()

let engine: DataEngine
let folder = ''
beforeAll(async () => {
  engine = await openDuckdb()
  folder = await mkdtemp(join(tmpdir(), 'millrace-log-'))
})
afterAll(async () => {
  await engine.close()
  await rm(folder, { recursive: true, force: true })
})
const place = (): string => logFolder(folder, 'rides')
const packed = async (): Promise<string[]> => (await readdir(place())).filter(name => name.endsWith('.parquet')).sort()

/** Three segments of rows, later versions of rows and deletions. */
async function filled(): Promise<void> {
  const random = seeded(5)
  for (let segment = 1; segment <= 3; segment++) {
    const log = await DatasetLog.open(place(), rides, { clock })
    for (let i = 0; i < 30; i++) {
      await clock.advance(1000)
      const arrivals = Array.from({ length: 1 + random.below(8) }, () => ({
        row: {
          id: random.below(60),
          at: 1e15 + random.below(1e6),
          zone: random.below(4) === 0 ? null : `zone "${random.below(9)}"`,
          late: random.below(2) === 0,
          face: random.below(3) === 0 ? null : `[${random.below(9)}.0, 0.5]`,
        },
        ...(random.below(5) === 0 ? { gone: true as const } : {}),
        ...(random.below(5) === 0 ? { known: 1e15 + random.below(100) } : {}),
      }))
      await log.append(arrivals)
    }
    await log.close()
    if (segment < 3) await writeFile(join(place(), segmentName(segment + 1)), '')
  }
}

/** What the log itself gives, version by version. */
async function plain(of: Dataset): Promise<Row[]> {
  const log = await DatasetLog.open(place(), of, { clock })
  const rows: Row[] = []
  for await (const { row, seq, at, known, gone } of log.read())
    rows.push({
      ...row,
      millrace_place: seq,
      millrace_at_log: at,
      millrace_known_log: known ?? null,
      millrace_gone_log: gone,
    })
  await log.close()
  return rows
}
async function loaded(of: Dataset): Promise<{ readonly rows: Row[]; readonly seq: number }> {
  const table = await loadLog({ folder }, engine, of)
  if (!table) throw new Error('nothing is in it')
  const rows = await engine.rows(`SELECT * FROM (${table.sql}) ORDER BY millrace_place`)
  await table.drop()
  return { rows, seq: table.seq }
}

it('a log is read as it was written, its complete segments as Parquet that is made once', async () => {
  expect(await loadLog({ folder }, engine, rides)).toBeUndefined()
  await filled()
  const wanted = await plain(rides)
  expect(wanted.length).toBeGreaterThan(200)
  for (let time = 0; time < 2; time++) expect(await loaded(rides)).toEqual({ rows: wanted, seq: wanted.length })
  const first = await packed()
  expect(first.map(name => name.slice(0, 9))).toEqual(['000000001', '000000002'])

  // what is appended since is there
  const log = await DatasetLog.open(place(), rides, { clock })
  await log.append([{ row: { id: 900, at: 1, zone: null, late: true, face: null } }])
  await log.close()
  expect((await loaded(rides)).seq).toBe(wanted.length + 1)
  expect(await packed()).toEqual(first)

  // it is the Parquet that is read: a segment that is gone is not missed
  const segment = join(place(), segmentName(1))
  const bytes = await readFile(segment)
  await writeFile(
    segment,
    bytes.map(() => 10),
  )
  expect((await loaded(rides)).rows).toHaveLength(wanted.length + 1)
  await writeFile(segment, bytes)

  // a damaged segment is read as far as it is whole, and nothing is made of it
  for (const name of first) await rm(join(place(), name))
  await writeFile(
    segment,
    bytes.map((byte, i) => (i === 200 ? byte ^ 1 : byte)),
  )
  expect((await loaded(rides)).rows.length).toBeLessThan(wanted.length + 1)
  expect(await packed()).toEqual(first.slice(1))
  await writeFile(segment, bytes)
  expect((await loaded(rides)).rows).toHaveLength(wanted.length + 1)
  expect(await packed()).toEqual(first)

  // of other columns it is made anew
  const wider = ridesOf({ more: t.nullable(t.float()) })
  expect((await loaded(wider)).rows).toEqual((await plain(wider)).map(row => ({ ...row, more: null })))
  expect(await packed()).toHaveLength(4)
})

it('a segment of which nothing is whole, and a last one without rows, have no versions', async () => {
  const before = (await loaded(rides)).rows.length
  await writeFile(join(place(), segmentName(4)), '')
  const { rows, seq } = await loaded(rides)
  expect([rows.length, seq]).toEqual([before, before])
  await writeFile(join(place(), segmentName(5)), '')
  expect((await loaded(rides)).rows).toHaveLength(before)
})

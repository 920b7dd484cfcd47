import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { dataset, parquet, t } from '../../index.ts'
import { isHeldLock, takeFileLock } from '../../internal/file-lock.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { DatasetLog } from './dataset-log.ts'
import { Delivery } from './delivery.ts'
import type { RowVersion } from './row-version.ts'
import { DatasetLogs } from './take-rows.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-log-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))
const place = (): string => mkdtempSync(join(root, 'log-'))

const columns = { id: t.int(), at: t.timestamp('UTC'), paid: t.nullable(t.float()) }
const keyed = dataset('keyed', { source: parquet('none'), columns, eventTime: 'at', key: ['id'] })
const loose = dataset('loose', { source: parquet('none'), columns, eventTime: 'at' })
const clock = manualClock(1_000)
const open = (folder: string, of = keyed, more: object = {}) => DatasetLog.open(folder, of as never, { clock, ...more })
const row = (id: number | bigint, paid: number | null = 1) => ({ id, at: 5, paid })

async function all(log: DatasetLog): Promise<RowVersion[]> {
  const list: RowVersion[] = []
  for await (const one of log.read()) list.push(one)
  return list
}

it('gives places in the order of arrival, whichever of several writers appends', async () => {
  const folder = place()
  const logs = await Promise.all([open(folder), open(folder), open(folder)])
  const added = await Promise.all(
    Array.from({ length: 30 }, (_, i) => (logs[i % 3] as DatasetLog).append([{ row: row(i) }, { row: row(1000 + i) }])),
  )
  const places = added.flatMap(one => one.versions.map(({ seq }) => seq))
  expect(places.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, i) => i + 1))
  const found = await all(logs[0] as DatasetLog)
  expect(found.map(one => one.seq)).toEqual(Array.from({ length: 60 }, (_, i) => i + 1))
  // each knows what the others wrote: nothing is new
  for (const log of logs) expect((await log.append([{ row: row(7) }])).added).toBe(0)
  for (const log of logs) await log.close()
})

it('knows a row by its key, beyond 2^53 too, and follows its versions', async () => {
  const log = await open(place())
  const [a, b] = [2n ** 60n, 2n ** 60n + 1n]
  expect((await log.append([{ row: row(a) }, { row: row(b) }, { row: row(a) }])).versions.map(one => one.seq)).toEqual([
    1, 2, 1,
  ])
  const { versions } = await log.append([{ row: row(a, 2) }, { row: row(a, null) }, { row: row(a, null), gone: true }])
  expect(versions.map(({ seq, first, gone, before }) => [seq, first, gone, before?.seq])).toEqual([
    [3, false, false, 1],
    [4, false, false, 3],
    [5, false, true, 4],
  ])
  // back again as it was before it was taken away
  expect((await log.append([{ row: row(a, null) }])).added).toBe(1)
  const again = await open(log.folder)
  expect(again.newest(row(a))?.row).toEqual(row(a, null))
  expect(again.newest(row(b))?.row).toEqual(row(b))
  expect((await all(again)).map(one => one.row.id)).toEqual([a, b, a, a, a, a])
  await log.close()
  await again.close()
})

it('without a key takes every row as another one, and a request of one name once', async () => {
  const log = await open(place(), loose as never)
  const request = { id: 'r', digest: 'd' }
  expect((await log.append([{ row: row(1) }, { row: row(1) }], request)).added).toBe(2)
  const again = await open(log.folder, loose as never)
  for (const one of [log, again]) {
    const { versions, added, repeated } = await one.append([{ row: row(1) }, { row: row(1) }], request)
    expect([versions.map(({ seq }) => seq), added, repeated]).toEqual([[1, 2], 0, 2])
  }
  await expect(log.append([{ row: row(2) }], { id: 'r', digest: 'other' })).rejects.toMatchObject({ code: 'MR2055' })
  expect(await all(log)).toHaveLength(2)
  await log.close()
  await again.close()
  const logs = new DatasetLogs(
    { folder: place(), clock },
    async () => undefined,
    async () => undefined,
  )
  await expect(logs.push(loose as never, { rows: [], gone: [{ id: 1 }] })).rejects.toMatchObject({ code: 'MR2056' })
  await logs.close()
})

it('is whole after whatever a crash leaves of its last line', async () => {
  const folder = place()
  const log = await open(folder)
  await log.append([{ row: row(1) }])
  await log.append([{ row: row(2) }])
  await log.close()
  const path = join(folder, readdirSync(folder).find(name => name.endsWith('.jsonl')) as string)
  const text = readFileSync(path, 'utf8')
  const first = text.indexOf('\n') + 1
  for (const cut of [first + 1, first + 9, first + 30, text.length - 1]) {
    writeFileSync(path, text.slice(0, cut))
    const after = await open(folder)
    expect([cut, (await all(after)).map(one => one.row.id), after.seq]).toEqual([cut, [1], 1])
    expect((await after.append([{ row: row(3) }])).versions[0]?.seq).toBe(2)
    expect((await all(after)).map(one => one.row.id)).toEqual([1, 3])
    await after.close()
  }
})

it('sets a damaged segment aside, keeps what is whole of it, and says so', async () => {
  const folder = place()
  const log = await open(folder)
  for (const id of [1, 2, 3]) await log.append([{ row: row(id) }])
  await log.close()
  const path = join(folder, readdirSync(folder).find(name => name.endsWith('.jsonl')) as string)
  const text = readFileSync(path, 'utf8')
  writeFileSync(path, text.replace('"id":2', '"id":7'))
  const told: { code: string }[] = []
  const after = await open(folder, keyed, { onDamage: (error: { code: string }) => told.push(error) })
  expect(told).toMatchObject([{ code: 'MR2058', details: { dataset: 'keyed', damaged: '1 line' } }])
  expect((await all(after)).map(one => one.row.id)).toEqual([1, 3])
  expect((await after.append([{ row: row(2) }, { row: row(3) }])).added).toBe(1)
  await after.close()
})

it('tells who waits too long for others that write, and takes nothing of it', async () => {
  const folder = place()
  const log = await open(folder, keyed, { patienceMs: 1 })
  const held = await takeFileLock(join(folder, 'append.lock'), 0)
  await expect(log.append([{ row: row(1) }])).rejects.toMatchObject({ code: 'MR2057' })
  if (isHeldLock(held)) held.release()
  expect((await log.append([{ row: row(1) }])).added).toBe(1)
  // what another writer is just writing is not its end
  appendFileSync(join(folder, '000000001.jsonl'), '1234')
  expect((await log.append([{ row: row(2) }])).added).toBe(1)
  expect(await all(log)).toHaveLength(2)
  await log.close()
})

it('is read piece by piece, wherever a piece ends', async () => {
  const folder = place()
  const texts = dataset('texts', { source: parquet('none'), columns: { id: t.int(), text: t.text() }, key: ['id'] })
  const log = await open(folder, texts as never)
  // some megabytes of letters of two and three bytes, and a line that is longer than a piece
  const textOf = (id: number): string => (id === 20 ? 'ü€'.repeat(600_000) : 'ü€x'.repeat(20_000 + id))
  for (let id = 0; id < 40; id++) await log.append([{ row: { id, text: textOf(id) } }])
  await log.close()
  const path = join(folder, '000000001.jsonl')
  appendFileSync(path, '12345678 {"at"')
  const again = await open(folder, texts as never)
  const found = await all(again)
  expect(found.map(one => one.row.id)).toEqual(Array.from({ length: 40 }, (_, id) => id))
  expect(found.every(({ row: one }) => one.text === textOf(Number(one.id)))).toBe(true)
  expect((await again.append([{ row: { id: 0, text: textOf(0) } }])).added).toBe(0)
  expect(readFileSync(path, 'utf8').endsWith('}\n')).toBe(true)
  await again.close()
})

it('what comes while others are being told is told of together, and who waits hears of its own end', async () => {
  const told: number[] = []
  let release: () => void = () => undefined
  const delivery = new Delivery(keyed as never, async (_, versions) => {
    told.push(versions.length)
    if (told.length === 1) await new Promise<void>(resolve => (release = resolve))
    if (versions.some(one => one.row.id === 13)) throw new Error('no')
  })
  const version = (id: number): RowVersion => ({ row: row(id), seq: id, at: 1, first: true, gone: false })
  const first = delivery.tell([version(1)])
  const others = [delivery.tell([version(2), version(3)]), delivery.tell([version(4)])]
  release()
  await Promise.all([first, ...others])
  expect(told).toEqual([1, 3])
  await expect(delivery.tell([version(13)])).rejects.toThrow('no')
  await delivery.tell([version(5)])
  expect(told).toEqual([1, 3, 1, 1])
})

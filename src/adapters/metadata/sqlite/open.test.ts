import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DatabaseSync } from '@photostructure/sqlite'
import { afterAll, describe, expect, test } from 'vitest'
import { digestBytes } from '../../../internal/digest.ts'
import { runContract } from '../../../testing/contract.ts'
import { metadataStoreContract } from '../../../testing/metadata-store-contract.ts'
import { openSqlite } from './open.ts'

const folder = mkdtempSync(join(tmpdir(), 'millrace-sqlite-'))
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))

describe('the metadata store contract on SQLite', () => {
  runContract(
    test,
    metadataStoreContract(() => openSqlite(join(folder, 'contract.db'))),
  )
})

describe('opening a SQLite store', () => {
  test('two stores on one file see each other’s writes', async () => {
    const path = join(folder, 'shared.db')
    const [a, b] = [await openSqlite(path), await openSqlite(path)]
    await Promise.all(Array.from({ length: 40 }, (_, i) => (i % 2 ? a : b).putDocument('k', String(i), i, 1)))
    expect(await a.listDocuments('k')).toHaveLength(40)
    await a.close()
    await b.close()
  })

  test('refuses a schema that a newer millrace wrote, and an altered migration', async () => {
    const path = join(folder, 'newer.db')
    await (await openSqlite(path)).close()
    const raw = new DatabaseSync(path)
    raw.exec("update millrace_migrations set checksum = 'sha256:00'")
    await expect(openSqlite(path)).rejects.toMatchObject({ code: 'MR3016' })
    raw.exec("insert into millrace_migrations values (9999, 'x')")
    await expect(openSqlite(path)).rejects.toMatchObject({ code: 'MR3012', details: { found: 9999 } })
    raw.close()
  })

  test('names a file that is no database, and leaves it as it is', async () => {
    const path = join(folder, 'garbage.db')
    writeFileSync(path, 'not a database at all '.repeat(500))
    await expect(openSqlite(path)).rejects.toMatchObject({ code: 'MR3010' })
  })

  test.skipIf(process.getuid?.() === 0)('names a folder that cannot be written (root may write anywhere)', async () => {
    const closed = mkdtempSync(join(folder, 'closed-'))
    chmodSync(closed, 0o555)
    await expect(openSqlite(join(closed, 'x.db'))).rejects.toMatchObject({ code: 'MR3014' })
  })

  test('a row that cannot be read is named once, and ends no list', async () => {
    const path = join(folder, 'unreadable.db')
    const notes: string[] = []
    const store = await openSqlite(path, text => notes.push(text))
    const at = 1_700_000_000_000_000
    const run = { kind: 'tracking', status: 'running', trigger: 'tracking', environment: {}, parameters: {} } as const
    for (const id of ['first', 'second', 'third', 'fourth'])
      await store.createRun({ ...run, id, name: id, startedAt: at })
    for (const id of ['a', 'b', 'c']) await store.putDocument('token', id, { id }, at)
    const raw = new DatabaseSync(path)
    raw.exec("update runs set started_at = 9007199254740990976 where id = 'second'")
    raw.exec("update runs set parameters = '{torn' where id = 'third'")
    raw.exec("update documents set at = 9007199254740993 where id = 'b'")
    raw.close()
    expect((await store.listRuns()).map(one => one.id)).toEqual(['fourth', 'first'])
    expect((await store.listRuns()).map(one => one.id)).toEqual(['fourth', 'first'])
    expect((await store.listDocuments('token')).map(one => one.id)).toEqual(['a', 'c'])
    await expect(store.getRun('second')).rejects.toMatchObject({ code: 'MR3028', details: { id: 'second' } })
    await expect(store.getRun('third')).rejects.toMatchObject({ code: 'MR3028', details: { id: 'third' } })
    expect((await store.getRun('first'))?.startedAt).toBe(at)
    expect(notes.map(note => note.slice(0, 20).trimEnd())).toEqual([
      'MR3028 run third in',
      'MR3028 run second in',
      'MR3028 token b in th',
    ])
    await store.close()
  })
})

test('what is stored tells of a letter that turned into another; a cache entry like that is not there', async () => {
  const path = join(folder, 'turned.db')
  const notes: string[] = []
  const store = await openSqlite(path, text => notes.push(text))
  const key = digestBytes('a step')
  const entry = { key, step: 'train', runId: 'r', outputs: {}, keyParts: { word: key }, at: 1 }
  await store.putCache(entry)
  expect(await store.damage()).toEqual([])
  expect((await store.getCache([key])).get(key)).toEqual(entry)
  const raw = new DatabaseSync(path)
  raw.exec("update cache set key_parts = replace(key_parts, 'word', 'lord')")
  expect(await store.damage()).toEqual([
    `the key_parts of ${key} in cache: it is not as it was written: its checksum is another`,
  ])
  expect(await store.getCache([key])).toEqual(new Map())
  expect(notes).toEqual([expect.stringContaining('MR3028 cache entry')])
  // JSON of before there were checksums is read as it is
  raw.exec(`update cache set key_parts = '{"word":"${key}"}'`)
  expect((await store.getCache([key])).get(key)).toEqual(entry)
  raw.close()
  await store.close()
})

test('a table that somebody took away is damage of the store, no fault of Millrace', async () => {
  const path = join(folder, 'dropped.db')
  const store = await openSqlite(path)
  const raw = new DatabaseSync(path)
  raw.exec('drop table reports')
  raw.close()
  await expect(store.listReports()).rejects.toMatchObject({
    code: 'MR3010',
    exit: 3,
    details: { path, reason: 'no such table: reports' },
  })
  await store.close()
})

test('what stays locked is said to, after five seconds, and nothing was changed', async () => {
  const path = join(folder, 'locked.db')
  const store = await openSqlite(path)
  const other = new DatabaseSync(path)
  other.exec('BEGIN EXCLUSIVE')
  await expect(store.putDocument('k', 'a', 1, 1)).rejects.toMatchObject({
    code: 'MR3011',
    exit: 3,
    details: { seconds: 5 },
  })
  other.exec('ROLLBACK')
  other.close()
  expect(await store.listDocuments('k')).toEqual([])
  await store.putDocument('k', 'a', 1, 1)
  await store.close()
})

test.each(['begin exclusive', 'begin; select count(*) from sqlite_master'])(
  'a new store is opened when another process that is just making it lets go: %s',
  async holds => {
    const path = join(folder, `new-${holds.length}.db`)
    const other = new DatabaseSync(path)
    other.exec('create table theirs (x int)')
    other.exec(holds)
    const opening = openSqlite(path)
    await sleep(60)
    other.exec('rollback')
    const store = await opening
    await store.putDocument('k', 'a', 1, 1)
    await store.close()
    other.close()
  },
)

test('while another process writes, who waits keeps neither the thread nor whoever only reads', async () => {
  const path = join(folder, 'waiting.db')
  const store = await openSqlite(path)
  await store.putDocument('k', 'before', 1, 1)
  const other = new DatabaseSync(path)
  other.exec('BEGIN IMMEDIATE')
  let written = 0
  const count = (): number => ++written
  const waiting = [
    store.putDocument('k', 'a', 1, 1).then(count),
    store.transaction(trx => trx.putDocument('k', 'b', 1, 1)).then(count),
  ]
  let turns = 0
  const timer = setInterval(() => turns++, 5)
  for (let i = 0; i < 20; i++) {
    expect((await store.listDocuments('k')).map(one => one.id)).toEqual(['before'])
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  clearInterval(timer)
  expect(turns).toBeGreaterThan(5)
  expect(written).toBe(0)
  other.exec('ROLLBACK')
  other.close()
  await Promise.all(waiting)
  expect((await store.listDocuments('k')).map(one => one.id)).toEqual(['a', 'b', 'before'])
  await store.close()
})

test('a statement that is refused is told with its reason', async () => {
  const path = join(folder, 'refusing.db')
  const store = await openSqlite(path)
  const other = new DatabaseSync(path)
  other.exec("CREATE TRIGGER closed BEFORE INSERT ON documents BEGIN SELECT RAISE(ABORT, 'closed today'); END")
  other.close()
  await expect(store.putDocument('k', 'a', 1, 1)).rejects.toMatchObject({
    code: 'MR3017',
    details: { reason: expect.stringMatching(/closed today/) as string },
  })
  await store.close()
})

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { afterAll, describe, expect, test } from 'vitest'
import { runContract } from '../../../testing/contract.ts'
import { metadataStoreContract } from '../../../testing/metadata-store-contract.ts'
import { openSqlite } from './open.ts'

const folder = mkdtempSync(join(tmpdir(), 'millrace-sqlite-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

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
})

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { compiledModule } from '../../../internal/compiled.ts'
import { runContract } from '../../../testing/contract.ts'
import { onlineStoreContract } from '../../../testing/online-store-contract.ts'
import { openLmdb } from './store.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-online-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

describe('online store LMDB', () => {
  runContract(
    test,
    onlineStoreContract(async () => {
      const argument = mkdtempSync(join(root, 'place-'))
      const module = compiledModule('./store.ts', import.meta.url).href
      return { open: () => openLmdb(argument), elsewhere: { module, export: 'openLmdb', argument } }
    }),
  )
  test('refuses a key longer than LMDB can hold, in words, and keeps nothing of that write', async () => {
    const store = await openLmdb(mkdtempSync(join(root, 'place-')))
    const records = [
      ['x', Uint8Array.of(1)],
      ['k'.repeat(1977), Uint8Array.of(2)],
    ] as const
    await expect(store.putMany('a', records)).rejects.toMatchObject({ code: 'MR2050' })
    expect(store.get('a', 'x')).toBeUndefined()
    expect(store.get('a', 'k'.repeat(5000))).toBeUndefined()
    await store.putMany('a', [['k'.repeat(1976), Uint8Array.of(3)]])
    expect([...(store.get('a', 'k'.repeat(1976)) ?? [])]).toEqual([3])
    await store.close()
  })
})

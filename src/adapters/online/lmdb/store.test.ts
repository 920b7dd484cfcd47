import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
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
  test('takes a store that a killed process left for what it is, and sets one aside only when nobody uses it', async () => {
    const folder = mkdtempSync(join(root, 'place-'))
    const told: string[] = []
    const options = { onDamage: ({ reason }: { readonly reason: string }) => void told.push(reason) }
    const first = await openLmdb(folder, options)
    await first.putMany('a', [['x', Uint8Array.of(1, 2, 3)]])
    // In use, so nobody knows how it was closed: each of these is tried by a process of its own first
    for (let i = 0; i < 2; i++) {
      const other = await openLmdb(folder, options)
      expect([...(other.get('a', 'x') ?? [])]).toEqual([1, 2, 3])
      await other.close()
    }
    const bytes = readFileSync(join(folder, 'data.mdb'))
    const at = bytes.indexOf(Buffer.of(1, 2, 3))
    const file = openSync(join(folder, 'data.mdb'), 'r+')
    writeSync(file, Buffer.of(1, 2, 4), 0, 3, at)
    closeSync(file)
    expect(() => first.get('a', 'x')).toThrow(expect.objectContaining({ code: 'MR2053' }) as Error)
    await expect(openLmdb(folder, options)).rejects.toMatchObject({ code: 'MR2053' })
    expect(told).toEqual([])
    await first.close()
    const anew = await openLmdb(folder, options)
    expect(told).toEqual([expect.stringContaining('a/x')])
    expect(anew.get('a', 'x')).toBeUndefined()
    await anew.close()
    await (await openLmdb(folder, options)).close()
    expect(told).toHaveLength(1)
  })
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

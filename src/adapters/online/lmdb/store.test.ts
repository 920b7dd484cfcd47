import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { compiledModule } from '../../../internal/compiled.ts'
import { runContract } from '../../../testing/contract.ts'
import type { OnlineStore } from '../../../ports/online-store.ts'
import { onlineStoreContract } from '../../../testing/online-store-contract.ts'
import { settings } from './settings.ts'
import { openLmdb } from './store.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-online-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

const put = async (store: OnlineStore, view: string, key: string, bytes: Uint8Array): Promise<void> => {
  const [there] = await store.getMany(view, [{ key }])
  const after = there === undefined || there === 'unchanged' ? 0 : there.revision
  await store.writeMany(view, [{ key, bytes, after }])
  await store.flush()
}
const get = async (store: OnlineStore, view: string, key: string): Promise<number[] | undefined> => {
  const [there] = await store.getMany(view, [{ key }])
  return there === undefined || there === 'unchanged' ? undefined : [...there.bytes]
}

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
    await put(first, 'a', 'x', Uint8Array.of(1, 2, 3))
    // In use, so nobody knows how it was closed: each of these is tried by a process of its own first
    for (let i = 0; i < 2; i++) {
      const other = await openLmdb(folder, options)
      expect(await get(other, 'a', 'x')).toEqual([1, 2, 3])
      await other.close()
    }
    const bytes = readFileSync(join(folder, 'data.mdb'))
    const at = bytes.indexOf(Buffer.of(1, 2, 3))
    const file = openSync(join(folder, 'data.mdb'), 'r+')
    writeSync(file, Buffer.of(1, 2, 4), 0, 3, at)
    closeSync(file)
    await expect(get(first, 'a', 'x')).rejects.toMatchObject({ code: 'MR2053' })
    await expect(openLmdb(folder, options)).rejects.toMatchObject({ code: 'MR2053' })
    expect(told).toEqual([])
    await first.close()
    const anew = await openLmdb(folder, options)
    expect(told).toEqual([expect.stringContaining('a/x')])
    expect(await get(anew, 'a', 'x')).toBeUndefined()
    await anew.close()
    await (await openLmdb(folder, options)).close()
    expect(told).toHaveLength(1)
  })
  test('refuses a key longer than LMDB can hold, in words, and keeps nothing of that write', async () => {
    const store = await openLmdb(mkdtempSync(join(root, 'place-')))
    const records = ['x', 'k'.repeat(1977)].map(key => ({ key, bytes: Uint8Array.of(1), after: 0 }))
    await expect(store.writeMany('a', records)).rejects.toMatchObject({ code: 'MR2050' })
    expect(await get(store, 'a', 'x')).toBeUndefined()
    expect(await get(store, 'a', 'k'.repeat(5000))).toBeUndefined()
    await put(store, 'a', 'k'.repeat(1976), Uint8Array.of(3))
    expect(await get(store, 'a', 'k'.repeat(1976))).toEqual([3])
    await store.close()
  })
  test('has room for so many views; one more is refused in words, and those that are there go on', async () => {
    const store = await openLmdb(mkdtempSync(join(root, 'place-')))
    // One is the store's own, for its revisions
    const most = settings.maxDbs - 1
    const one = (view: number) => put(store, `view-${view}`, 'x', Uint8Array.of(view % 256))
    for (let view = 0; view < most; view++) await one(view)
    await expect(one(most)).rejects.toMatchObject({
      code: 'MR2051',
      details: { view: `view-${most}`, reason: expect.stringMatching(/DBS_FULL/) as string },
    })
    await one(0)
    expect(await get(store, 'view-7', 'x')).toEqual([7])
    await store.close()
  })

  test('closes although it cannot be written down how it was left, and says so', async () => {
    const folder = mkdtempSync(join(root, 'place-'))
    const told: { path: string; reason: string }[] = []
    const store = await openLmdb(folder, { onUnrecorded: one => void told.push(one) })
    await put(store, 'a', 'x', Uint8Array.of(1))
    rmSync(folder, { recursive: true })
    await store.close()
    expect(told).toEqual([{ path: folder, reason: expect.stringMatching(/\S/) as string }])
  })
})

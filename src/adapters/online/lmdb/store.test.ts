import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { compiledModule } from '../../../internal/compiled.ts'
import { runContract } from '../../../testing/contract.ts'
import { onlineStoreContract } from '../../../testing/online-store-contract.ts'
import { settings } from './settings.ts'
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
  test('has room for so many views; one more is refused in words, and those that are there go on', async () => {
    const store = await openLmdb(mkdtempSync(join(root, 'place-')))
    const put = (view: number) => store.putMany(`view-${view}`, [['x', Uint8Array.of(view % 256)]])
    for (let view = 0; view < settings.maxDbs; view++) await put(view)
    await expect(put(settings.maxDbs)).rejects.toMatchObject({
      code: 'MR2051',
      details: { view: `view-${settings.maxDbs}`, reason: expect.stringMatching(/DBS_FULL/) as string },
    })
    await put(0)
    expect([...(store.get('view-7', 'x') ?? [])]).toEqual([7])
    await store.close()
  })

  test('closes although it cannot be written down how it was left, and says so', async () => {
    const folder = mkdtempSync(join(root, 'place-'))
    const told: { path: string; reason: string }[] = []
    const store = await openLmdb(folder, { onUnrecorded: one => void told.push(one) })
    await store.putMany('a', [['x', Uint8Array.of(1)]])
    rmSync(folder, { recursive: true })
    await store.close()
    expect(told).toEqual([{ path: folder, reason: expect.stringMatching(/\S/) as string }])
  })
})

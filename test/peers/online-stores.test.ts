import { describe, expect, test } from 'vitest'
import { openPostgresOnline } from '../../src/adapters/online/postgres/store.ts'
import { openRedis } from '../../src/adapters/online/redis/store.ts'
import { ulid } from '../../src/internal/ids.ts'
import { runContract } from '../../src/testing/contract.ts'
import { onlineStoreContract } from '../../src/testing/online-store-contract.ts'

const module = new URL('./support/online-place.mjs', import.meta.url).href

for (const [kind, variable, open] of [
  ['redis', 'MILLRACE_TEST_REDIS', openRedis],
  ['postgres', 'MILLRACE_TEST_POSTGRES', openPostgresOnline],
] as const) {
  const url = process.env[variable]
  if (url === undefined)
    console.warn(`SKIPPED: ${variable} is not set; scripts/test-peers.sh starts a server to test with`)
  describe.skipIf(url === undefined)(`the online store contract on ${kind}`, () => {
    runContract(
      test,
      onlineStoreContract(async () => {
        const namespace = `test-${ulid()}`
        return {
          open: () => open(url ?? '', { namespace }),
          elsewhere: { module, export: 'openPlace', argument: JSON.stringify({ kind, url, namespace }) },
        }
      }),
    )

    test('an unreachable server is named without its password', async () => {
      await expect(open(`${kind}://me:secret@127.0.0.1:1/0`)).rejects.toMatchObject({
        code: 'MR2060',
        details: { store: `${kind}://127.0.0.1:1/0` },
      })
    })

    test('a key longer than every store takes is refused, and nothing of that write is kept', async () => {
      const store = await open(url ?? '', { namespace: `test-${ulid()}` })
      const records = ['x', 'k'.repeat(1977)].map(key => ({ key, bytes: Uint8Array.of(1), after: 0 }))
      await expect(store.writeMany('a', records)).rejects.toMatchObject({ code: 'MR2050' })
      expect(await store.getMany('a', [{ key: 'x' }])).toEqual([undefined])
      await store.close()
    })

    test('projects of one server are kept apart', async () => {
      const [one, other] = [`test-${ulid()}`, `test-${ulid()}`]
      const stores = [await open(url ?? '', { namespace: one }), await open(url ?? '', { namespace: other })] as const
      await stores[0].writeMany('a', [{ key: 'x', bytes: Uint8Array.of(1), after: 0 }])
      expect(await stores[1].getMany('a', [{ key: 'x' }])).toEqual([undefined])
      await stores[1].dropView('a')
      expect(await stores[0].getMany('a', [{ key: 'x' }])).toHaveLength(1)
      for (const store of stores) await store.close()
    })
  })
}

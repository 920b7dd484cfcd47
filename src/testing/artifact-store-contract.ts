import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { digestBytes } from '../internal/digest.ts'
import type { ArtifactStore } from '../ports/artifact-store.ts'
import type { ContractCase } from './contract.ts'

/** What every artifact store must do. `open` may give the same store each time. */
export function artifactStoreContract(open: () => Promise<ArtifactStore>): readonly ContractCase[] {
  const fresh = (size: number): Buffer => randomBytes(size)
  return [
    {
      name: 'bytes come back by their digest, empty and large ones too',
      async run() {
        const store = await open()
        for (const bytes of [Buffer.alloc(0), fresh(1), fresh(3_000_000)]) {
          const stored = await store.put(bytes)
          assert.deepEqual(stored, { digest: digestBytes(bytes), size: bytes.length })
          assert.deepEqual(Buffer.from(await store.get(stored.digest)), bytes)
          assert.deepEqual(await readFile(await store.localPath(stored.digest)), bytes)
          assert.equal(await store.size(stored.digest), bytes.length)
        }
        assert.equal((await store.put('häuser')).digest, digestBytes('häuser'))
      },
    },
    {
      name: 'the same bytes twice are the same as once, also at the same time',
      async run() {
        const store = await open()
        const bytes = fresh(50_000)
        const all = await Promise.all(Array.from({ length: 8 }, () => store.put(bytes)))
        assert.equal(new Set(all.map(stored => stored.digest)).size, 1)
        assert.deepEqual(Buffer.from(await store.get(digestBytes(bytes))), bytes)
      },
    },
    {
      name: 'a file is copied: the original stays, and may change afterwards',
      async run() {
        const store = await open()
        const folder = await mkdtemp(join(tmpdir(), 'millrace-contract-'))
        try {
          const path = join(folder, 'file')
          await writeFile(path, 'before')
          const stored = await store.putFile(path)
          assert.equal(await readFile(path, 'utf8'), 'before')
          await writeFile(path, 'after')
          assert.equal(Buffer.from(await store.get(stored.digest)).toString(), 'before')
        } finally {
          await rm(folder, { recursive: true, force: true })
        }
      },
    },
    {
      name: 'what is not there is missing, not wrong; what is removed is gone; removing it again is fine',
      async run() {
        const store = await open()
        const digest = digestBytes(fresh(20))
        assert.equal(await store.has(digest), false)
        assert.equal(await store.size(digest), undefined)
        const missing = (error: { code?: string }): boolean => error.code === 'MR3003'
        await assert.rejects(store.get(digest), missing)
        await assert.rejects(store.localPath(digest), missing)
        const stored = await store.put(fresh(20))
        await store.remove(stored.digest)
        await store.remove(stored.digest)
        assert.equal(await store.has(stored.digest), false)
      },
    },
    {
      name: 'the list holds everything once',
      async run() {
        const store = await open()
        const made = await Promise.all([store.put(fresh(10)), store.put(fresh(11))])
        const listed: string[] = []
        for await (const stored of store.list()) listed.push(stored.digest)
        assert.equal(new Set(listed).size, listed.length)
        for (const { digest } of made) assert.ok(listed.includes(digest))
      },
    },
  ]
}

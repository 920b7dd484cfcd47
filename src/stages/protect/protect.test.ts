import { createHash } from 'node:crypto'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { openArtifacts } from '../../adapters/artifacts/fs/open.ts'
import { openSqlite } from '../../adapters/metadata/sqlite/open.ts'
import { openLocalKeys } from '../../adapters/keys/local/open.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { openBlob, sealBlob, type Suite } from './blob.ts'
import { protect, unprotect } from './envelope.ts'
import { sealedArtifacts } from './sealed-artifacts.ts'

const dek = new Uint8Array(32).fill(0x11)
const salt = new Uint8Array(32).fill(0x22)
const context = { kind: 'model', oid: '01J0000000000000000000TEST', project: 'demo' }
const text = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i % 251)

describe('MILLENC1', () => {
  test.each([
    [0, '02c3bc784ad2940b3799304deb9838fd98516b872258978d4178ef1d87cabf62'],
    [5, 'b61f8a711311b489d9b7c61a4b96382e66d6ec78392db8382ddecd7a1cd13b80'],
  ])('gives the known answer for %i bytes', (length, digest) => {
    const { blob } = sealBlob(text(length), dek, context, { segLog2: 12, salt })
    expect(createHash('sha256').update(blob).digest('hex')).toBe(digest)
  })

  test('opens what it sealed, of any size, with either suite', () => {
    const sizes = fc.oneof(fc.nat(200), fc.constantFrom(4095, 4096, 4097, 8192, 12_289))
    fc.assert(
      fc.property(sizes, fc.constantFrom<Suite>(1, 2), (size, suite) => {
        const { blob } = sealBlob(text(size), dek, context, { segLog2: 12, suite })
        expect(openBlob(blob, dek, context).plaintext.equals(text(size))).toBe(true)
      }),
      { numRuns: 40 },
    )
  })

  const { blob } = sealBlob(text(10_000), dek, context, { segLog2: 12 })
  const refused = expect.objectContaining({ code: 'MR6020' })

  test('refuses every flipped bit', () => {
    fc.assert(
      fc.property(fc.nat(blob.length - 1), fc.nat(7), (at, bit) => {
        const bad = Buffer.from(blob)
        bad[at] = (bad[at] ?? 0) ^ (1 << bit)
        expect(() => openBlob(bad, dek, context)).toThrow(refused)
      }),
      { numRuns: 300 },
    )
  })

  test('refuses every truncation, at the bounds of segments too, and appended bytes', () => {
    for (const length of [0, 7, 76, 91, 92, 76 + 4112, 76 + 2 * 4112, blob.length - 1])
      expect(() => openBlob(blob.subarray(0, length), dek, context)).toThrow(refused)
    expect(() => openBlob(Buffer.concat([blob, Buffer.from([0])]), dek, context)).toThrow(refused)
  })

  test('refuses swapped segments, another context, another key', () => {
    const one = blob.subarray(76, 76 + 4112)
    const two = blob.subarray(76 + 4112, 76 + 8224)
    const swapped = Buffer.concat([blob.subarray(0, 76), two, one, blob.subarray(76 + 8224)])
    expect(() => openBlob(swapped, dek, context)).toThrow(refused)
    expect(() => openBlob(blob, dek, { ...context, project: 'other' })).toThrow(refused)
    expect(() => openBlob(blob, salt, context)).toThrow(refused)
  })
})

describe('protected artifacts', () => {
  const root = mkdtempSync(join(tmpdir(), 'millrace-protect-'))
  afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

  test('come back for who may, after a rotation too; an envelope that was altered does not', async () => {
    const artifacts = await openArtifacts(root)
    const keys = await openLocalKeys({ path: join(root, 'keystore.json'), clock: manualClock(), passphrase: 'x' })
    await keys.create('models', 'trainer')
    const protection = { artifacts, keys, principal: 'trainer' }
    const envelope = await protect(protection, text(1000), 'models', context)
    expect(Buffer.from(await artifacts.get(envelope.blob)).includes(Buffer.from(text(100)))).toBe(false)
    await keys.rotate('models', 'trainer')
    expect(Buffer.from(await unprotect(protection, envelope)).equals(text(1000))).toBe(true)
    const refused = { code: 'MR6020' }
    await expect(unprotect(protection, { ...envelope, gen: 2 })).rejects.toMatchObject(refused)
    const plain = { ...envelope.plain, bytes: 999 }
    await expect(unprotect(protection, { ...envelope, plain })).rejects.toMatchObject(refused)
    const other = await protect(protection, text(1000), 'models', { ...context, oid: 'other' })
    await expect(unprotect(protection, { ...envelope, blob: other.blob })).rejects.toMatchObject(refused)
    await expect(unprotect({ ...protection, principal: 'guest' }, envelope)).rejects.toMatchObject({ code: 'MR6013' })
  })

  test('lie nowhere in clear once they are sealed, also not where they lay before; removed, nothing of them is left', async () => {
    const base = await openArtifacts(join(root, 'sealed'))
    const clock = manualClock()
    const store = await openSqlite(join(root, 'millrace.db'))
    const keys = await openLocalKeys({ path: join(root, 'sealed.json'), clock, passphrase: 'x' })
    await keys.create('models', 'trainer')
    const folder = join(root, 'clear')
    const artifacts = await sealedArtifacts(base, {
      store,
      clock,
      keys: async () => keys,
      project: 'p',
      principal: 'trainer',
      folder,
    })
    const secret = Buffer.from('somebody: 1815-12-10')
    const stored = async (): Promise<string[]> => {
      const found: string[] = []
      for await (const { digest } of base.list()) found.push(Buffer.from(await base.get(digest)).toString('latin1'))
      return found
    }
    await base.put(secret)
    expect((await stored()).filter(one => one.includes('1815'))).toHaveLength(1)
    const { digest } = await artifacts.seal(secret, 'models')
    expect((await stored()).filter(one => one.includes('1815'))).toEqual([])
    expect(Buffer.from(await artifacts.get(digest)).equals(secret)).toBe(true)
    expect(await artifacts.size(digest)).toBe(secret.length)
    // What lies there is damaged, and is sealed anew
    for await (const { digest: blob } of base.list()) {
      const path = await base.localPath(blob)
      chmodSync(path, 0o600)
      writeFileSync(path, readFileSync(path).fill(7, 40, 41))
    }
    expect((await artifacts.seal(secret, 'models')).digest).toBe(digest)
    expect(Buffer.from(await artifacts.get(digest)).equals(secret)).toBe(true)
    await artifacts.remove(digest)
    expect(await artifacts.has(digest)).toBe(false)
    expect(await stored()).toEqual([])
    await store.close()
  })
})

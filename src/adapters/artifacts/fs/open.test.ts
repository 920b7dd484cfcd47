import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ArtifactStore } from '../../../ports/artifact-store.ts'
import { runContract } from '../../../testing/contract.ts'
import { artifactStoreContract } from '../../../testing/artifact-store-contract.ts'
import { openArtifacts } from './open.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-artifacts-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

describe('the artifact store contract on files', () => {
  runContract(
    test,
    artifactStoreContract(() => openArtifacts(root)),
  )
})

describe('artifacts in files', () => {
  let store: ArtifactStore
  beforeAll(async () => {
    store = await openArtifacts(root)
  })

  test('are read-only files under the first four hex digits', async () => {
    const { digest } = await store.put('layout')
    const path = await store.localPath(digest)
    const hex = digest.slice(7)
    expect(path).toBe(join(root, 'cas', 'sha256', hex.slice(0, 2), hex.slice(2, 4), hex.slice(4)))
    expect(statSync(path).mode & 0o777).toBe(0o400)
  })

  for (const [how, damage] of [
    ['flipped bit', 'corrupu'],
    ['truncation', 'corr'],
    ['appended byte', 'corrupt!'],
  ] as const)
    test(`a ${how} is found on every way of reading, set aside, and mended by putting the bytes again`, async () => {
      const { digest } = await store.put('corrupt')
      const path = await store.localPath(digest)
      for (const read of [() => store.get(digest), () => store.localPath(digest)]) {
        chmodSync(path, 0o644)
        writeFileSync(path, damage)
        await expect(read()).rejects.toMatchObject({ code: 'MR3002' })
        expect(existsSync(path)).toBe(false)
        await store.put('corrupt')
        expect(Buffer.from(await store.get(digest)).toString()).toBe('corrupt')
      }
      expect(readdirSync(join(root, 'quarantine')).length).toBeGreaterThan(0)
    })

  test('what is damaged is mended by putting the bytes again, also where nobody read it', async () => {
    const { digest } = await store.put('unread')
    const path = await store.localPath(digest)
    const file = join(root, 'unread')
    writeFileSync(file, 'unread')
    for (const put of [() => store.put('unread'), () => store.putFile(file)]) {
      chmodSync(path, 0o644)
      writeFileSync(path, 'unreaf')
      const before = readdirSync(join(root, 'quarantine')).length
      await put()
      expect(Buffer.from(await store.get(digest)).toString()).toBe('unread')
      expect(readdirSync(join(root, 'quarantine'))).toHaveLength(before + 1)
    }
  })

  test('a folder in the place of an artifact is damage of it: found, set aside, and mended by putting the bytes again', async () => {
    const { digest } = await store.put('in the way')
    const path = await store.localPath(digest)
    for (const read of [() => store.get(digest), () => store.localPath(digest)]) {
      rmSync(path)
      mkdirSync(join(path, 'deeper'), { recursive: true })
      await expect(read()).rejects.toMatchObject({ code: 'MR3002' })
      expect(existsSync(path)).toBe(false)
      mkdirSync(join(path, 'deeper'), { recursive: true })
      await store.put('in the way')
      expect(Buffer.from(await store.get(digest)).toString()).toBe('in the way')
    }
  })

  test('what dead writers left is swept when the store opens; what living ones write is not', async () => {
    const folder = join(root, 'cas', 'tmp')
    await store.put('something')
    writeFileSync(join(folder, 'elsewhere-1-aa'), 'recent, of another boot')
    writeFileSync(join(folder, 'elsewhere-1-bb'), 'old')
    utimesSync(join(folder, 'elsewhere-1-bb'), 1, 1)
    await openArtifacts(root)
    expect(readdirSync(folder)).toEqual(['elsewhere-1-aa'])
  })
})

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openSqlite } from '../adapters/metadata/sqlite/open.ts'
import { digestBytes } from '../internal/digest.ts'
import type { MetadataStore } from '../ports/metadata-store.ts'
import { versionOf } from './version-of.ts'

// Which version is meant by what people write.

const root = mkdtempSync(join(tmpdir(), 'millrace-version-of-'))
let store: MetadataStore
let empty: MetadataStore
beforeAll(async () => {
  store = await openSqlite(join(root, 'a.db'))
  empty = await openSqlite(join(root, 'b.db'))
  // fare 1, late 1, late 2, late 3, fare 2
  for (const model of ['fare', 'late', 'late', 'late', 'fare'])
    await store.addModelVersion({
      model,
      digest: digestBytes(model),
      createdAt: 1,
      runId: 'r',
      metrics: {},
      facts: {},
      tags: {},
    } as never)
  await store.setAlias('fare', 'champion', 1)
})
afterAll(async () => {
  await store.close()
  await empty.close()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

it.each([
  ['late@2', 'late@2'],
  // the champion, though there is a newer one
  ['fare', 'fare@1'],
  // the newest where there is no champion
  ['late', 'late@3'],
  // of the model that was registered last its own champion, whatever has that number among the others
  [undefined, 'fare@1'],
  ['', 'fare@1'],
])('%s is %s', async (given, expected) => {
  const { model, version } = await versionOf(store, given)
  expect(`${model}@${version}`).toBe(expected)
})

it.each(['late@4', 'late@', 'late@02', 'late@2@1', 'late@two', 'none', 'none@1', '@1', '@', 'LATE'])(
  '%s is none',
  async given => {
    await expect(versionOf(store, given)).rejects.toMatchObject({ details: { kind: 'model version', name: given } })
  },
)

it('names what there is, the newest first', async () => {
  await expect(versionOf(store, 'late@9')).rejects.toMatchObject({ details: { known: 'late@3, late@2, late@1' } })
  await expect(versionOf(store, '@9')).rejects.toMatchObject({
    details: { known: 'fare@2, late@3, late@2, late@1, fare@1' },
  })
  await expect(versionOf(empty, undefined)).rejects.toMatchObject({
    details: { name: '(none given)', known: 'no versions' },
  })
})

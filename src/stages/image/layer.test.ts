import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, expect, test } from 'vitest'
import { digestBytes } from '../../internal/digest.ts'
import { complete, entriesBelow } from './entry.ts'
import { makeLayer } from './layer.ts'
import { readLayout, writeArchive, writeLayout } from './layout.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-layer-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

const source = join(root, 'source')
mkdirSync(join(source, 'deep', 'er'), { recursive: true })
writeFileSync(join(source, 'deep', 'er', `${'long-'.repeat(40)}.txt`), 'ü'.repeat(1000))
writeFileSync(join(source, 'run.sh'), '#!/bin/sh\n', { mode: 0o755 })
symlinkSync('run.sh', join(source, 'link'))

const time = new Date(1e12)
const entries = () => entriesBelow(source, 'app', () => true)

test('names the folders above, sorted, each once', () => {
  const all = complete([
    { path: 'a/c/x', kind: 'file', content: '' },
    { path: 'a/b', kind: 'folder', open: true },
    { path: 'a/b', kind: 'folder' },
  ])
  expect(all.map(one => one.path)).toEqual(['a', 'a/b', 'a/c', 'a/c/x'])
  expect(all[1]).not.toHaveProperty('open')
})

test('the same content gives the same bytes whatever its times; other content does not', async () => {
  const first = await makeLayer(join(root, 'one'), 'x', await entries(), time)
  utimesSync(join(source, 'run.sh'), 5, 5)
  const second = await makeLayer(join(root, 'two'), 'x', await entries(), time)
  expect(second.digest).toBe(first.digest)
  const bytes = readFileSync(first.file)
  expect(digestBytes(bytes)).toBe(first.digest)
  expect(digestBytes(gunzipSync(bytes))).toBe(first.diffId)
  expect([...bytes.subarray(0, 10)]).toEqual([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])
  expect((await makeLayer(join(root, 'one'), 'x', await entries(), time)).reused).toBe(true)
  writeFileSync(join(source, 'run.sh'), '#!/bin/sh\ntrue\n')
  expect((await makeLayer(join(root, 'one'), 'x', await entries(), time)).diffId).not.toBe(first.diffId)
})

test('a layout is read back as it was written, and a damaged one is refused', async () => {
  const layer = await makeLayer(join(root, 'one'), 'x', await entries(), time)
  const folder = join(root, 'layout')
  const config = { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers' as const, diff_ids: [layer.diffId] } }
  const { digest, size, mediaType, file } = layer
  const written = await writeLayout(folder, config, [{ descriptor: { digest, size, mediaType }, file }], 'x.org/a:1')
  const read = await readLayout(folder)
  expect(read).toMatchObject({ digest: written.digest, reference: 'x.org/a:1', config })
  await writeArchive(read, join(root, 'a.tar'))
  await writeArchive(read, join(root, 'b.tar'))
  expect(readFileSync(join(root, 'a.tar')).equals(readFileSync(join(root, 'b.tar')))).toBe(true)
  writeFileSync(join(folder, 'blobs', 'sha256', read.manifest.config.digest.slice(7)), '{}')
  await expect(readLayout(folder)).rejects.toMatchObject({ code: 'MR3313' })
  await expect(readLayout(join(root, 'nowhere'))).rejects.toMatchObject({ code: 'MR3313' })
})

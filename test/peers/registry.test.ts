import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { ulid } from '../../src/internal/ids.ts'
import { parseReference, pushImage } from '../../src/stages/image/index.ts'
import { Repository } from '../../src/stages/image/registry.ts'
import { imageProject } from '../support/image.ts'

const registry = process.env['MILLRACE_TEST_REGISTRY']
if (registry === undefined)
  console.warn('SKIPPED: OCI registry; MILLRACE_TEST_REGISTRY is not set, see scripts/peers/registry.sh')

describe.skipIf(registry === undefined)('a real OCI registry', () => {
  const { root, build } = imageProject()
  afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))
  const name = `${registry}/team/${ulid().toLowerCase()}`

  test('takes the image, gives its manifest back, and is sent nothing twice', async () => {
    const image = await build()
    const first = await pushImage(image.folder, `${name}:1`, { insecure: true })
    expect(first.uploaded).toHaveLength(5)
    const repository = new Repository(parseReference(name), { insecure: true })
    expect(await repository.getManifest('1')).toMatchObject({ digest: image.digest, bytes: image.manifestBytes })
    const again = await pushImage(image.folder, `${name}:2`, { insecure: true })
    expect(again).toMatchObject({ digest: first.digest, uploaded: [] })

    writeFileSync(join(root, 'steps.mjs'), 'export const other = 1\n')
    const changed = await build()
    const { uploaded, skipped } = await pushImage(changed.folder, `${name}:3`, { insecure: true })
    expect(uploaded).toEqual([changed.layers.at(-1)?.digest, changed.manifest.config.digest])
    expect(skipped).toHaveLength(3)
  })

  test('serves as the source of a base image, by digest', async () => {
    const image = await build()
    await pushImage(image.folder, `${name}:base`, { insecure: true })
    const upon = await build({
      base: `${name}@${image.digest}`,
      registry: { insecure: true },
      out: join(root, '.millrace', 'upon'),
      cache: join(root, '.millrace', 'fresh'),
    })
    expect(upon.manifest.layers.slice(0, 4)).toEqual(image.manifest.layers)
  })

  test('refuses in words what it does not take', async () => {
    const image = await build()
    const broken = new Repository(parseReference(name), { insecure: true })
    const bytes = Buffer.from(image.manifestBytes.toString().replace(/sha256:[0-9a-f]{64}/, `sha256:${'0'.repeat(64)}`))
    await expect(broken.putManifest('bad', bytes, image.manifest.mediaType ?? '')).rejects.toMatchObject({
      code: 'MR3321',
      details: { status: 400 },
    })
  })
})

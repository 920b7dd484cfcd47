import { existsSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fail, isMillraceError } from '../../errors/index.ts'
import { mediaTypes, type Descriptor, type ImageConfig, type Index, type Manifest } from './formats.ts'
import { blobPath } from './layer.ts'
import { choose, readLayout } from './layout.ts'
import { parseReference } from './reference.ts'
import { Repository, type RegistryOptions } from './registry.ts'

/** What is built upon: layers whose blobs lie on this machine, and the config that they came with. */
export interface Base {
  readonly config: ImageConfig | undefined
  readonly layers: readonly { readonly descriptor: Descriptor; readonly file: string }[]
  /** `scratch`, the folder, or the reference with its digest. */
  readonly name: string
}

export const scratch: Base = { config: undefined, layers: [], name: 'scratch' }

async function pull(reference: string, cache: string, options: RegistryOptions): Promise<Base> {
  const parsed = parseReference(reference)
  if (parsed.digest === undefined)
    throw fail('imageBase', {
      base: reference,
      reason: 'a tag can be moved to another image; only a digest is one image',
    })
  const repository = new Repository(parsed, options)
  let found = await repository.getManifest(parsed.digest)
  while (found.mediaType === mediaTypes.index || found.mediaType === mediaTypes.dockerIndex) {
    const own = choose(JSON.parse(found.bytes.toString()) as Index)
    if (own === undefined) throw fail('imageBase', { base: reference, reason: 'it has no image for this processor' })
    found = await repository.getManifest(own.digest)
  }
  const manifest = JSON.parse(found.bytes.toString()) as Manifest
  for (const { digest, size } of [manifest.config, ...manifest.layers]) {
    const file = blobPath(cache, digest)
    if (!existsSync(file) || (await stat(file)).size !== size) await repository.getBlob(digest, file)
  }
  return {
    config: JSON.parse(await readFile(blobPath(cache, manifest.config.digest), 'utf8')) as ImageConfig,
    layers: manifest.layers.map(descriptor => ({ descriptor, file: blobPath(cache, descriptor.digest) })),
    name: reference,
  }
}

/** `scratch`, the folder of an OCI layout, or `registry/name@sha256:…`, which is pulled into the cache. */
export async function openBase(base: string, cache: string, options: RegistryOptions = {}): Promise<Base> {
  if (base === 'scratch') return scratch
  if (existsSync(join(base, 'index.json'))) {
    const image = await readLayout(base)
    const layers = image.manifest.layers.map(descriptor => ({ descriptor, file: blobPath(base, descriptor.digest) }))
    return { config: image.config, layers, name: image.reference ?? image.digest }
  }
  try {
    return await pull(base, cache, options)
  } catch (error) {
    if (isMillraceError(error)) throw error
    throw fail('imageBase', { base, reason: (error as Error).message }, error)
  }
}

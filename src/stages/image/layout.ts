import { link, mkdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fail } from '../../errors/index.ts'
import { canonicalJson, type Json } from '../../internal/canonical-json.ts'
import { digestBytes, type Digest } from '../../internal/digest.ts'
import { copyNamed, publishFile, streamNamed, temporaryName } from '../../internal/publish.ts'
import { architecture, mediaTypes, type Descriptor, type ImageConfig, type Index, type Manifest } from './formats.ts'
import { blobPath, tarStream } from './layer.ts'

/** An image in an OCI layout folder. */
export interface StoredImage {
  readonly folder: string
  readonly manifest: Manifest
  readonly manifestBytes: Buffer
  readonly digest: Digest
  readonly config: ImageConfig
  readonly reference: string | undefined
}

async function place(from: string, to: string): Promise<void> {
  if (from === to) return
  const temporary = temporaryName(to)
  try {
    await link(from, temporary)
  } catch {
    // Another file system: a link cannot be made there.
    await copyNamed(from, temporary, to)
  }
  await rename(temporary, to)
}

async function readBlob(folder: string, { digest }: Descriptor): Promise<Buffer> {
  const bytes = await readFile(blobPath(folder, digest))
  if (digestBytes(bytes) !== digest) throw new Error(`blob ${digest} is damaged`)
  return bytes
}

/** This machine's platform among those of an index. */
export function choose(index: Index): Descriptor | undefined {
  const own = index.manifests.find(
    ({ platform }) => platform?.os === 'linux' && platform.architecture === architecture(),
  )
  return own ?? (index.manifests.length === 1 ? index.manifests[0] : undefined)
}

/** Writes the folder whole: blobs first, `index.json`, which makes it an image, last. */
export async function writeLayout(
  folder: string,
  config: ImageConfig,
  layers: readonly { readonly descriptor: Descriptor; readonly file: string }[],
  reference: string | undefined,
): Promise<StoredImage> {
  await mkdir(join(folder, 'blobs', 'sha256'), { recursive: true })
  for (const { descriptor, file } of layers) await place(file, blobPath(folder, descriptor.digest))
  const put = async (value: unknown, mediaType: string): Promise<{ bytes: Buffer; descriptor: Descriptor }> => {
    const bytes = Buffer.from(canonicalJson(value as Json))
    const digest = digestBytes(bytes)
    await publishFile(blobPath(folder, digest), bytes)
    return { bytes, descriptor: { mediaType, digest, size: bytes.length } }
  }
  const { descriptor: configured } = await put(config, mediaTypes.config)
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: configured,
    layers: layers.map(({ descriptor }) => descriptor),
  }
  const { bytes, descriptor } = await put(manifest, mediaTypes.manifest)
  const named: Descriptor = {
    ...descriptor,
    platform: { architecture: config.architecture, os: config.os },
    ...(reference ? { annotations: { 'org.opencontainers.image.ref.name': reference } } : {}),
  }
  const index: Index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [named] }
  await publishFile(join(folder, 'oci-layout'), canonicalJson({ imageLayoutVersion: '1.0.0' }))
  await publishFile(join(folder, 'index.json'), canonicalJson(index as unknown as Json))
  return { folder, manifest, manifestBytes: bytes, digest: descriptor.digest, config, reference }
}

/** Reads the image of a layout folder; its small blobs are checked against their digests. Throws `layoutUnreadable`. */
export async function readLayout(folder: string): Promise<StoredImage> {
  try {
    let index = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8')) as Index
    let found = choose(index)
    while (found?.mediaType === mediaTypes.index) {
      index = JSON.parse((await readBlob(folder, found)).toString()) as Index
      found = choose(index)
    }
    if (found === undefined) throw new Error(`there is none for linux/${architecture()}`)
    const manifestBytes = await readBlob(folder, found)
    const manifest = JSON.parse(manifestBytes.toString()) as Manifest
    const config = JSON.parse((await readBlob(folder, manifest.config)).toString()) as ImageConfig
    for (const layer of manifest.layers)
      if ((await stat(blobPath(folder, layer.digest))).size !== layer.size)
        throw new Error(`layer ${layer.digest} is cut`)
    const reference = found.annotations?.['org.opencontainers.image.ref.name']
    return { folder, manifest, manifestBytes, digest: found.digest, config, reference }
  } catch (error) {
    throw fail('layoutUnreadable', { folder, reason: (error as Error).message }, error)
  }
}

/** The layout as one tar file, as `podman load` and `docker load` take it; only what the image needs. */
export async function writeArchive(image: StoredImage, file: string): Promise<void> {
  const blobs = [image.digest, image.manifest.config.digest, ...image.manifest.layers.map(layer => layer.digest)]
  const sources = ['oci-layout', 'index.json', ...blobs.map(digest => `blobs/sha256/${digest.slice(7)}`)]
  const entries = await Promise.all(
    [...new Set(sources)].map(async path => {
      const from = join(image.folder, path)
      return { path, kind: 'copy' as const, from, size: (await stat(from)).size }
    }),
  )
  await mkdir(dirname(file), { recursive: true })
  const temporary = join(dirname(file), `.tmp-${basename(file)}-${process.pid}`)
  try {
    await pipeline(tarStream(entries, new Date(0)), streamNamed(temporary, file))
    await rename(temporary, file)
  } finally {
    await rm(temporary, { force: true })
  }
}

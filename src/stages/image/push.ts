import type { Digest } from '../../internal/digest.ts'
import { mediaTypes } from './formats.ts'
import { blobPath } from './layer.ts'
import { readLayout } from './layout.ts'
import { parseReference } from './reference.ts'
import { Repository, type RegistryOptions } from './registry.ts'

export interface PushOptions extends RegistryOptions {
  /** Hears of each blob as it is done with. */
  readonly onBlob?: (blob: { readonly digest: Digest; readonly size: number; readonly skipped: boolean }) => void
}

export interface PushResult {
  /** Digest of the manifest: the image's identity. */
  readonly digest: Digest
  readonly uploaded: readonly Digest[]
  readonly skipped: readonly Digest[]
}

/** Pushes the image of a layout folder. The manifest goes last, so that a tag never points to half an image. */
export async function pushImage(folder: string, reference: string, options: PushOptions = {}): Promise<PushResult> {
  const image = await readLayout(folder)
  const target = parseReference(reference)
  const repository = new Repository(target, options)
  const uploaded: Digest[] = []
  const skipped: Digest[] = []
  const blobs = new Map([...image.manifest.layers, image.manifest.config].map(one => [one.digest, one.size]))
  for (const [digest, size] of blobs) {
    const known = await repository.hasBlob(digest)
    if (!known) await repository.putBlob(digest, size, blobPath(folder, digest))
    ;(known ? skipped : uploaded).push(digest)
    options.onBlob?.({ digest, size, skipped: known })
  }
  await repository.putManifest(
    target.tag ?? target.digest ?? 'latest',
    image.manifestBytes,
    image.manifest.mediaType ?? mediaTypes.manifest,
  )
  return { digest: image.digest, uploaded, skipped }
}

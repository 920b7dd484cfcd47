import { mkdir, readdir, readFile, rename, stat, unlink } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { fail } from '../../../errors/catalogue.ts'
import { unlessLost } from '../../../errors/lost.ts'
import { digestBytes, digestFile, isDigest, type Digest } from '../../../internal/digest.ts'
import { sweepFolder } from '../../../internal/leftovers.ts'
import { makeFolder, named, syncFolder } from '../../../internal/publish.ts'
import type { ArtifactStore, StoredArtifact } from '../../../ports/artifact-store.ts'
import { writeError } from './errors.ts'
import { layoutOf, objectPath, type Layout } from './layout.ts'
import { publishBytes, publishCopy } from './publish.ts'

function isAbsent(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code
  return code === 'ENOENT' || code === 'ENOTDIR'
}

/** The 256 folders of the first level, once: a new artifact then makes, and syncs, at most one. */
async function makeShards(layout: Layout): Promise<void> {
  const present = new Set(await readdir(layout.objects))
  const missing = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0')).filter(
    name => !present.has(name),
  )
  if (missing.length === 0) return
  await Promise.all(missing.map(name => mkdir(join(layout.objects, name), { recursive: true, mode: 0o700 })))
  await syncFolder(layout.objects)
}

async function* objectsOf(layout: Layout): AsyncIterable<StoredArtifact> {
  for (const a of (await readdir(layout.objects)).sort())
    for (const b of (await readdir(join(layout.objects, a))).sort())
      for (const rest of (await readdir(join(layout.objects, a, b))).sort()) {
        const digest = `sha256:${a}${b}${rest}`
        if (isDigest(digest)) yield { digest, size: (await stat(objectPath(layout, digest))).size }
      }
}

class FileArtifacts implements ArtifactStore {
  readonly #layout: Layout
  /** What was found right, by inode, size and change time: any write to the file changes the latter. */
  readonly #verified = new Map<Digest, string>()
  /** Putting what is damaged mends it: of who makes the same bytes at each run, nobody might read them before the next. */
  readonly #isThere = async (digest: Digest): Promise<boolean> =>
    (await unlessLost(this.localPath(digest))) !== undefined

  constructor(layout: Layout) {
    this.#layout = layout
  }

  put(bytes: Uint8Array | string): Promise<StoredArtifact> {
    return publishBytes(this.#layout, bytes, this.#isThere)
  }

  putFile(path: string): Promise<StoredArtifact> {
    return publishCopy(this.#layout, path, this.#isThere)
  }

  async get(digest: Digest): Promise<Uint8Array> {
    const path = objectPath(this.#layout, digest)
    const bytes = await this.#present(digest, () => readFile(path))
    if (digestBytes(bytes) !== digest) await this.#quarantine(digest)
    return bytes
  }

  async localPath(digest: Digest): Promise<string> {
    const path = objectPath(this.#layout, digest)
    const found = await this.#present(digest, () => stat(path, { bigint: true }))
    // Whatever else stands in its place is not what was written
    if (!found.isFile()) await this.#quarantine(digest)
    const { ino, size, ctimeNs } = found
    const state = `${ino}:${size}:${ctimeNs}`
    if (this.#verified.get(digest) !== state) {
      const content = await this.#present(digest, () => digestFile(path))
      if (content.digest !== digest) await this.#quarantine(digest)
      this.#verified.set(digest, state)
    }
    return path
  }

  async has(digest: Digest): Promise<boolean> {
    return (await this.size(digest)) !== undefined
  }

  async size(digest: Digest): Promise<number | undefined> {
    try {
      return (await stat(objectPath(this.#layout, digest))).size
    } catch (error) {
      if (isAbsent(error)) return undefined
      throw error
    }
  }

  list(): AsyncIterable<StoredArtifact> {
    return objectsOf(this.#layout)
  }

  async remove(digest: Digest): Promise<void> {
    this.#verified.delete(digest)
    try {
      await unlink(objectPath(this.#layout, digest))
    } catch (error) {
      if (!isAbsent(error)) throw writeError(error, this.#layout.root, 0)
    }
  }

  async #present<T>(digest: Digest, read: () => Promise<T>): Promise<T> {
    try {
      return await read()
    } catch (error) {
      if (isAbsent(error)) throw fail('artifactMissing', { digest }, error)
      if ((error as NodeJS.ErrnoException).code === 'EISDIR') return this.#quarantine(digest)
      throw named(error, objectPath(this.#layout, digest))
    }
  }

  /** Out of the way, so that the step that makes these bytes can publish them again; kept, for whoever wants to look. */
  async #quarantine(digest: Digest): Promise<never> {
    const path = objectPath(this.#layout, digest)
    const kept = join(this.#layout.quarantine, `${digest.slice('sha256:'.length)}.${Date.now()}`)
    this.#verified.delete(digest)
    try {
      await makeFolder(this.#layout.quarantine)
      await rename(path, kept)
    } catch (error) {
      if (!isAbsent(error)) throw fail('artifactCorrupt', { digest, path, kept: basename(path) }, error)
    }
    throw fail('artifactCorrupt', { digest, path, kept })
  }
}

/**
 * Opens (or makes) the artifact store in folder `root` and removes what dead writers left half-written.
 * Throws `storeReadOnly`, `diskFull`.
 */
export async function openArtifacts(root: string): Promise<ArtifactStore> {
  const layout = layoutOf(resolve(root))
  try {
    await makeFolder(layout.objects, 0o700)
    await makeFolder(layout.temporary, 0o700)
    await makeShards(layout)
    await sweepFolder(layout.temporary, () => true)
  } catch (error) {
    throw writeError(error, layout.root, 4096)
  }
  return new FileArtifacts(layout)
}

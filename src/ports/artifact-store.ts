import type { Digest } from '../internal/digest.ts'

export interface StoredArtifact {
  readonly digest: Digest
  /** Bytes. */
  readonly size: number
}

/**
 * Immutable bytes by SHA-256. When a `put` resolves, its bytes survive `kill -9` and power loss; a reader never sees a
 * part of them; putting the same bytes twice is the same as once, and
 * mends them where they were damaged. Throws `artifactMissing` and `artifactCorrupt`.
 */
export interface ArtifactStore {
  put(bytes: Uint8Array | string): Promise<StoredArtifact>
  /** Takes a copy of the file (a link where the file system can share); the original stays where it is. */
  putFile(path: string): Promise<StoredArtifact>
  /** Bytes, checked against their digest while they are read. */
  get(digest: Digest): Promise<Uint8Array>
  /** A read-only local file with those bytes, checked, for engines that need a path. */
  localPath(digest: Digest): Promise<string>
  has(digest: Digest): Promise<boolean>
  size(digest: Digest): Promise<number | undefined>
  list(): AsyncIterable<StoredArtifact>
  /** Forgets the bytes; absent is fine. */
  remove(digest: Digest): Promise<void>
}

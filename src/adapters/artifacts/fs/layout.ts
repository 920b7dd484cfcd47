import { join } from 'node:path'
import type { Digest } from '../../../internal/digest.ts'
import { ownedName } from '../../../internal/leftovers.ts'

/**
 * `cas/sha256/ab/cd/<60 hex>` holds the bytes, `cas/tmp` what is being written (same file system, so that a rename
 * publishes it), `quarantine/` what no longer matched its digest.
 */
export interface Layout {
  readonly root: string
  readonly objects: string
  readonly temporary: string
  readonly quarantine: string
}

export function layoutOf(root: string): Layout {
  return {
    root,
    objects: join(root, 'cas', 'sha256'),
    temporary: join(root, 'cas', 'tmp'),
    quarantine: join(root, 'quarantine'),
  }
}

export function objectPath(layout: Layout, digest: Digest): string {
  const hex = digest.slice('sha256:'.length)
  return join(layout.objects, hex.slice(0, 2), hex.slice(2, 4), hex.slice(4))
}

/** Says who writes it, so that a later process can tell a stale one. */
export function temporaryPath(layout: Layout): string {
  return join(layout.temporary, ownedName())
}

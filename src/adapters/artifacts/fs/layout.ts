import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Digest } from '../../../internal/digest.ts'
import { ownIdentity } from '../../../internal/process-identity.ts'

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

const bootTag =
  ownIdentity()
    .bootId.replace(/[^0-9a-z]/gi, '')
    .slice(0, 8) || 'unknown'

/** Says who writes it, so that a later process can tell a stale one. */
export function temporaryPath(layout: Layout): string {
  return join(layout.temporary, `${bootTag}-${process.pid}-${randomBytes(8).toString('hex')}`)
}

/** True when the process that wrote `name` is gone: another boot's, or a pid that nobody has. */
export function isStale(name: string, ageMs: number): boolean {
  const [boot, pid] = name.split('-')
  if (ageMs > 24 * 3_600_000) return true
  if (boot !== bootTag) return false
  try {
    process.kill(Number(pid), 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

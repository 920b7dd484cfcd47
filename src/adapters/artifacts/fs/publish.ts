import { constants } from 'node:fs'
import { chmod, copyFile, mkdir, open, rename, stat, unlink, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { digestBytes, digestFile, type Digest } from '../../../internal/digest.ts'
import { syncFolder } from '../../../internal/publish.ts'
import type { StoredArtifact } from '../../../ports/artifact-store.ts'
import { writeError } from './errors.ts'
import { objectPath, temporaryPath, type Layout } from './layout.ts'

/** Whether these bytes are there already, as they were written; what is damaged in their place is out of the way then. */
export type IsThere = (digest: Digest) => Promise<boolean>

/** The same; their folder is synced, for a writer that died between rename and sync. */
async function isPublished(layout: Layout, digest: Digest, isThere: IsThere): Promise<boolean> {
  if (!(await isThere(digest))) return false
  await syncFolder(dirname(objectPath(layout, digest)))
  return true
}

/** The temporary file, whole and read-only, onto the disk; then its name, then the folders that are new or changed. */
async function publish(layout: Layout, handle: FileHandle, temporary: string, digest: Digest): Promise<void> {
  const path = objectPath(layout, digest)
  const folder = dirname(path)
  await handle.chmod(0o400)
  const [made] = await Promise.all([mkdir(folder, { recursive: true, mode: 0o700 }), handle.sync()])
  await rename(temporary, path)
  await Promise.all([syncFolder(folder), ...(made === undefined ? [] : [syncFolder(dirname(folder))])])
}

async function discard(temporary: string): Promise<void> {
  await unlink(temporary).catch(() => undefined)
}

/** Bytes into the store. Nothing is visible before all of it is on the disk. */
export async function publishBytes(
  layout: Layout,
  content: Uint8Array | string,
  isThere: IsThere,
): Promise<StoredArtifact> {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  const digest = digestBytes(bytes)
  const size = bytes.length
  const temporary = temporaryPath(layout)
  try {
    if (await isPublished(layout, digest, isThere)) return { digest, size }
    const handle = await open(temporary, 'wx', 0o600)
    try {
      await handle.writeFile(bytes)
      await publish(layout, handle, temporary, digest)
    } finally {
      await handle.close()
    }
    return { digest, size }
  } catch (error) {
    await discard(temporary)
    throw writeError(error, layout.root, size)
  }
}

/** A copy of a file into the store. The digest is taken from the copy: the original may change meanwhile. */
export async function publishCopy(layout: Layout, source: string, isThere: IsThere): Promise<StoredArtifact> {
  const needed = (await stat(source)).size
  const temporary = temporaryPath(layout)
  try {
    await copyFile(source, temporary, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL)
    await chmod(temporary, 0o600)
    const stored = await digestFile(temporary)
    if (await isPublished(layout, stored.digest, isThere)) await discard(temporary)
    else {
      const handle = await open(temporary, 'r')
      try {
        await publish(layout, handle, temporary, stored.digest)
      } finally {
        await handle.close()
      }
    }
    return stored
  } catch (error) {
    await discard(temporary)
    // somebody took the original away meanwhile: nothing is wrong with the store
    const { code, path } = error as NodeJS.ErrnoException
    throw code === 'ENOENT' && path === source ? error : writeError(error, layout.root, needed)
  }
}

import { constants } from 'node:fs'
import { chmod, copyFile, mkdir, open, rename, stat, unlink, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { digestBytes, digestFile, type Digest } from '../../../internal/digest.ts'
import { syncFolder } from '../../../internal/publish.ts'
import type { Stored } from '../../../ports/artifact-store.ts'
import { writeError } from './errors.ts'
import { objectPath, temporaryPath, type Layout } from './layout.ts'

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const found = await stat(path)
    return found.isFile() ? found.size : undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** True when the bytes are there already; their folder is synced, for a writer that died between rename and sync. */
async function isPublished(path: string, size: number): Promise<boolean> {
  if ((await sizeOf(path)) !== size) return false
  await syncFolder(dirname(path))
  return true
}

/** Something that is no file stands where one is to be: out of the way with it, kept for whoever wants to look. */
async function clear(layout: Layout, path: string, digest: Digest): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined || found.isFile()) return
  await mkdir(layout.quarantine, { recursive: true, mode: 0o700 })
  await rename(path, join(layout.quarantine, `${digest.slice('sha256:'.length)}.${Date.now()}`))
}

/** The temporary file, whole and read-only, onto the disk; then its name, then the folders that are new or changed. */
async function publish(layout: Layout, handle: FileHandle, temporary: string, digest: Digest): Promise<void> {
  const path = objectPath(layout, digest)
  const folder = dirname(path)
  await handle.chmod(0o400)
  const [made] = await Promise.all([mkdir(folder, { recursive: true, mode: 0o700 }), handle.sync()])
  await clear(layout, path, digest)
  await rename(temporary, path)
  await Promise.all([syncFolder(folder), ...(made === undefined ? [] : [syncFolder(dirname(folder))])])
}

async function discard(temporary: string): Promise<void> {
  await unlink(temporary).catch(() => undefined)
}

/** Bytes into the store. Nothing is visible before all of it is on the disk. */
export async function publishBytes(layout: Layout, content: Uint8Array | string): Promise<Stored> {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  const digest = digestBytes(bytes)
  const size = bytes.length
  const temporary = temporaryPath(layout)
  try {
    if (await isPublished(objectPath(layout, digest), size)) return { digest, size }
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
export async function publishCopy(layout: Layout, source: string): Promise<Stored> {
  const needed = (await stat(source)).size
  const temporary = temporaryPath(layout)
  try {
    await copyFile(source, temporary, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL)
    await chmod(temporary, 0o600)
    const stored = await digestFile(temporary)
    if (await isPublished(objectPath(layout, stored.digest), stored.size)) await discard(temporary)
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

import { constants, createWriteStream, type WriteStream } from 'node:fs'
import { copyFile, mkdir, open, rename, stat, unlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { ownedName } from './leftovers.ts'

/** Makes a rename or a new file in `folder` survive power loss. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** A name in the same folder (so the same file system) that a crash leaves behind recognisably. */
export function temporaryName(path: string): string {
  return join(dirname(path), `.tmp-${basename(path).slice(0, 180)}-${ownedName()}`)
}

/** Makes a folder and those above it that are missing, and makes that survive power loss. */
export async function makeFolder(folder: string, mode = 0o777): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode })
  if (first === undefined) return
  const top = dirname(first)
  for (let made = dirname(folder); made.length >= top.length; made = dirname(made)) {
    await syncFolder(made)
    if (made === dirname(made)) break
  }
}

/** What stands under a temporary name takes its own: whole, and so that it survives power loss. */
async function publishTemporary(path: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  await makeFolder(dirname(path))
  const temporary = temporaryName(path)
  try {
    await fill(temporary)
    await rename(temporary, path)
  } catch (error) {
    await unlink(temporary).catch(() => undefined)
    throw named(error, path)
  }
  await syncFolder(dirname(path))
}

/** `writeFile` whose error names its path, which that of a full disk does not. */
export async function writeNamed(
  path: string,
  content: Uint8Array | string,
  options: { readonly mode?: number; readonly flag?: string } = {},
): Promise<void> {
  await writeFile(path, content, options).catch((error: unknown) => {
    throw named(error, path)
  })
}

/** A stream into `path` whose errors name `shown`, the path that it is written for. On the disk once it is finished. */
export function streamNamed(path: string, shown: string, mode?: number): WriteStream {
  const stream = createWriteStream(path, { flush: true, ...(mode === undefined ? {} : { mode }) })
  // The first who hears of it: whoever waits for the stream gets the same error
  return stream.on('error', error => void named(error, shown))
}

/** A copy of a file, whose error names the copy: that of a full disk names what it was to be a copy of. */
export async function copyNamed(from: string, path: string, shown = path): Promise<void> {
  await copyFile(from, path).catch((error: unknown) => {
    throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? error : named(error, shown)
  })
}

/** An error of the system with the path that its reader knows: a full disk names none, and a temporary name says little. */
export function named(error: unknown, path: string): unknown {
  return error instanceof Error && 'code' in error ? Object.assign(error, { path }) : error
}

/** Whether a path is a device, a pipe or a socket: it takes what is written, and a file must not take its place. */
async function isDevice(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found !== undefined && !found.isFile() && !found.isDirectory()
}

/**
 * Writes a whole file so that readers see the old content or the new, never a part, also after `kill -9` or power loss:
 * temporary name, fsync, rename, fsync of the folder, and only then does the promise resolve.
 * A device or a pipe is written into.
 */
export async function publishFile(path: string, content: Uint8Array | string, mode = 0o644): Promise<void> {
  if (await isDevice(path)) return writeFile(path, content)
  await publishTemporary(path, async temporary => {
    const handle = await open(temporary, 'wx', mode)
    try {
      await handle.writeFile(content)
      await handle.sync()
    } finally {
      await handle.close()
    }
  })
}

/** The same with a copy of another file, which stays (shared where the file system can). */
export async function publishCopy(path: string, from: string, mode = 0o644): Promise<void> {
  await publishTemporary(path, async temporary => {
    await copyFile(from, temporary, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL)
    const handle = await open(temporary, 'r')
    try {
      await handle.chmod(mode)
      await handle.sync()
    } finally {
      await handle.close()
    }
  })
}

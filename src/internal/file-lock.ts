import { link, readFile, unlink, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isAlive, ownIdentity } from './process-identity.ts'
import { makeFolder, temporaryName } from './publish.ts'

type Holder = ReturnType<typeof ownIdentity>

const waitMs = 20

/**
 * Does work while no other process does: `path` is the lock. That of a dead process is broken; after `patienceMs` of
 * waiting for a living one (default five seconds), `busy` says what to throw.
 */
export async function withFileLock<T>(
  path: string,
  busy: (holder: Holder) => Error,
  work: () => Promise<T>,
  patienceMs = 5_000,
): Promise<T> {
  await makeFolder(dirname(path))
  const temporary = temporaryName(path)
  await writeFile(temporary, JSON.stringify(ownIdentity()))
  try {
    for (let waited = 0; ; waited += waitMs) {
      try {
        // A link appears whole or not at all, with its holder's name in it
        await link(temporary, path)
        break
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
      const holder = await readFile(path, 'utf8').then(
        text => JSON.parse(text) as Holder,
        () => undefined,
      )
      if (holder !== undefined && isAlive(holder) === false) await unlink(path).catch(() => undefined)
      else if (holder !== undefined && waited >= patienceMs) throw busy(holder)
      else await new Promise(resolve => setTimeout(resolve, waitMs))
    }
  } finally {
    await unlink(temporary)
  }
  try {
    return await work()
  } finally {
    await unlink(path)
  }
}

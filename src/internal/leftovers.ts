import { createHash, randomBytes } from 'node:crypto'
import { readdir, readFile, rm, rmdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isAlive, ownIdentity } from './process-identity.ts'

/*
 * What a process writes before it has its name says whose it is, so that a later process can tell what was left behind
 * from what is being written.
 */

/** A pid means something within one machine, boot and pid namespace only. */
function placeOf({ host, bootId }: { readonly host: string; readonly bootId: string }): string {
  return createHash('sha256').update(`${host}\n${bootId}`).digest('hex').slice(0, 12)
}

/** `<machine and boot>-<pid>-<start of the process>-<random>`: a name that no other process gives. */
export function ownedName(): string {
  const own = ownIdentity()
  return `${placeOf(own)}-${own.pid}-${own.startTime}-${randomBytes(6).toString('hex')}`
}

const owned = /([0-9a-f]{12})-(\d+)-(\w+)-[0-9a-f]{12}$/
const dayMs = 86_400_000

/** Whether the process that gave that name is gone; where nobody can tell, whether it is older than a day. */
export function isLeftover(name: string, ageMs: number): boolean {
  const [, place, pid, startTime] = owned.exec(name) ?? []
  const own = ownIdentity()
  if (place !== placeOf(own)) return ageMs > dayMs
  return isAlive({ ...own, pid: Number(pid), startTime: String(startTime) }) === false
}

/** Removes what dead processes left directly in a folder, of those names that `ours` accepts. Gives how many went. */
export async function sweepFolder(folder: string, ours: (name: string) => boolean): Promise<number> {
  let gone = 0
  for (const name of await readdir(folder).catch(() => []))
    if (ours(name)) {
      const path = join(folder, name)
      // Another process may sweep here, too; what cannot be removed stays for the next
      const found = await stat(path).catch(() => undefined)
      if (!found || !isLeftover(name, Date.now() - found.mtimeMs)) continue
      await rm(path, { recursive: true, force: true }).then(
        () => gone++,
        () => undefined,
      )
    }
  return gone
}

/** In the folder of an attempt that runs in the process of its run: whose it is. It ends with that process. */
export const attemptOwner = 'owner.json'

/** Removes the folders of attempts `<run>/<step>/<attempt>` whose process is dead, and what is empty without them. */
export async function sweepAttempts(runs: string): Promise<void> {
  const below = async (folder: string): Promise<string[]> =>
    (await readdir(folder).catch(() => [])).map(name => join(folder, name))
  for (const run of await below(runs))
    for (const step of await below(run))
      for (const attempt of await below(step))
        if (await isOver(attempt)) {
          await rm(attempt, { recursive: true, force: true }).catch(() => undefined)
          // Only where nothing else is left in it
          for (const folder of [step, run]) await rmdir(folder).catch(() => undefined)
        }
}

async function isOver(attempt: string): Promise<boolean> {
  const path = join(attempt, attemptOwner)
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) return false
  try {
    const alive = isAlive(JSON.parse(await readFile(path, 'utf8')) as Parameters<typeof isAlive>[0])
    // Of another machine nobody can tell
    return alive === undefined ? Date.now() - found.mtimeMs > dayMs : !alive
  } catch {
    // A crash left half of it
    return Date.now() - found.mtimeMs > dayMs
  }
}

export const isTemporary = (name: string): boolean => name.startsWith('.tmp-')

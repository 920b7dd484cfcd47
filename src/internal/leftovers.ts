import { createHash, randomBytes } from 'node:crypto'
import { readdir, rm, stat } from 'node:fs/promises'
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

export const isTemporary = (name: string): boolean => name.startsWith('.tmp-')

import type { Workspace } from '../config/workspace.ts'
import { systemError } from '../errors/index.ts'
import { currentLock, lockName, writeLock } from '../stages/version/lock.ts'
import type { Listener } from './use-case.ts'

/**
 * Brings `millrace.lock` up to date with the store. Where it cannot be written (a training job on a read-only root) that
 * is said and nothing more: what was done is done, and is in the store.
 */
export async function updateLock(
  { root, store, project }: Pick<Workspace, 'root' | 'store' | 'project'>,
  listener: Pick<Listener, 'warn'>,
): Promise<void> {
  const lock = await currentLock(store, [...project.models.keys()])
  try {
    await writeLock(root, lock)
  } catch (error) {
    const known = systemError(error)
    if (!known) throw error
    listener.warn(`${lockName} was not brought up to date: ${known.message} The version itself is registered.`)
  }
}

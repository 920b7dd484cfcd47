import type { Digest } from '../internal/digest.ts'
import type { ProcessIdentity } from '../ports/executor.ts'
import type { CacheEntry } from '../ports/metadata-store.ts'
import { isDrivenBy } from './holders.ts'
import type { Drive } from './options.ts'
import { allPresent } from './result.ts'

const lockKind = 'step-lock'

/** Who computes the result of a cache key now. */
interface Lock {
  readonly owner: ProcessIdentity
  readonly runId: string
  readonly step: string
}

export interface HeldLock {
  readonly kind: string
  readonly id: string
  readonly revision: number
}

/** The lock, or the result that another run has finished meanwhile. */
export type Claim = { readonly lock: HeldLock } | { readonly found: CacheEntry }

async function isHeld({ options }: Drive, lock: Lock): Promise<boolean> {
  const { store, executor, clock } = options
  if (isDrivenBy(await store.getRun(lock.runId), lock.owner, clock.now(), executor)) return true
  // Its driver died; the step's own process may go on, and whoever resumes the run will take up its result.
  const step = (await store.listSteps(lock.runId)).find(one => one.step === lock.step)
  return step?.status === 'running' && step.process !== undefined && executor.alive(step.process) === true
}

async function finished({ options }: Drive, key: Digest): Promise<CacheEntry | undefined> {
  const entry = (await options.store.getCache([key])).get(key)
  return entry !== undefined && (await allPresent(entry.outputs, options.artifacts)) ? entry : undefined
}

/**
 * Over all processes on one store, one at a time computes a key; the others wait and take its result. Locks of the
 * dead are taken over.
 */
export async function claimKey(drive: Drive, key: Digest, step: string): Promise<Claim> {
  const { store, clock } = drive.options
  const mine = { owner: { ...drive.owner }, runId: drive.runId, step }
  const take = async (expected: number): Promise<HeldLock | undefined> => {
    const revision = await store.putDocument(lockKind, key, mine, clock.now(), expected, true)
    return revision === undefined ? undefined : { kind: lockKind, id: key, revision }
  }
  for (let wait = 20; ; wait = Math.min(500, wait * 1.5)) {
    let lock = await take(0)
    if (lock === undefined) {
      const other = await store.getDocument<
        { owner: ProcessIdentity & Record<string, string | number> } & Omit<Lock, 'owner'>
      >(lockKind, key)
      if (other === undefined) continue
      const own = other.value.runId === drive.runId && other.value.step === step
      if (own || !(await isHeld(drive, other.value))) lock = await take(other.revision)
    }
    const found = await finished(drive, key)
    if (found !== undefined) {
      if (lock !== undefined) await store.removeDocument(lock.kind, lock.id, lock.revision)
      return { found }
    }
    if (lock !== undefined) return { lock }
    await clock.sleep(wait, drive.signal)
  }
}

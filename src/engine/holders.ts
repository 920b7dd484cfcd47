import { sameProcess } from '../internal/process-identity.ts'
import type { Micros } from '../internal/time.ts'
import type { Executor, ProcessIdentity } from '../ports/executor.ts'
import type { RunRecord } from '../ports/metadata-store.ts'

/** No lease and no two machines' clocks differ by more: one that ends later was given before a clock was set back. */
const maxAhead = 600_000_000

/**
 * Who drives a run. On this machine a dead process is seen at once, and a living one is never robbed, however late its
 * heartbeat; elsewhere only the lease tells.
 */
export function holderOf(
  run: RunRecord,
  now: Micros,
  executor: Pick<Executor, 'alive'>,
): { readonly state: 'free' } | { readonly state: 'held' | 'dead'; readonly owner: ProcessIdentity } {
  if (run.lease === undefined) return { state: 'free' }
  const { owner, until } = run.lease
  const lives = executor.alive(owner)
  if (lives === true || (lives === undefined && until >= now && until - now <= maxAhead))
    return { state: 'held', owner }
  return { state: 'dead', owner }
}

/** True when `owner` is still the one who drives it. */
export function isDrivenBy(
  run: RunRecord | undefined,
  owner: ProcessIdentity,
  now: Micros,
  executor: Pick<Executor, 'alive'>,
): boolean {
  if (run === undefined || run.status !== 'running') return false
  const holder = holderOf(run, now, executor)
  return holder.state === 'held' && sameProcess(holder.owner, owner)
}

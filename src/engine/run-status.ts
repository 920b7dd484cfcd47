import type { Executor } from '../ports/executor.ts'
import { holderOf } from './holders.ts'
import type { RunRecord } from '../ports/metadata-store.ts'

/** A run's status for people: one whose process is gone is not running, whatever its record still says. */
export function statusOf(run: RunRecord, now: number, processes: Pick<Executor, 'alive'>): string {
  if (run.kind === 'tracking' || run.status !== 'running') return run.status
  return holderOf(run, now, processes).state === 'held' ? run.status : 'stopped'
}

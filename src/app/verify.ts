import type { Workspace } from '../config/workspace.ts'
import type { Digest } from '../internal/digest.ts'
import { planView } from '../stages/features/channels.ts'
import { withLog } from '../stages/log/dataset-rows.ts'
import { loadLog } from '../stages/log/log-table.ts'
import { verifyView } from '../stages/features/verify.ts'
import { fillViews, lostView } from './fill-views.ts'
import { newestSnapshot } from './snapshots.ts'
import type { Listener } from './use-case.ts'

type Verified = Awaited<ReturnType<typeof verifyView>>

export interface VerifyAnswer {
  readonly results: readonly Verified[]
  /** Views without online records: nothing of them was compared. */
  readonly unmaterialised: readonly string[]
  /** Nothing compared is nothing proven. */
  readonly proven: boolean
}

/** Answers random moments from the online store and recomputes them from the snapshot; `sample` moments a view (2,000). */
export async function verifyViews(
  workspace: Workspace,
  input: { readonly sample?: number | undefined },
  listener: Listener,
): Promise<VerifyAnswer> {
  const { project, store, clock } = workspace
  const results: Verified[] = []
  const unmaterialised: string[] = []
  if ([...project.views.values()].some(view => view.online))
    for (const one of (await fillViews(workspace)).lost) listener.warn(lostView(one))
  for (const view of project.views.values()) {
    const done = await store.getDocument('materialisation', view.name)
    if (!view.online || !done) {
      unmaterialised.push(view.name)
      continue
    }
    listener.chapter(view.name)
    const { until, snapshot: made } = done.value as unknown as { readonly until: number; readonly snapshot?: Digest }
    const snapshot = await newestSnapshot(workspace, view.from, made)
    const engine = await workspace.engine()
    const log = await loadLog(workspace, engine, view.from)
    const rows = await withLog(engine, view.from, snapshot.sql, log?.sql)
    const asked = { until, now: clock.now(), sample: input.sample ?? 2000, seed: 1 }
    const result = await verifyView(engine, planView(view), rows, await workspace.online(), asked)
    await log?.drop()
    const found = { compared: result.compared, mismatches: result.mismatches }
    await store.putDocument('feature-verification', view.name, found, clock.now())
    results.push(result)
  }
  return {
    results,
    unmaterialised,
    proven: results.length > 0 && results.every(one => one.mismatches === 0),
  }
}

import type { Workspace } from '../config/workspace.ts'
import { planView, recordsOf } from '../stages/features/channels.ts'
import { materialisationOf } from '../stages/features/materialisations.ts'
import { withLog } from '../stages/log/dataset-rows.ts'
import { loadLog } from '../stages/log/log-table.ts'
import { noteVerification } from '../stages/features/verifications.ts'
import { verifyView } from '../stages/features/verify.ts'
import { fillViews, lostView } from './fill-views.ts'
import type { MaterialisedView } from './materialise.ts'
import { newestSnapshot } from './snapshots.ts'
import { viewsInUse } from './views-in-use.ts'
import type { Listener } from './use-case.ts'

type VerifiedView = Awaited<ReturnType<typeof verifyView>> & Pick<MaterialisedView, 'records' | 'readers'>

export interface VerifyAnswer {
  readonly results: readonly VerifiedView[]
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
  const { project, clock } = workspace
  const results: VerifiedView[] = []
  const unmaterialised: string[] = []
  if ([...project.views.values()].some(view => view.online))
    for (const one of (await fillViews(workspace)).lost) listener.warn(lostView(one))
  for (const { view, readers } of await viewsInUse(workspace)) {
    const isDeclared = readers.includes('declared')
    const done = await materialisationOf(workspace, view)
    if (!done) {
      unmaterialised.push(isDeclared ? view.name : recordsOf(view))
      continue
    }
    listener.chapter(view.name)
    const snapshot = await newestSnapshot(workspace, view.from, done.snapshot)
    const engine = await workspace.engine()
    const log = await loadLog(workspace, engine, view.from)
    const asked = { until: done.until, now: clock.now(), sample: input.sample ?? 2000, seed: 1 }
    let result
    try {
      const rows = await withLog(engine, view.from, snapshot.sql, log?.sql)
      result = await verifyView(engine, planView(view), rows, await workspace.online(), asked)
    } finally {
      await log?.drop()
    }
    if (isDeclared) await noteVerification(workspace, view.name, result)
    results.push({ ...result, records: recordsOf(view), readers })
  }
  for (const view of project.views.values()) if (!view.online) unmaterialised.push(view.name)
  return {
    results,
    unmaterialised,
    proven: results.length > 0 && results.every(one => one.mismatches === 0),
  }
}

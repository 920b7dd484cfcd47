import type { Workspace } from '../config/workspace.ts'
import type { FeatureView } from '../define/features.ts'
import { outcomeOf } from '../define/report.ts'
import { fail } from '../errors/index.ts'
import { spanInWords } from '../internal/time.ts'
import { planView, recordsOf } from '../stages/features/channels.ts'
import { currentVectors } from '../stages/features/current-vectors.ts'
import { beginParts, endParts, noteMaterialisation, notePart } from '../stages/features/materialisations.ts'
import { materialise } from '../stages/features/materialise.ts'
import { rowsOfPart } from '../stages/features/record-events.ts'
import { withLog, type DatasetRows } from '../stages/log/dataset-rows.ts'
import { loadLog } from '../stages/log/log-table.ts'
import { isExpected, judgeVectors, type ExpectedView } from '../stages/pipeline/feature-expectations.ts'
import type { Snapshot } from './snapshots.ts'
import type { Listener } from './use-case.ts'

export interface MaterialiseViewOptions {
  /** Hears how far it is. */
  readonly listener?: Pick<Listener, 'say' | 'warn'>
  /** Rows of a part (default: as many as are sorted in about 400 MB). */
  readonly maxPartRows?: number
  /** Written as it is, whatever is expected of it: what was there before is put back (default false). */
  readonly unjudged?: boolean
}

/** Holds the vectors that are about to be answered to what the view expects, and keeps the report. Throws `featuresRefused`. */
async function requireExpected(
  workspace: Workspace,
  view: ExpectedView,
  rows: DatasetRows,
  until: number,
  listener: MaterialiseViewOptions['listener'],
): Promise<void> {
  const { store, clock } = workspace
  const now = clock.now()
  const vectors = await currentVectors(await workspace.engine(), planView(view), rows, { until, now })
  try {
    const report = await judgeVectors(workspace, view, vectors.sql, 'records')
    await store.addReport(report)
    const [first, ...others] = report.checks.filter(one => ['fail', 'error'].includes(outcomeOf(one)))
    if (first)
      throw fail('featuresRefused', {
        view: view.name,
        reason: `${first.message}${others.length === 0 ? '' : ` (and ${others.length} more)`}`,
        report: report.id,
      })
    for (const one of report.checks.filter(check => outcomeOf(check) === 'warn')) listener?.warn(one.message)
  } finally {
    await vectors.drop()
  }
}

/**
 * Writes the online records of a view from a snapshot as it was known at `until`, part by part, and notes that it was done. What
 * was cut off before, by whatever, goes on where it was. Gives the entities. Throws `featuresRefused`, with nothing written, where
 * the vectors are not as the view expects them.
 */
export async function materialiseView(
  workspace: Workspace,
  view: FeatureView,
  snapshot: Snapshot,
  until: number,
  { listener, maxPartRows, unjudged = false }: MaterialiseViewOptions = {},
): Promise<number> {
  const engine = await workspace.engine()
  const plan = planView(view)
  const log = await loadLog(workspace, engine, view.from)
  try {
    const rows = await withLog(engine, view.from, snapshot.sql, log?.sql)
    const seq = log?.seq ?? 0
    const parts = Math.max(1, Math.ceil((snapshot.rows + seq) / (maxPartRows ?? rowsOfPart(plan))))
    const begun = await beginParts(workspace, view, { snapshot: snapshot.digest, until, parts, seq })
    if (isExpected(view) && !unjudged) await requireExpected(workspace, view, rows, until, listener)
    if (begun.done > 0) listener?.say(`goes on with part ${begun.done + 1} of ${begun.parts}`)
    const start = performance.now()
    const entities = await materialise(engine, plan, rows, until, await workspace.online(), {
      seq,
      parts: begun.parts,
      from: begun.done,
      async written(done) {
        if (begun.parts === 1) return
        await notePart(workspace, view, { ...begun, done })
        const perPart = (performance.now() - start) / (done - begun.done)
        const left = spanInWords(Math.max(1, Math.round(((begun.parts - done) * perPart) / 1000)) * 1e6)
        if (done < begun.parts) listener?.say(`part ${done} of ${begun.parts} is written, about ${left} left`)
      },
    })
    const seconds = (performance.now() - start) / 1000
    const done = {
      rows: snapshot.rows,
      entities,
      until,
      snapshot: snapshot.digest,
      newest: snapshot.newest,
      // Of the log what its first part had: the others have as much or more
      seq: begun.seq,
      ...(begun.done === 0 ? { seconds } : {}),
    }
    // The view of an older version has the same name, and other records
    const declared = workspace.project.views.get(view.name)
    const isDeclared = declared !== undefined && recordsOf(declared) === recordsOf(view)
    await noteMaterialisation(workspace, view, done, workspace.clock.now(), isDeclared)
    if (begun.parts > 1) await endParts(workspace, view)
    return entities
  } finally {
    await log?.drop()
  }
}

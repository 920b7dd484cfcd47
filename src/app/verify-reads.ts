import type { Workspace } from '../config/workspace.ts'
import { fail, isLost } from '../errors/index.ts'
import { planView } from '../stages/features/channels.ts'
import { keptReads } from '../stages/features/kept-reads.ts'
import { materialisationOf } from '../stages/features/materialisations.ts'
import { noteReadVerification } from '../stages/features/verifications.ts'
import { verifyReads, type VerifiedReads } from '../stages/features/verify-reads.ts'
import { logColumns, withLog } from '../stages/log/dataset-rows.ts'
import { loadLog } from '../stages/log/log-table.ts'
import { newestSnapshot } from './snapshots.ts'
import type { Listener } from './use-case.ts'
import { viewsInUse, type ViewInUse } from './views-in-use.ts'

export interface VerifyReadsAnswer {
  readonly results: readonly (VerifiedReads & { readonly records: string })[]
  /** Reads of versions of views that nobody reads any more: there is nothing to compare them with. */
  readonly version: number
  /** Something was compared, and nothing is wrong. */
  readonly proven: boolean
}

async function verifyOne(
  workspace: Workspace,
  { view }: ViewInUse,
  reads: Parameters<typeof verifyReads>[2],
): Promise<VerifiedReads> {
  const engine = await workspace.engine()
  const log = await loadLog(workspace, engine, view.from)
  try {
    const newest = await newestSnapshot(workspace, view.from)
    return await verifyReads(engine, planView(view), reads, {
      newest: await withLog(engine, view.from, newest.sql, log?.sql),
      done: await materialisationOf(workspace, view),
      async rowsAt(digest, at) {
        try {
          const snapshot = await newestSnapshot(workspace, view.from, digest)
          const logged = log && `SELECT * FROM (${log.sql}) WHERE ${logColumns.at} <= ${at}`
          return await withLog(engine, view.from, snapshot.sql, logged)
        } catch (error) {
          if (!isLost(error)) throw error
          return undefined
        }
      },
    })
  } finally {
    await log?.drop()
  }
}

/**
 * Compares the sample of what servers read with the offline values of the same entities and moments: of one view, or of all. Throws
 * `readsUnkept` where no view keeps any, `notDefined`.
 */
export async function verifyKeptReads(
  workspace: Workspace,
  input: { readonly view?: string | undefined },
  listener: Listener,
): Promise<VerifyReadsAnswer> {
  const { project, clock } = workspace
  if (input.view !== undefined && !project.views.has(input.view))
    throw fail('notDefined', { kind: 'feature view', name: input.view, known: [...project.views.keys()].join(', ') })
  const wanted = [...project.views.values()].filter(
    one => one.verify && (input.view === undefined || one.name === input.view),
  )
  if (wanted.length === 0)
    throw fail('readsUnkept', { views: input.view ?? ([...project.views.keys()].join(', ') || 'none') })
  const used = new Map((await viewsInUse(workspace)).map(one => [planView(one.view).records, one]))
  const results: VerifyReadsAnswer['results'][number][] = []
  let version = 0
  for (const { view, records, reads } of await keptReads(workspace)) {
    const rule = wanted.find(one => one.name === view)?.verify
    if (!rule) continue
    const young = reads.filter(one => clock.now() - one.read <= 2 * rule.every)
    const known = used.get(records)
    if (!known) {
      version += young.length
      continue
    }
    listener.chapter(view)
    const found = await verifyOne(workspace, known, young)
    if (known.readers.includes('declared')) await noteReadVerification(workspace, view, found)
    results.push({ ...found, records })
  }
  return {
    results,
    version,
    proven: results.some(one => one.reads > 0) && results.every(one => one.mismatches === 0),
  }
}

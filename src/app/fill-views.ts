import type { Workspace } from '../config/workspace.ts'
import { columnsOf } from '../define/expression/index.ts'
import { inputsOfFeature, viewOfRole, type FeatureView } from '../define/features.ts'
import { fail, isLost, type MillraceError } from '../errors/index.ts'
import type { Digest } from '../internal/digest.ts'
import type { ModelVersion } from '../ports/metadata-store.ts'
import { recordsOf } from '../stages/features/channels.ts'
import { materialisationNamed, materialisationOf } from '../stages/features/materialisations.ts'
import { snapshotOfVersion } from '../stages/register/version-parts.ts'
import type { FillView } from '../stages/serve/online-views.ts'
import { materialiseView } from './materialise-view.ts'
import { newestSnapshot, type Snapshot, snapshotsOf } from './snapshots.ts'

interface Source {
  readonly snapshot: Digest
  /** As known then; undefined: at the newest event. */
  readonly until?: number
}

/** What became of the views that had no records. */
export interface FillResult {
  readonly fill: FillView
  /** Views that were filled. */
  readonly filled: string[]
  /** Views that stay empty, because what they would be filled from is lost. */
  readonly lost: { readonly view: string; readonly error: MillraceError }[]
}

/** What a view was last filled from; of one never filled, what the version that reads it, or the newest that does, was made from. */
async function sourceOf(
  workspace: Workspace,
  view: FeatureView,
  reader: ModelVersion | undefined,
): Promise<Source | undefined> {
  const { project, store } = workspace
  const done = (await materialisationOf(workspace, view)) ?? (await materialisationNamed(workspace, view.name))
  if (done) return { snapshot: done.snapshot, until: done.until }
  const model = [...project.models.values()].find(one => one.views.some(used => viewOfRole(used).name === view.name))
  const [newest] = model ? await store.listModelVersions(model.name) : []
  const digest = snapshotOfVersion(reader ?? newest, view.from.name)
  return digest && { snapshot: digest }
}

/** Columns that a view reads: an older version of it may read one that the data has no longer. */
function columnsRead(view: FeatureView): readonly string[] {
  const read = Object.values(view.features).flatMap(inputsOfFeature)
  const known = read.flatMap(name => view.from.knownAt[name] ?? []).flatMap(columnsOf)
  return [
    ...new Set([
      ...read,
      ...known,
      ...Object.keys(view.entity.keys),
      ...(view.from.eventTime === undefined ? [] : [view.from.eventTime]),
    ]),
  ]
}

/** Why a snapshot does not have what a version of a view reads; undefined where it has. */
export async function unreadable(
  workspace: Workspace,
  view: FeatureView,
  snapshot: Snapshot,
): Promise<MillraceError | undefined> {
  const relation = { sql: `(${snapshot.sql})`, label: view.from.name }
  const held = new Set((await (await workspace.engine()).describe(relation)).map(column => column.name))
  const gone = columnsRead(view).find(name => !held.has(name))
  return gone === undefined
    ? undefined
    : fail('notDefined', {
        kind: 'column',
        name: gone,
        known: [...held].filter(name => name !== 'millrace_seq').join(', '),
      })
}

/**
 * The snapshot that is wanted, or the newest other one that is whole and has the view's columns: records as they were then are
 * better than none. What is damaged is set aside by the store when it is read. Throws what is wrong with the one that is wanted.
 */
async function wholeSnapshot(
  workspace: Workspace,
  view: FeatureView,
  wanted: Digest,
  reader: ModelVersion | undefined,
): Promise<Snapshot> {
  let first: MillraceError | undefined
  const own = snapshotOfVersion(reader, view.from.name)
  for (const digest of new Set([wanted, ...(own ? [own] : []), ...(await snapshotsOf(workspace, view.from))]))
    try {
      const snapshot = await newestSnapshot(workspace, view.from, digest)
      const wrong = await unreadable(workspace, view, snapshot)
      if (!wrong) return snapshot
      first ??= wrong
    } catch (error) {
      if (!isLost(error)) throw error
      first ??= error
    }
  throw first ?? fail('artifactMissing', { digest: wanted })
}

/**
 * Fills the online records of views that have none: the first server of a project answers with features and not with
 * nulls, a changed view has its own records from the first request, and a store that was damaged is made anew. What cannot be
 * filled stops nothing that does not need it.
 */
export function fillingViews(workspace: Workspace): FillResult {
  const filled: string[] = []
  const lost: { view: string; error: MillraceError }[] = []
  return {
    filled,
    lost,
    async fill(view, reader) {
      const online = await workspace.online()
      for await (const _ of online.keys(recordsOf(view))) return
      const source = await sourceOf(workspace, view, reader)
      if (!source) return
      try {
        const snapshot = await wholeSnapshot(workspace, view, source.snapshot, reader)
        const asWanted = snapshot.digest === source.snapshot && source.until !== undefined
        await materialiseView(workspace, view, snapshot, asWanted ? source.until : snapshot.newest, { unjudged: true })
        filled.push(view.name)
      } catch (error) {
        if (!isLost(error) && (error as MillraceError).code !== notThere) throw error
        lost.push({ view: view.name, error: error as MillraceError })
      }
    },
  }
}

const notThere = fail('notDefined').code

/** Fills the project's views. */
export async function fillViews(workspace: Workspace): Promise<FillResult> {
  const filling = fillingViews(workspace)
  for (const view of workspace.project.views.values()) if (view.online) await filling.fill(view)
  return filling
}

/** For people: what stays empty, and what that means. */
export const lostView = ({ view, error }: FillResult['lost'][number]): string =>
  `The online records of ${view} are empty: the snapshot that they are filled from is lost (${error.code}: ${error.message}) What needs no feature of it goes on; its features are answered as missing. "millrace data snapshot" makes a new one, "millrace features materialise ${view}" fills it.`

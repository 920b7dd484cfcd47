import type { Workspace } from '../../config/workspace.ts'
import type { FeatureView } from '../../define/features.ts'
import { fail, type MillraceError } from '../../errors/index.ts'
import type { Digest } from '../../internal/digest.ts'
import { isLost, materialiseView, newestSnapshot, type Snapshot, snapshotsOf } from '../snapshots.ts'

interface Source {
  readonly snapshot: Digest
  /** As known then; undefined: at the newest event. */
  readonly until?: number
}

/** What a view was last filled from; of one never filled, what the newest version of a model using it was made from. */
async function sourceOf({ project, store }: Workspace, view: FeatureView): Promise<Source | undefined> {
  const done = await store.getDocument('materialisation', view.name)
  const { snapshot, until } = (done?.value ?? {}) as Partial<Source>
  if (snapshot !== undefined && until !== undefined) return { snapshot, until }
  const model = [...project.models.values()].find(one => one.views.some(used => used.name === view.name))
  const [version] = model ? await store.listModelVersions(model.name) : []
  const digest = version?.facts[`data:${view.from.name}`] as Digest | undefined
  return digest && { snapshot: digest }
}

export interface WarmViews {
  /** Views that were filled. */
  readonly filled: readonly string[]
  /** Views that stay empty, because what they would be filled from is lost. */
  readonly lost: readonly { readonly view: string; readonly error: MillraceError }[]
}

/**
 * The snapshot that is wanted, or the newest other one that is whole: records as they were then are better than none.
 * What is damaged is set aside by the store when it is read. Throws what is wrong with the one that is wanted.
 */
async function wholeSnapshot(workspace: Workspace, view: FeatureView, wanted: Digest): Promise<Snapshot> {
  let first: MillraceError | undefined
  for (const digest of new Set([wanted, ...(await snapshotsOf(workspace, view.from))]))
    try {
      return await newestSnapshot(workspace, view.from, digest)
    } catch (error) {
      if (!isLost(error)) throw error
      first ??= error
    }
  throw first ?? fail('artifactMissing', { digest: wanted })
}

/**
 * Fills the online records of views that have none: the first server of a project answers with features and not with
 * nulls, and a store that was damaged is made anew. What cannot be filled stops nothing that does not need it.
 */
export async function warmViews(workspace: Workspace): Promise<WarmViews> {
  const filled: string[] = []
  const lost: { view: string; error: MillraceError }[] = []
  const online = await workspace.online()
  for (const view of workspace.project.views.values()) {
    if (!view.online || online.keys(view.name)[Symbol.iterator]().next().done !== true) continue
    const source = await sourceOf(workspace, view)
    if (!source) continue
    try {
      const snapshot = await wholeSnapshot(workspace, view, source.snapshot)
      const asWanted = snapshot.digest === source.snapshot && source.until !== undefined
      await materialiseView(workspace, view, snapshot, asWanted ? source.until : snapshot.newest)
      filled.push(view.name)
    } catch (error) {
      if (!isLost(error)) throw error
      lost.push({ view: view.name, error })
    }
  }
  return { filled, lost }
}

/** For people: what stays empty, and what that means. */
export const lostView = ({ view, error }: WarmViews['lost'][number]): string =>
  `The online records of ${view} are empty: the snapshot that they are filled from is lost (${error.code}: ${error.message}) What needs no feature of it goes on; its features are answered as missing. "millrace data snapshot" makes a new one, "millrace features materialise ${view}" fills it.`

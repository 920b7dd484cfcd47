import type { Workspace } from '../../config/workspace.ts'
import type { FeatureView } from '../../define/features.ts'
import type { Digest } from '../../internal/digest.ts'
import { materialiseView, newestSnapshot } from '../snapshots.ts'

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

/**
 * Fills the online records of views that have none: the first server of a project answers with features and not with
 * nulls, and a store that was damaged is made anew. Gives the views filled.
 */
export async function warmViews(workspace: Workspace): Promise<string[]> {
  const filled: string[] = []
  const online = await workspace.online()
  for (const view of workspace.project.views.values()) {
    if (!view.online || online.keys(view.name)[Symbol.iterator]().next().done !== true) continue
    const source = await sourceOf(workspace, view)
    if (!source) continue
    const snapshot = await newestSnapshot(workspace, view.from, source.snapshot)
    await materialiseView(workspace, view, snapshot, source.until ?? snapshot.newest)
    filled.push(view.name)
  }
  return filled
}

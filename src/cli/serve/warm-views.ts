import type { Workspace } from '../../config/workspace.ts'
import type { Digest } from '../../internal/digest.ts'
import { materialiseView, newestSnapshot } from '../snapshots.ts'

/**
 * Fills the online records of views that have none yet from the snapshot that the newest version of a model using them
 * was made from: the first server of a project answers with features and not with nulls. Gives the views filled.
 */
export async function warmViews(workspace: Workspace): Promise<string[]> {
  const filled: string[] = []
  const online = await workspace.online()
  for (const view of workspace.project.views.values()) {
    if (!view.online || online.keys(view.name)[Symbol.iterator]().next().done !== true) continue
    const model = [...workspace.project.models.values()].find(one => one.views.some(used => used.name === view.name))
    const [version] = model ? await workspace.store.listModelVersions(model.name) : []
    const digest = version?.facts[`data:${view.from.name}`] as Digest | undefined
    if (!digest) continue
    const snapshot = await newestSnapshot(workspace, view.from, digest)
    await materialiseView(workspace, view, snapshot, snapshot.newest)
    filled.push(view.name)
  }
  return filled
}

import type { Workspace } from '../config/workspace.ts'
import type { FeatureView } from '../define/features.ts'
import { appliedViews, environmentOf } from '../stages/features/applied.ts'
import { recordsOf } from '../stages/features/channels.ts'
import { featureReaders } from '../stages/serve/feature-readers.ts'

/** A version of a view's definition whose online records somebody reads. */
export interface ViewInUse {
  readonly view: FeatureView
  /** Why: `declared`, `applied`, and served versions, `api: fare@2`. */
  readonly readers: readonly string[]
}

/**
 * Views that are kept online in the versions that are read: as the project declares them, as they were applied, and as the
 * versions that are served were made with. Each definition once, those of the project first.
 */
export async function viewsInUse(
  workspace: Pick<Workspace, 'project' | 'store' | 'artifacts'>,
): Promise<readonly ViewInUse[]> {
  const { project, store } = workspace
  const found = new Map<string, { view: FeatureView; readers: string[] }>()
  const add = (view: FeatureView, reader: string): void => {
    if (!view.online) return
    const one = found.get(recordsOf(view)) ?? { view, readers: [] }
    found.set(recordsOf(view), one)
    if (!one.readers.includes(reader)) one.readers.push(reader)
  }
  for (const view of project.views.values()) add(view, 'declared')
  const applied = await appliedViews(store, environmentOf(project))
  for (const view of applied?.views.values() ?? []) add(view, 'applied')
  for (const { deployment, version, views } of await featureReaders(workspace))
    for (const view of views) add(view, `${deployment}: ${version}`)
  return [...found.values()]
}

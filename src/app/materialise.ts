import type { Workspace } from '../config/workspace.ts'
import { fail } from '../errors/index.ts'
import { fillViews, lostView } from './fill-views.ts'
import { materialiseView, newestSnapshot } from './snapshots.ts'
import type { Listener } from './use-case.ts'

export interface MaterialiseInput {
  /** Only this one (default: all that are online). */
  readonly view?: string | undefined
  /** As known then, microseconds (default: the newest event). */
  readonly until?: number | undefined
}

export interface MaterialisedView {
  readonly view: string
  readonly entities: number
  readonly rows: number
  readonly until: number
}

/** Writes the online records of views from the newest accepted snapshots, whole. Throws `notDefined`. */
export async function materialiseViews(
  workspace: Workspace,
  input: MaterialiseInput,
  listener: Listener,
): Promise<readonly MaterialisedView[]> {
  const { views } = workspace.project
  if (input.view !== undefined && !views.has(input.view))
    throw fail('notDefined', { kind: 'feature view', name: input.view, known: [...views.keys()].join(', ') })
  const made: MaterialisedView[] = []
  for (const view of views.values()) {
    if ((input.view !== undefined && view.name !== input.view) || !view.online) continue
    listener.chapter(view.name)
    const snapshot = await newestSnapshot(workspace, view.from)
    const until = input.until ?? snapshot.newest
    const entities = await materialiseView(workspace, view, snapshot, until)
    made.push({ view: view.name, entities, rows: snapshot.rows, until })
  }
  // A store that was set aside took the records of every view with it
  if (made.length > 0) {
    const { filled, lost } = await fillViews(workspace)
    for (const name of filled) listener.say(`filled the online records of ${name}`)
    for (const one of lost) listener.warn(lostView(one))
  }
  return made
}

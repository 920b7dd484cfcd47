import type { Workspace } from '../config/workspace.ts'
import { fail, isMillraceError, type MillraceError } from '../errors/index.ts'
import { recordsOf } from '../stages/features/channels.ts'
import { fillViews, lostView, unreadable } from './fill-views.ts'
import { materialiseView } from './materialise-view.ts'
import { newestSnapshot } from './snapshots.ts'
import type { Listener } from './use-case.ts'
import { viewsInUse } from './views-in-use.ts'

export interface MaterialiseInput {
  /** Only those of this name (default: all that are online). */
  readonly view?: string | undefined
  /** As known then, microseconds (default: the newest event). */
  readonly until?: number | undefined
}

export interface MaterialisedView {
  readonly view: string
  /** Which version of its definition: `zones@3f6c0a91b2d4`. */
  readonly records: string
  /** Who reads it: `declared`, `applied`, served versions. */
  readonly readers: readonly string[]
  readonly entities: number
  readonly rows: number
  readonly until: number
}

/**
 * Writes the online records of views from the newest accepted snapshots, whole: of those that the project declares, and of the
 * other versions of them that are served. Throws `notDefined`, and `featuresRefused` when the others are written.
 */
export async function materialiseViews(
  workspace: Workspace,
  input: MaterialiseInput,
  listener: Listener,
): Promise<readonly MaterialisedView[]> {
  const used = await viewsInUse(workspace)
  const { views } = workspace.project
  const known = new Set([...views.keys(), ...used.map(one => one.view.name)])
  if (input.view !== undefined && !known.has(input.view))
    throw fail('notDefined', { kind: 'feature view', name: input.view, known: [...known].join(', ') })
  const made: MaterialisedView[] = []
  let refused: MillraceError | undefined
  for (const { view, readers } of used) {
    if (input.view !== undefined && view.name !== input.view) continue
    listener.chapter(view.name)
    const snapshot = await newestSnapshot(workspace, view.from)
    const wrong = readers.includes('declared') ? undefined : await unreadable(workspace, view, snapshot)
    if (wrong) {
      // An older version may read a column that the data has no longer: its records are those that it had
      listener.warn(`${recordsOf(view)}, read by ${readers.join(', ')}, stays as it is: ${wrong.message}`)
      continue
    }
    const until = input.until ?? snapshot.newest
    let entities: number
    try {
      entities = await materialiseView(workspace, view, snapshot, until, { listener })
    } catch (error) {
      if (!isRefused(error)) throw error
      // What is refused stops nothing else; the first is thrown when the others are written
      if (refused) listener.warn(error.message)
      refused ??= error
      continue
    }
    made.push({ view: view.name, records: recordsOf(view), readers, entities, rows: snapshot.rows, until })
  }
  // A store that was set aside took the records of every view with it
  if (made.length > 0) {
    const { filled, lost } = await fillViews(workspace)
    for (const name of filled) listener.say(`filled the online records of ${name}`)
    for (const one of lost) listener.warn(lostView(one))
  }
  if (refused) throw refused
  return made
}

const refusedCode = fail('featuresRefused').code

const isRefused = (error: unknown): error is MillraceError => isMillraceError(error) && error.code === refusedCode

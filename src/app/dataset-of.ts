import type { Workspace } from '../config/workspace.ts'
import type { Dataset } from '../define/dataset.ts'
import { fail, type MillraceError } from '../errors/index.ts'
import { nearestFirst } from '../internal/nearest.ts'

/** The dataset of that name, or the only one. Throws `notDefined`. */
export function datasetOf({ project: { datasets } }: Workspace, name: string | undefined): Dataset {
  const [only] = datasets.values()
  if (name === undefined && datasets.size > 1)
    throw fail('usageWrong', { reason: `Say which dataset: ${[...datasets.keys()].join(', ')}.`, verb: 'data' })
  const found = name === undefined ? (datasets.size === 1 ? only : undefined) : datasets.get(name)
  if (!found) throw datasetUnknown(datasets, name ?? '(none given)')
  return found
}

/** `notDefined`, with the names that are there, the likeliest first. */
export function datasetUnknown(datasets: ReadonlyMap<string, Dataset>, name: string): MillraceError {
  return fail('notDefined', { kind: 'dataset', name, known: nearestFirst(name, datasets.keys()).join(', ') || 'none' })
}

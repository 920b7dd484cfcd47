import type { Workspace } from '../config/workspace.ts'
import type { Dataset } from '../define/dataset.ts'
import { fail } from '../errors/index.ts'

/** The dataset of that name, or the only one. Throws `notDefined`. */
export function datasetOf({ project: { datasets } }: Workspace, name: string | undefined): Dataset {
  const [only] = datasets.values()
  if (name === undefined && datasets.size > 1)
    throw fail('usageWrong', { reason: `Say which dataset: ${[...datasets.keys()].join(', ')}.`, verb: 'data' })
  const found = name === undefined ? (datasets.size === 1 ? only : undefined) : datasets.get(name)
  if (!found)
    throw fail('notDefined', { kind: 'dataset', name: name ?? '(none given)', known: [...datasets.keys()].join(', ') })
  return found
}

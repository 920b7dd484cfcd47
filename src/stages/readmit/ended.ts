import type { Dataset } from '../../define/dataset.ts'
import { isTable } from '../../define/source.ts'
import { shortDigest, type Digest } from '../../internal/digest.ts'
import type { StageServices } from '../services.ts'
import { presentFiles } from '../validate/files.ts'
import { columnsDigest, storedReadmissions, type Readmission } from '../validate/readmissions.ts'

/** Repairs that were let in and have no effect now. */
export interface EndedRepairs {
  /** The file that they belong to, as it was called then. */
  readonly file: string
  readonly content: Digest
  readonly rows: number
  readonly reason: 'its content changed' | 'it is no file of the dataset any more' | 'other columns are declared now'
}

/** The newest word on each file's content: how many of its rows are repaired. */
function byContent(readmissions: readonly Readmission[]): Map<Digest, Omit<EndedRepairs, 'reason'>> {
  return new Map(
    readmissions.flatMap(({ files, contents, count }) =>
      // records of earlier versions have no names
      (files ?? contents.map(content => ({ content, name: shortDigest(content), rows: count }))).map(
        ({ content, name, rows }) => [content, { file: name, content, rows }] as const,
      ),
    ),
  )
}

/**
 * Repairs of a dataset that are not in effect: the content of their file is none of its files', or other columns were
 * declared since. Those of a file that was repaired anew are left out.
 */
export async function endedRepairs(
  services: Pick<StageServices, 'store' | 'root'>,
  dataset: Dataset,
): Promise<readonly EndedRepairs[]> {
  if (isTable(dataset.source)) return []
  const { all } = await storedReadmissions(services.store, dataset.name)
  if (all.length === 0) return []
  const files = await presentFiles(dataset, services.root)
  const present = new Set(files.map(one => one.digest))
  const names = new Set(files.map(one => one.name))
  const columns = columnsDigest(dataset)
  const fitting = byContent(all.filter(one => one.columns === columns))
  const holding = [...fitting.values()].filter(one => present.has(one.content))
  const repairedAnew = new Set(holding.map(one => one.file))
  const reasonOf = ({ file, content }: Omit<EndedRepairs, 'reason'>): EndedRepairs['reason'] => {
    if (present.has(content)) return 'other columns are declared now'
    return names.has(file) ? 'its content changed' : 'it is no file of the dataset any more'
  }
  return [...byContent(all).values()]
    .filter(one => !(fitting.has(one.content) && present.has(one.content)) && !repairedAnew.has(one.file))
    .map(one => ({ ...one, reason: reasonOf(one) }))
}

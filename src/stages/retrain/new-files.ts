import type { Digest } from '../../internal/digest.ts'

/** A file of a dataset of the model. */
export interface DatasetFile {
  readonly name: string
  readonly digest: Digest
  readonly dataset: string
}

/**
 * Files that start a retrain: found with the same content by the look before (`before`), so that nobody writes to them any
 * more, and not among the contents that no retrain is needed for (`seen`).
 */
export function arrivedOf<T extends DatasetFile>(
  files: readonly T[],
  before: ReadonlySet<Digest>,
  seen: ReadonlySet<Digest>,
): readonly T[] {
  return files.filter(({ digest }) => before.has(digest) && !seen.has(digest))
}

const listed = (files: readonly DatasetFile[]): string => {
  const names = files.slice(0, 3).map(file => file.name)
  return files.length > 3 ? `${names.join(', ')} and ${files.length - 3} more` : names.join(', ')
}

/** The retrain that they ask for. A content counts once, whatever the number of its names. */
export function requestOf(arrived: readonly DatasetFile[]): {
  readonly trigger: 'data'
  readonly reason: string
  readonly evidence: readonly Digest[]
} {
  const evidence = [...new Set(arrived.map(file => file.digest))]
  const datasets = [...new Set(arrived.map(file => file.dataset))].join(', ')
  return {
    trigger: 'data',
    reason: `${evidence.length} new ${evidence.length === 1 ? 'file' : 'files'} of ${datasets}: ${listed(arrived)}`,
    evidence,
  }
}

import type { Decision } from '../../define/decision.ts'
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

/**
 * Contents that needed no retrain any more when a process begins: those that are on record (`kept`), and those that started
 * one, which a crash may have kept from being recorded. The first time what a version was not trained on is new; where there
 * is no version (`trained`), nothing that is there is.
 */
export function seenBefore(
  kept: readonly Digest[] | undefined,
  decisions: readonly Pick<Decision, 'verdict' | 'inputs' | 'evidence'>[],
  trained: boolean,
  present: readonly DatasetFile[],
): Set<Digest> {
  const started = decisions.filter(one => one.verdict === 'fired' && one.inputs.trigger === 'data')
  const first = kept === undefined && !trained ? present : []
  return new Set([
    ...(kept ?? []),
    ...started.flatMap(one => one.evidence as readonly Digest[]),
    ...first.map(file => file.digest),
  ])
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

import type { Dataset } from '../dataset.ts'
import { definitionKind, refuse } from '../named.ts'
import type { Reference } from './rule.ts'

/**
 * What a distribution is compared with: the snapshot accepted before, the training rows of a model's newest version, one
 * snapshot by its digest, or another dataset.
 */
export type ReferenceOption = 'previous' | { readonly train: string } | { readonly snapshot: string } | Dataset

export interface ResolvedReference {
  readonly from: Reference
  readonly uses: readonly Dataset[]
  readonly words: string
}

export function referenceOf(kind: string, option: ReferenceOption): ResolvedReference {
  if (option === 'previous') return { from: { previous: true }, uses: [], words: 'the last snapshot' }
  if (definitionKind(option) === 'dataset') {
    const other = option as Dataset
    return { from: { dataset: other.name }, uses: [other], words: other.name }
  }
  const name = Object.values(option ?? {})[0] as unknown
  if (typeof option !== 'object' || Object.keys(option ?? {}).length !== 1 || typeof name !== 'string' || name === '')
    return refuse('expectation', kind, "`from` must be 'previous', { train }, { snapshot } or a dataset")
  if ('train' in option)
    return { from: { train: option.train }, uses: [], words: `the training rows of ${option.train}` }
  if ('snapshot' in option)
    return { from: { snapshot: option.snapshot }, uses: [], words: `snapshot ${option.snapshot.slice(0, 19)}` }
  return refuse('expectation', kind, "`from` must be 'previous', { train }, { snapshot } or a dataset")
}

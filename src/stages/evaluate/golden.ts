import type { LoadedModel } from '../../ports/inference-runtime.ts'
import type { InputRows } from '../../ports/trainer.ts'
import { batchOf, type Subject } from './subject.ts'

/** Rows that a version must answer as it did when it was made, wherever it is loaded. */
export interface GoldenRows {
  readonly kind: 'golden rows'
  readonly schema: 1
  /** Row-major, null for missing. */
  readonly features: readonly (number | null)[]
  readonly categories: readonly string[]
  readonly scores: readonly number[]
}

const most = 32

/** The answers of `loaded` to evenly spaced rows. */
export async function goldenRows(
  loaded: LoadedModel,
  inputs: Subject['inputs'],
  { rows, inputs: columns }: InputRows,
): Promise<GoldenRows> {
  const count = Math.min(most, rows)
  const batch = batchOf(
    inputs,
    columns,
    Int32Array.from({ length: count }, (_, i) => Math.floor((i * rows) / count)),
  )
  const { scores } = await loaded.run(batch)
  return {
    kind: 'golden rows',
    schema: 1,
    features: [...batch.features].map(value => (Number.isNaN(value) ? null : value)),
    categories: batch.categories ?? [],
    scores: [...scores],
  }
}

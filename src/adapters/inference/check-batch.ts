import { fail } from '../../errors/catalogue.ts'
import type { InferenceBatch } from '../../ports/inference-runtime.ts'

/** Throws `inferenceInputMismatch` unless the batch has exactly the values that its rows need. */
export function checkBatch(batch: InferenceBatch, width: number, categoryWidth: number): void {
  const { rows, features } = batch
  const texts = batch.categories?.length ?? 0
  if (Number.isInteger(rows) && rows >= 0 && features.length === rows * width && texts === rows * categoryWidth) return
  throw fail('inferenceInputMismatch', {
    expected: `${width} numbers and ${categoryWidth} texts a row`,
    actual: `${features.length} numbers and ${texts} texts for ${rows} rows`,
  })
}

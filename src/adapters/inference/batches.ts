import type { InferenceBatch } from '../../ports/inference-runtime.ts'

/** Numbers and texts a row. */
export interface RowSize {
  readonly width: number
  readonly categoryWidth: number
}

/** Rows `from` to `to`, filled up to `size` with the last of them. */
function piece(batch: InferenceBatch, from: number, size: number, { width, categoryWidth }: RowSize): InferenceBatch {
  const to = Math.min(batch.rows, from + size)
  const features = new (batch.features instanceof Float64Array ? Float64Array : Float32Array)(size * width)
  const categories: string[] = []
  for (let row = 0; row < size; row++) {
    const of = Math.min(from + row, to - 1)
    features.set(batch.features.subarray(of * width, (of + 1) * width), row * width)
    for (let at = 0; at < categoryWidth; at++) categories.push(batch.categories?.[of * categoryWidth + at] ?? '')
  }
  return { rows: size, features, categories }
}

/** Scores of a batch through a graph that takes exactly `size` rows at once. */
export async function inPieces(
  batch: InferenceBatch,
  size: number,
  row: RowSize,
  score: (piece: InferenceBatch) => Promise<Float32Array>,
): Promise<Float32Array> {
  let out = new Float32Array(0)
  for (let from = 0; from < batch.rows; from += size) {
    const scores = await score(piece(batch, from, size, row))
    const outputs = scores.length / size
    if (from === 0) out = new Float32Array(batch.rows * outputs)
    out.set(scores.subarray(0, Math.min(size, batch.rows - from) * outputs), from * outputs)
  }
  return out
}

const magnitudes: readonly number[] = [1, -1, 0.5, 10, -10, 100, 1000, 1e4]
/** What every input of numbers takes, truth values too. */
const units: readonly number[] = [1, 0]

/** Rows to try a model with: the first of zeros, which every graph takes; then numbers of many sizes, or 0 and 1 alone. */
export function tryRows(
  rows: number,
  { width, categoryWidth }: RowSize,
  kind: 'zeros' | 'units' | 'all',
): InferenceBatch {
  const features = new Float32Array(rows * width)
  const values = kind === 'units' ? units : magnitudes
  for (let row = 1; row < rows && kind !== 'zeros'; row++) {
    for (let at = 0; at < width; at++) {
      const turn = row <= values.length ? row - 1 : row * 7 + at * 3 + (row >> 2) * at
      features[row * width + at] = values[turn % values.length] as number
    }
  }
  return { rows, features, categories: Array.from({ length: rows * categoryWidth }, () => '') }
}

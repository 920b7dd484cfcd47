import { scaleRowsFloat32 } from '../math/scaler/index.ts'
import { categoryEncoder } from './export.ts'
import type { GraphEstimator } from './read-estimator.ts'

/** Rows of model inputs: numbers row-major, texts behind. */
interface Batch {
  readonly rows: number
  readonly features: Float32Array | Float64Array
  readonly categories?: readonly string[]
}

/** What a Millrace graph makes of rows for its estimator: numbers first, then the codes of the texts, scaled, row by row. */
export function featureRows({ numbers, categories, scale }: GraphEstimator): (batch: Batch) => Float32Array {
  const encoders = categories.map(categoryEncoder)
  const width = numbers + encoders.length
  return ({ rows, features, categories: texts = [] }) => {
    const out = new Float32Array(rows * width)
    for (let row = 0; row < rows; row++) {
      for (let at = 0; at < numbers; at++) out[row * width + at] = features[row * numbers + at] as number
      encoders.forEach((encode, at) => {
        out[row * width + numbers + at] = encode(texts[row * encoders.length + at] ?? '')
      })
    }
    if (scale) scaleRowsFloat32(scale, out, rows, out)
    return out
  }
}

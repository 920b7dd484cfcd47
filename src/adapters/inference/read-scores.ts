import { isClassification } from '../../math/task.ts'
import type { InferenceBatch } from '../../ports/inference-runtime.ts'
import { type RowSize, tryRows } from './batches.ts'
import { type ModelBinding, refuseModel, type ScoreReading } from '../../onnx/index.ts'

/** Scores, rows × columns, of an output's content; `rows` says how many rows were asked for. Throws `onnxNotServable`. */
export type ReadScores = (data: unknown, rows: number) => Float32Array

type Numbers = Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array

function isNumbers(data: unknown): data is Numbers {
  return (
    data instanceof Float32Array ||
    data instanceof Float64Array ||
    data instanceof BigInt64Array ||
    data instanceof Int32Array ||
    data instanceof Uint8Array
  )
}

export function scoreReader(reading: ScoreReading): ReadScores {
  const { output, columns, width } = reading
  if (reading.form === 'label') return labelReader(reading)
  const places = columns as readonly number[]
  const whole = places.length === width && places.every((place, at) => place === at)
  return (data, rows) => {
    if (!isNumbers(data)) return refuseModel(`its output "${output}" gives no numbers`)
    if (data.length !== rows * width) {
      const found =
        rows > 0 && data.length % rows === 0 ? `${data.length / rows} values a row` : `${data.length} values`
      refuseModel(`its output "${output}" gives ${found} for ${rows} rows, ${width} a row were expected`)
    }
    if (whole && data instanceof Float32Array) return data
    const scores = new Float32Array(rows * places.length)
    let to = 0
    for (let row = 0; row < rows; row++) {
      for (const place of places) scores[to++] = Number(data[row * width + place])
    }
    return scores
  }
}

/** A class alone counts as certain. Truth values are 0 and 1. */
function labelReader({ output, columns }: ScoreReading): ReadScores {
  return (data, rows) => {
    if (!isNumbers(data) && !Array.isArray(data)) return refuseModel(`its output "${output}" names no classes`)
    if (data.length !== rows) {
      refuseModel(`its output "${output}" gives ${data.length} classes for ${rows} rows`)
    }
    const scores = new Float32Array(rows * columns.length)
    for (let row = 0; row < rows; row++) {
      const label = String(data[row])
      columns.forEach((one, at) => {
        if (one === label) scores[row * columns.length + at] = 1
      })
    }
    return scores
  }
}

/** The reading of a model that nobody described: as many scores a row as it gives, unless it is one of two. */
export function asRead(reading: ScoreReading, data: unknown, rows: number): ScoreReading {
  if (!isNumbers(data) || data.length % rows !== 0) return reading
  const width = data.length / rows
  if (width === reading.width) return reading
  return { ...reading, width, columns: Array.from({ length: width }, (_, at) => at) }
}

const slack = 1e-4
const triedRows = 32

/**
 * Throws `onnxNotServable` for a classifier whose scores cannot be probabilities: one that gives margins or logits is not to
 * be served as one that gives probabilities. Tried on made-up rows, of which one that the graph cannot take says nothing.
 */
export async function checkProbabilities(
  { task, scores: { output, form } }: ModelBinding,
  score: (batch: InferenceBatch) => Promise<Float32Array>,
  size: RowSize,
): Promise<void> {
  if (!isClassification(task) || form === 'label') return
  const scores = await score(tryRows(triedRows, size, 'all'))
    .catch(() => score(tryRows(triedRows, size, 'units')))
    .catch(() => score(tryRows(1, size, 'zeros')))
  const outside = scores.find(one => one < -slack || one > 1 + slack)
  if (outside === undefined) return
  refuseModel(
    `its output "${output}" gives ${Number(outside.toPrecision(4))}, which is no probability: it holds margins, or numbers of another task`,
  )
}

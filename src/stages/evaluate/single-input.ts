import type { LabelledScores } from '../../math/metrics/catalogue.ts'
import type { FrameRows } from './subject.ts'

type Column = FrameRows['inputs'][number]

/** Bins of one input, learned on training rows: values, quantile ranges or categories, with one for what is missing. */
export interface InputBins {
  readonly count: number
  binOf(column: Column, row: number): number
}

const maxBins = 32

/** `most` bins of about equally many training rows; each value its own where there are no more values than that. */
export function binsOf(column: Column, most = maxBins): InputBins {
  if (!(column instanceof Float32Array)) return categoriesOf(column)
  const sorted = column.filter(value => !Number.isNaN(value)).sort()
  const edges = upperEdges(sorted, most)
  return {
    // One for what is missing, and at least one
    count: edges.length + 2,
    binOf(values, row) {
      const value = (values as Float32Array)[row] as number
      if (Number.isNaN(value)) return edges.length + 1
      let [low, high] = [0, edges.length]
      while (low < high) {
        const middle = (low + high) >> 1
        if (value <= (edges[middle] as number)) high = middle
        else low = middle + 1
      }
      return low
    },
  }
}

/** Upper ends of all bins but the last, each half way to the next value. */
function upperEdges(sorted: Float32Array, most: number): number[] {
  const distinct: number[] = []
  for (const value of sorted) {
    if (value === distinct.at(-1)) continue
    distinct.push(value)
    if (distinct.length > most) break
  }
  const ends =
    distinct.length <= most
      ? distinct.slice(0, -1).map((value, i) => [value, distinct[i + 1] as number] as const)
      : Array.from({ length: most - 1 }, (_, i) => {
          const at = Math.ceil(((i + 1) / most) * sorted.length)
          return [sorted[at - 1] as number, sorted[Math.min(at, sorted.length - 1)] as number] as const
        })
  return [...new Set(ends.map(([low, high]) => (Number.isFinite(high - low) ? low + (high - low) / 2 : low)))]
}

function categoriesOf(column: readonly string[]): InputBins {
  const numbers = new Map<string, number>()
  for (const value of column) if (!numbers.has(value)) numbers.set(value, numbers.size)
  return { count: numbers.size + 1, binOf: (values, row) => numbers.get(values[row] as string) ?? numbers.size }
}

/**
 * What one input tells of the label by itself: the mean of the training labels in its bin (the shares of the classes, the
 * quantile), for every row of the other part. Bins with few rows lean to the whole.
 */
export function scoredByInput(train: LabelledScores, column: Column, others: Column, rows: number): Float32Array {
  const bins = binsOf(column)
  const { outputs, labels, task, level } = train
  const members: number[][] = Array.from({ length: bins.count }, () => [])
  for (let row = 0; row < labels.length; row++) members[bins.binOf(column, row)]?.push(labels[row] as number)
  const whole = summary(labels, task, outputs, level)
  const ofBin = members.map(list => {
    const own = summary(list, task, outputs, level)
    return whole.map((base, k) =>
      list.length === 0 ? base : ((own[k] as number) * list.length + base) / (list.length + 1),
    )
  })
  const scores = new Float32Array(rows * outputs)
  for (let row = 0; row < rows; row++) scores.set(ofBin[bins.binOf(others, row)] as number[], row * outputs)
  return scores
}

/** What is said of rows of which only the labels are known. */
export function summary(
  labels: ArrayLike<number>,
  task: LabelledScores['task'],
  outputs: number,
  level: number,
): number[] {
  const n = labels.length
  if (n === 0) return Array.from({ length: outputs }, () => Number.NaN)
  if (task === 'multiclass') {
    const shares = Array.from({ length: outputs }, () => 0)
    for (let i = 0; i < n; i++) shares[labels[i] as number] = (shares[labels[i] as number] ?? 0) + 1 / n
    return shares
  }
  if (task === 'quantile') {
    const sorted = Float64Array.from(labels).sort()
    return [sorted[Math.min(n - 1, Math.floor(level * n))] as number]
  }
  let sum = 0
  for (let i = 0; i < n; i++) sum += labels[i] as number
  return [sum / n]
}

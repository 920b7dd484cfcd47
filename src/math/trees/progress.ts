import { type Arena, lanes, missingBin } from './arena.ts'
import type { Borders } from './bins.ts'
import type { Task } from '../task.ts'
import type { TrainingMatrix, Tree } from './ensemble.ts'
import { exponential } from './exponential.ts'

/** The best constant margins: mean, log odds, or log shares of the classes. */
export function baseScores(matrix: TrainingMatrix, task: Task, outputs: number): number[] {
  const { labels, weights, rows } = matrix
  const sums = Array.from({ length: outputs }, () => 0)
  let total = 0
  for (let row = 0; row < rows; row++) {
    const weight = weights ? (weights[row] as number) : 1
    const label = labels[row] as number
    total += weight
    if (task === 'multiclass') sums[label] = (sums[label] as number) + weight
    else sums[0] = (sums[0] as number) + weight * label
  }
  if (!(total > 0)) throw new RangeError('all weights are zero')
  const share = (sum: number): number => Math.min(Math.max(sum / total, 1e-9), 1 - 1e-9)
  return sums.map(sum => {
    if (task === 'regression') return Math.fround(sum / total)
    const p = share(sum)
    return Math.fround(task === 'binary' ? Math.log(p / (1 - p)) : Math.log(p))
  })
}

/** Adds a tree's answers to the margins of the rows at `order[from …)`, by their bins. */
export function applyToBins(arena: Arena, tree: Tree, borders: readonly Borders[], output: number, from: number): void {
  const { order, margins, words, shape } = arena
  // The highest bin that goes left: borders are distinct, so a threshold names one.
  const lastLeft = tree.feature.map((feature, node) => {
    if (feature < 0) return 0
    const list = borders[feature] as Borders
    const at = list.indexOf(tree.threshold[node] as number)
    return at < 0 ? missingBin - 1 : at
  })
  for (let at = from; at < shape.rows; at++) {
    const row = order[at] as number
    let node = 0
    for (let feature = tree.feature[0] as number; feature >= 0; feature = tree.feature[node] as number) {
      const bin = (((words[feature >> 2] as Int32Array)[row] as number) >>> ((feature & (lanes - 1)) * 8)) & 255
      const left = bin === missingBin ? tree.missingLeft[node] : bin <= (lastLeft[node] as number)
      node = (left ? tree.left[node] : tree.right[node]) as number
    }
    const place = output * shape.rows + row
    margins[place] = (margins[place] as number) + (tree.value[node] as number)
  }
}

export interface WatchedMargins {
  /** `margins[output * rows + row]`. */
  readonly margins: Float64Array
  add(tree: Tree, output: number): void
}

/** Margins of rows that are not trained on, kept up to date tree by tree. */
export function marginsOfColumns({ rows, columns }: TrainingMatrix, base: readonly number[]): WatchedMargins {
  const margins = new Float64Array(rows * base.length)
  base.forEach((score, k) => margins.fill(score, k * rows, (k + 1) * rows))
  return {
    margins,
    add(tree, output) {
      for (let row = 0; row < rows; row++) {
        let node = 0
        for (let feature = tree.feature[0] as number; feature >= 0; feature = tree.feature[node] as number) {
          const value = (columns[feature] as Float32Array)[row] as number
          const left = Number.isNaN(value) ? tree.missingLeft[node] : value <= (tree.threshold[node] as number)
          node = (left ? tree.left[node] : tree.right[node]) as number
        }
        const place = output * rows + row
        margins[place] = (margins[place] as number) + (tree.value[node] as number)
      }
    },
  }
}

/** Weighted mean loss: squared error, or minus the log likelihood. */
export function lossOf(task: Task, margins: Float64Array, matrix: TrainingMatrix): number {
  const { rows, labels, weights } = matrix
  const outputs = margins.length / rows
  let sum = 0
  let total = 0
  for (let row = 0; row < rows; row++) {
    const weight = weights ? (weights[row] as number) : 1
    const label = labels[row] as number
    const margin = margins[row] as number
    let loss: number
    if (task === 'regression') loss = (margin - label) ** 2
    else if (task === 'binary') {
      const signed = label > 0 ? margin : -margin
      loss = signed > 0 ? Math.log1p(exponential(-signed)) : -signed + Math.log1p(exponential(signed))
    } else {
      let top = -Infinity
      for (let k = 0; k < outputs; k++) top = Math.max(top, margins[k * rows + row] as number)
      let parts = 0
      for (let k = 0; k < outputs; k++) parts += exponential((margins[k * rows + row] as number) - top)
      loss = Math.log(parts) + top - (margins[label * rows + row] as number)
    }
    sum += weight * loss
    total += weight
  }
  return sum / total
}

import { type Arena, lanes, missingBin } from './arena.ts'
import type { Borders } from './bins.ts'
import type { CodeBins } from './categories.ts'
import type { Task } from '../task.ts'
import { nextNode, type TrainingMatrix, type Tree } from './ensemble.ts'
import { exponential } from './exponential.ts'
import type { Layout } from './layout.ts'
import { checkMatrix } from './options.ts'
import { weightedQuantile } from './quantile-leaves.ts'

/** The best constant margins: mean, quantile, log odds, log rate, or log shares of the classes. */
export function baseScores(matrix: TrainingMatrix, task: Task, outputs: number, quantile = 0.5): number[] {
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
  if (task === 'quantile') return [Math.fround(weightedQuantile(labels, weights, quantile))]
  const share = (sum: number): number => Math.min(Math.max(sum / total, 1e-9), 1 - 1e-9)
  return sums.map(sum => {
    if (task === 'regression') return Math.fround(sum / total)
    if (task === 'count') return Math.fround(Math.log(Math.max(sum / total, 1e-9)))
    const p = share(sum)
    return Math.fround(task === 'binary' ? Math.log(p / (1 - p)) : Math.log(p))
  })
}

/** The best constant margins of labels that have been checked: see `baseScores`. */
export function constantMargins(matrix: TrainingMatrix, task: Task, quantile?: number): number[] {
  const classes = checkMatrix(matrix, task)
  return baseScores(matrix, task, task === 'multiclass' ? classes : 1, quantile)
}

/** Rows by their bins. */
export interface BinnedRows {
  readonly arena: Arena
  readonly borders: readonly Borders[]
  readonly codeBins: readonly (CodeBins | undefined)[]
  readonly layout: Layout
}

/** Adds a tree's answers to the margins of the rows at `order[from …)`, by their bins. */
export function applyToBins(
  { arena, borders, codeBins, layout }: BinnedRows,
  tree: Tree,
  output: number,
  from: number,
): void {
  const { order, margins, words, shape } = arena
  // The highest bin that goes left: borders are distinct, so a threshold names one.
  const lastLeft = tree.feature.map((feature, node) => {
    if (feature < 0) return 0
    const list = borders[feature] as Borders
    const at = list.indexOf(tree.threshold[node] as number)
    return at < 0 ? missingBin - 1 : at
  })
  const binsLeft = tree.codes?.map((codes, node) => {
    const own = codes && codeBins[tree.feature[node] as number]
    return own ? new Set(codes.map(code => own.binOf[code] as number)) : undefined
  })
  for (let at = from; at < shape.rows; at++) {
    const row = order[at] as number
    let node = 0
    for (let feature = tree.feature[0] as number; feature >= 0; feature = tree.feature[node] as number) {
      const column = layout.first[feature] as number
      const word = (words[column >> 2] as Int32Array)[row] as number
      const bin = (word >>> ((column & (lanes - 1)) * 8)) & 255
      const some = binsLeft?.[node]
      const left = some
        ? some.has(arena.wide[layout.wide[feature] as number]?.[row] ?? bin)
        : bin === missingBin
          ? tree.missingLeft[node]
          : bin <= (lastLeft[node] as number)
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
          node = nextNode(tree, node, (columns[feature] as Float32Array)[row] as number)
        }
        const place = output * rows + row
        margins[place] = (margins[place] as number) + (tree.value[node] as number)
      }
    },
  }
}

/** Weighted mean loss: squared error, pinball loss of the quantile, or minus the log likelihood. */
export function lossOf(task: Task, margins: Float64Array, matrix: TrainingMatrix, quantile = 0.5): number {
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
    else if (task === 'quantile')
      loss = margin >= label ? (1 - quantile) * (margin - label) : quantile * (label - margin)
    // Without the logarithm of the label's factorial, which no model changes
    else if (task === 'count') loss = exponential(margin) - label * margin
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

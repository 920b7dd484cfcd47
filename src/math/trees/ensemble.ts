import type { Task } from '../task.ts'

/** Columns of float32 values with NaN for missing, and what is to be learned from them. */
export interface TrainingMatrix {
  readonly rows: number
  /** Column-major: `columns[feature][row]`. Infinite values are refused. */
  readonly columns: readonly Float32Array[]
  /** By feature: 0 for a number, else how many codes a categorical feature has; its values are whole numbers below that. */
  readonly codes?: readonly number[]
  /** Regression and quantile: the value. Count: 0 or more. Binary: 0 or 1. Multiclass: the class index. */
  readonly labels: Float32Array
  /** Number of classes of a multiclass task. */
  readonly classes?: number
  /** Non-negative weight of each row; 1 when absent. */
  readonly weights?: Float32Array
}

/** One tree as parallel arrays over its nodes; node 0 is the root. */
export interface Tree {
  /** Index of the feature asked, −1 at a leaf. */
  readonly feature: readonly number[]
  /** Exactly representable in float32; `x <= threshold` goes left. 0 at a leaf, and where `codes` decide. */
  readonly threshold: readonly number[]
  /** Of nodes that ask a categorical feature: the codes that go left, ascending; all others go right. Absent where none does. */
  readonly codes?: readonly (readonly number[] | null)[]
  readonly left: readonly number[]
  readonly right: readonly number[]
  /** Where a missing value goes. */
  readonly missingLeft: readonly boolean[]
  /** Leaf: what the tree adds to the margin (learning rate applied, exactly representable in float32); else 0. */
  readonly value: readonly number[]
  /** Reduction of the training loss by the split, 0 at a leaf. */
  readonly gain: readonly number[]
  /** Training rows that reached the node. */
  readonly count: readonly number[]
}

/**
 * A boosted ensemble, plain JSON. Margin of output k = `baseScore[k]` + sum of the trees t with t mod outputs = k.
 * Binary: probability = sigmoid of the margin. Multiclass: softmax of the margins. Count: e to the margin. Regression and
 * quantile: the margin.
 */
export interface TreeEnsemble {
  readonly task: Task
  /** 2 for binary, 0 where there are none. */
  readonly classes: number
  /** Number of features. */
  readonly width: number
  readonly baseScore: readonly number[]
  readonly trees: readonly Tree[]
}

/** Where a node sends a value. */
export function nextNode(tree: Tree, node: number, value: number): number {
  const codes = tree.codes?.[node]
  const left = codes
    ? codes.includes(value)
    : value !== value
      ? tree.missingLeft[node]
      : value <= (tree.threshold[node] as number)
  return (left ? tree.left[node] : tree.right[node]) as number
}

/** Margins a row: the number of classes for multiclass, otherwise 1. */
export function outputsOf(ensemble: TreeEnsemble): number {
  return ensemble.task === 'multiclass' ? ensemble.classes : 1
}

/** Total loss reduction by feature, scaled to sum to 1 (all zero when nothing was split). */
export function gainImportance(ensemble: TreeEnsemble): number[] {
  const total = Array.from({ length: ensemble.width }, () => 0)
  let sum = 0
  for (const tree of ensemble.trees) {
    tree.feature.forEach((feature, node) => {
      if (feature < 0) return
      const gain = tree.gain[node] ?? 0
      total[feature] = (total[feature] ?? 0) + gain
      sum += gain
    })
  }
  return sum > 0 ? total.map(gain => gain / sum) : total
}

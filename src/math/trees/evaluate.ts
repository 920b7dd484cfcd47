import { maxRateMargin } from '../task.ts'
import { exponential, sigmoid } from './exponential.ts'
import { outputsOf, type Tree, type TreeEnsemble } from './ensemble.ts'

/** An ensemble as flat arrays, ready to answer. */
export interface CompiledTrees {
  readonly width: number
  readonly outputs: number
  /** Probabilities (binary: of class 1; multiclass: rows × classes) or values of row-major float32 features. */
  predict(features: Float32Array, rows: number, out: Float32Array): void
  /** The same before sigmoid and softmax. */
  margins(features: Float32Array, rows: number, out: Float32Array): void
}

/** Feature number of a leaf; its value is in `threshold`. */
const leaf = -1

interface Flat {
  readonly roots: Int32Array
  readonly feature: Int32Array
  readonly threshold: Float32Array
  /** Two entries a node: where an answer of "no" and of "yes" leads. */
  readonly next: Int32Array
  readonly missing: Int32Array
  /** Of a node that asks for codes: where its bits begin in `bits`, and how many there are; else −1. */
  readonly set: Int32Array
  readonly size: Int32Array
  readonly bits: Uint8Array
}

/** Codes up to the highest that goes left, of all nodes that ask for codes. */
function bitsOf(tree: Tree): number {
  return (tree.codes ?? []).reduce((sum, codes) => sum + (codes ? (codes.at(-1) ?? -1) + 1 : 0), 0)
}

function flatten(trees: readonly Tree[]): Flat {
  const size = trees.reduce((sum, tree) => sum + tree.feature.length, 0)
  const flat: Flat = {
    roots: new Int32Array(trees.length),
    feature: new Int32Array(size),
    threshold: new Float32Array(size),
    next: new Int32Array(size * 2),
    missing: new Int32Array(size),
    set: new Int32Array(size).fill(-1),
    size: new Int32Array(size),
    bits: new Uint8Array(trees.reduce((sum, tree) => sum + bitsOf(tree), 0)),
  }
  let free = 0
  let base = 0
  trees.forEach((tree, at) => {
    flat.roots[at] = base
    tree.feature.forEach((feature, node) => {
      const place = base + node
      flat.feature[place] = feature
      flat.threshold[place] = (feature < 0 ? tree.value[node] : tree.threshold[node]) as number
      if (feature < 0) return
      const left = base + (tree.left[node] as number)
      const right = base + (tree.right[node] as number)
      flat.next[2 * place] = right
      flat.next[2 * place + 1] = left
      flat.missing[place] = tree.missingLeft[node] ? left : right
      const codes = tree.codes?.[node]
      if (!codes) return
      flat.set[place] = free
      flat.size[place] = (codes.at(-1) ?? -1) + 1
      for (const code of codes) flat.bits[free + code] = 1
      free += flat.size[place] as number
    })
    base += tree.feature.length
  })
  return flat
}

/** Prepares an ensemble for fast evaluation; about as fast as ONNX Runtime on one thread. */
export function compileTrees(ensemble: TreeEnsemble): CompiledTrees {
  const outputs = outputsOf(ensemble)
  const { width, task } = ensemble
  const { roots, feature, threshold, next, missing, set, size, bits } = flatten(ensemble.trees)
  const coded = bits.length > 0
  const bases = Float64Array.from(ensemble.baseScore)
  const sums = new Float64Array(outputs)

  const margins = (features: Float32Array, rows: number, out: Float32Array): void => {
    if (features.length < rows * width) throw new RangeError(`${rows} rows of ${width} features need ${rows * width}`)
    if (out.length < rows * outputs) throw new RangeError(`${rows} rows of ${outputs} outputs need ${rows * outputs}`)
    for (let row = 0; row < rows; row++) {
      const offset = row * width
      sums.set(bases)
      let output = 0
      for (let tree = 0; tree < roots.length; tree++) {
        let node = roots[tree] as number
        let asked = feature[node] as number
        while (asked !== leaf) {
          const value = features[offset + asked] as number
          if (coded && (set[node] as number) >= 0) {
            const member = value >= 0 && value < (size[node] as number) ? (bits[(set[node] as number) + value] ?? 0) : 0
            node = next[2 * node + member] as number
          } else {
            node = (
              value !== value ? missing[node] : next[2 * node + +(value <= (threshold[node] as number))]
            ) as number
          }
          asked = feature[node] as number
        }
        sums[output] = (sums[output] as number) + (threshold[node] as number)
        if (++output === outputs) output = 0
      }
      for (let k = 0; k < outputs; k++) out[row * outputs + k] = sums[k] as number
    }
  }

  return {
    width,
    outputs,
    margins,
    predict(features, rows, out) {
      margins(features, rows, out)
      if (task === 'binary') for (let row = 0; row < rows; row++) out[row] = sigmoid(out[row] as number)
      else if (task === 'multiclass') softmaxRows(out, rows, outputs)
      else if (task === 'count')
        for (let row = 0; row < rows; row++) out[row] = exponential(Math.min(out[row] as number, maxRateMargin))
    },
  }
}

/** Softmax of each row of margins, in place. */
export function softmaxRows(out: Float32Array, rows: number, outputs: number): void {
  for (let begin = 0; begin < rows * outputs; begin += outputs) {
    let top = -Infinity
    for (let k = 0; k < outputs; k++) top = Math.max(top, out[begin + k] as number)
    let sum = 0
    for (let k = 0; k < outputs; k++) sum += exponential((out[begin + k] as number) - top)
    for (let k = 0; k < outputs; k++) out[begin + k] = exponential((out[begin + k] as number) - top) / sum
  }
}

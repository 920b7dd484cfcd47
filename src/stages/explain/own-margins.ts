import { linearContributions, treeContributions } from '../../math/explain/index.ts'
import type { Task } from '../../math/task.ts'
import type { TreeEnsemble } from '../../math/trees/index.ts'
import { featureRows, graphOrder, type GraphEstimator } from '../../onnx/index.ts'
import { ownEstimator } from './basis.ts'
import {
  type AnswerUnit,
  type Background,
  type Explainable,
  type Method,
  type Contributions,
  wholeBatch,
} from './method.ts'

const units: Readonly<Record<Task, AnswerUnit>> = {
  binary: 'log odds',
  multiclass: 'log odds before softmax',
  count: 'log of the count',
  regression: 'score',
  quantile: 'score',
}

const unitOf = ({ task }: Explainable, { estimator }: GraphEstimator): AnswerUnit =>
  estimator.calibration ? 'log odds before calibration' : units[task]

/** Own trees and linear models are explained exactly, by their margins. Undefined of any other file. */
export function ownMargins(of: Explainable, background: Background): Method | undefined {
  const { card, onnx, basis } = of
  const own = card.binding ? undefined : ownEstimator(onnx)
  if (!own) return undefined
  const features = featureRows(own)
  // The graph has numbers first and texts behind
  const order = graphOrder(card.inputs)
  const inOrder = ({ expected, values }: Contributions): Contributions => ({
    expected,
    values: values.map(one => {
      const placed = new Float64Array(order.length)
      order.forEach((input, at) => {
        placed[input] = one[at] as number
      })
      return placed
    }),
  })
  const rest = { unit: unitOf(of, own), background: background.rows, close: async (): Promise<void> => {} }
  const { estimator } = own
  if (estimator.kind === 'linear') {
    const others = { rows: background.rows, features: features(wholeBatch(card, background)) }
    return {
      ...rest,
      method: 'linear',
      explain: async row => inOrder(linearContributions(estimator.model, features(wholeBatch(card, row)), others)),
    }
  }
  const counted = withNodeRows(estimator.ensemble, basis.nodeRows)
  if (!counted) return undefined
  return {
    ...rest,
    method: 'tree-paths',
    explain: async (row, pause) => inOrder(await treeContributions(counted, features(wholeBatch(card, row)), pause)),
  }
}

/** The trees with the rows that reached their nodes; undefined where those are another file's. */
function withNodeRows(
  ensemble: TreeEnsemble,
  nodeRows: readonly (readonly number[])[] | undefined,
): TreeEnsemble | undefined {
  if (nodeRows?.length !== ensemble.trees.length) return undefined
  const trees = ensemble.trees.map((tree, at) => ({ ...tree, count: nodeRows[at] as readonly number[] }))
  return trees.every(tree => tree.count.length === tree.feature.length) ? { ...ensemble, trees } : undefined
}

import type { CardInput } from '../../../ports/trainer.ts'
import { isMillraceError } from '../../../errors/index.ts'
import { readEstimator, readModel } from '../../../onnx/index.ts'

/** Most thresholds of one input that are looked at, evenly spaced. */
const most = 200

/** The values at which the trees of a graph part each input, in the units of the input; none where the graph is of another form. */
export function thresholdsOf(
  onnx: Uint8Array | undefined,
  inputs: readonly CardInput[],
): readonly (readonly number[])[] {
  const none = inputs.map((): number[] => [])
  if (!onnx) return none
  try {
    const { estimator, scale } = readEstimator(readModel(onnx))
    if (estimator.kind !== 'trees') return none
    // The graph has numbers first
    const order = [
      ...inputs.flatMap((input, i) => (input.kind === 'number' ? [i] : [])),
      ...inputs.flatMap((input, i) => (input.kind === 'text' ? [i] : [])),
    ]
    const found = inputs.map(() => new Set<number>())
    for (const tree of estimator.ensemble.trees)
      tree.feature.forEach((feature, node) => {
        if (feature < 0) return
        const threshold = tree.threshold[node] as number
        const own = scale
          ? threshold / (scale.factor[feature] as number) + (scale.offset[feature] as number)
          : threshold
        found[order[feature] as number]?.add(own)
      })
    return found.map(set => {
      const sorted = [...set].sort((a, b) => a - b)
      const step = Math.max(1, sorted.length / most)
      return Array.from({ length: Math.min(most, sorted.length) }, (_, i) => sorted[Math.floor(i * step)] as number)
    })
  } catch (error) {
    // A graph that somebody else wrote is searched by the values of its inputs alone
    if (isMillraceError(error)) return none
    throw error
  }
}

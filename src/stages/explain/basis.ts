import { isMillraceError } from '../../errors/index.ts'
import { nextNode, type TreeEnsemble } from '../../math/trees/index.ts'
import { featureRows, type GraphEstimator, readEstimator, readModel } from '../../onnx/index.ts'
import type { FrameRows, ModelCard } from '../../ports/trainer.ts'
import { batchOf, scoreRows, type Subject } from '../evaluate/subject.ts'
import { thinned } from '../train/read-frame.ts'
import { writeReference, type WrittenReference } from '../train/reference.ts'

/**
 * What a version's answers are explained against: training rows that stand for the others, with its scores of them, and of
 * its own trees how many training rows reached each node, which an ONNX file does not say.
 */
export interface ExplanationBasis {
  readonly kind: 'explanation basis'
  readonly schema: 1
  readonly background: WrittenReference
  readonly nodeRows?: readonly (readonly number[])[]
}

const maxBackground = 100
const fewestBackground = 20
/** Most values of the background: of very wide models fewer rows do. */
const maxValues = 200_000
/** Most training rows that are counted in the nodes. */
const maxCounted = 100_000

/** The estimator of a file that Millrace wrote; undefined of another, or of a form that only ONNX Runtime covers. */
export function ownEstimator(onnx: Uint8Array): GraphEstimator | undefined {
  try {
    return readEstimator(readModel(onnx))
  } catch (error) {
    if (isMillraceError(error)) return undefined
    throw error
  }
}

/** Taken of the training rows, once, where the file is proven. */
export async function explanationBasis(
  subject: Subject,
  card: ModelCard,
  onnx: Uint8Array,
  training: FrameRows,
): Promise<ExplanationBasis> {
  const most = Math.min(maxBackground, Math.max(fewestBackground, Math.floor(maxValues / card.inputs.length)))
  const { rows, inputs } = thinned(training, most)
  const background = writeReference({ rows, inputs, scores: await scoreRows(subject, inputs, rows) })
  const own = card.binding ? undefined : ownEstimator(onnx)
  return {
    kind: 'explanation basis',
    schema: 1,
    background: background as WrittenReference,
    ...(own?.estimator.kind === 'trees'
      ? { nodeRows: nodeRows(own, own.estimator.ensemble, card, thinned(training, maxCounted)) }
      : {}),
  }
}

const block = 4096

function nodeRows(own: GraphEstimator, { trees, width }: TreeEnsemble, card: ModelCard, frame: FrameRows): number[][] {
  const features = featureRows(own)
  const counts = trees.map(tree => tree.feature.map(() => 0))
  for (let from = 0; from < frame.rows; from += block) {
    const rows = Math.min(block, frame.rows - from)
    const pick = Int32Array.from({ length: rows }, (_, at) => from + at)
    const values = features(batchOf(card.inputs, frame.inputs, pick))
    trees.forEach((tree, at) => {
      const count = counts[at] as number[]
      for (let row = 0; row < rows; row++) {
        let node = 0
        for (;;) {
          count[node] = (count[node] as number) + 1
          const feature = tree.feature[node] as number
          if (feature < 0) break
          node = nextNode(tree, node, values[row * width + feature] as number)
        }
      }
    })
  }
  return counts
}

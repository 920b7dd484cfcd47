import { fail } from '../../../errors/catalogue.ts'
import { applySteps } from '../../../math/calibration/index.ts'
import { predictLinear } from '../../../math/linear/index.ts'
import { compileTrees } from '../../../math/trees/index.ts'
import {
  checkBinding,
  featureRows,
  type GraphEstimator,
  type ModelBinding,
  type ModelSignature,
  readEstimator,
  readModel,
  signatureOf,
  verifyParsed,
} from '../../../onnx/index.ts'
import type { InferenceRuntime, LoadedModel } from '../../../ports/inference-runtime.ts'
import { checkBatch } from '../check-batch.ts'

/** Our own evaluator of the graphs that Millrace exports: trees and linear models. Needs nothing installed. */
export async function openTrees(): Promise<InferenceRuntime> {
  return { name: 'millrace', load: async (model, binding) => loadGraph(model, binding) }
}

function loadGraph(bytes: Uint8Array, binding: ModelBinding | undefined): LoadedModel {
  const model = readModel(bytes)
  // Children and feature numbers index arrays below, so they must hold first.
  const bad = verifyParsed(model).find(check => check.status === 'fail')
  if (bad) throw fail('onnxMalformed', { file: 'the model', reason: bad.message })
  const found = readEstimator(model)
  if (binding) checkRowOrder(signatureOf(model), binding)
  const { numbers, categories } = found
  const features = featureRows(found)
  const { outputs, predict } = predictor(found)
  const { calibration } = found.estimator
  return {
    width: numbers,
    categoryWidth: categories.length,
    outputs,
    wide: false,
    async run(batch) {
      checkBatch(batch, numbers, categories.length)
      const { rows } = batch
      const scores = new Float32Array(rows * outputs)
      predict(features(batch), rows, scores)
      if (calibration) applySteps(calibration, scores)
      return { scores }
    },
    close: async () => {},
  }
}

/** Our own graphs take the row as it is. Throws `onnxNotServable` for a binding that does not fit, `onnxNotEvaluable` for another order. */
function checkRowOrder(signature: ModelSignature, binding: ModelBinding): void {
  checkBinding(signature, binding)
  const names = (text: boolean): string[] =>
    binding.inputs.filter(input => (input.type === 'text') === text).map(input => input.name)
  const straight = binding.feeds.every(({ input, of }) => {
    const row = names(input === 'categories')
    return of.every((name, at) => name === row[at])
  })
  const { output, form, columns } = binding.scores
  if (straight && output === 'scores' && form === 'tensor' && columns.every((column, at) => column === at)) return
  throw fail('onnxNotEvaluable', { file: 'the model', reason: 'its inputs or scores are bound in another order' })
}

function predictor({ estimator }: GraphEstimator): {
  readonly outputs: number
  readonly predict: (features: Float32Array, rows: number, out: Float32Array) => void
} {
  if (estimator.kind === 'trees') return compileTrees(estimator.ensemble)
  const { model } = estimator
  return {
    outputs: model.intercepts.length,
    predict: (features, rows, out) => predictLinear(model, features, rows, out),
  }
}

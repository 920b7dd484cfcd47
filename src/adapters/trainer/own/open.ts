import type { Crew } from '../../../math/trees/index.ts'
import { exportModel } from '../../../onnx/index.ts'
import type {
  InputColumn,
  InputRows,
  ModelTrainer,
  OwnTrainer,
  ReferenceScores,
  TrainingResult,
  TrainingRequest,
} from '../../../ports/trainer.ts'
import { fit, score, type FittedModel } from './fit.ts'

/** Fewest values of training rows that more threads learn from sooner than they are started; the bytes are the same. */
const fewestValues = 200_000
/** Most held-out rows that the trainer scores itself. */
const referenceRows = 2_000

/**
 * Every number of the rows beside the held-out ones at the edges of its training range, or missing: where the trainer's
 * arithmetic and a graph's differ, if they do.
 */
function withEdges({ rows, inputs }: InputRows, { scaler: { features } }: FittedModel): InputRows {
  const fixed = [Number.NaN, 0, -1, 1e6, -1e6]
  const edgesOf = (at: number): number[] => {
    const { min = 0, max = 0, mean = 0, var: variance = 0 } = features[at] ?? {}
    const far = 3 * Math.sqrt(variance)
    return [...fixed, min, max, mean, min - far, max + far]
  }
  return {
    rows: rows + edgesOf(0).length,
    inputs: inputs.map(
      (column, at): InputColumn =>
        column instanceof Float32Array
          ? Float32Array.from([...column, ...edgesOf(at)])
          : [...column, ...edgesOf(at).map(() => '')],
    ),
  }
}

async function train(
  request: TrainingRequest,
  openCrew: () => Promise<Crew & { close(): Promise<void> }>,
): Promise<TrainingResult> {
  request.signal.throwIfAborted()
  const rows = await request.frame.rows('train')
  const worthIt = request.trainer.kind === 'gbt' && rows.rows * rows.inputs.length >= fewestValues
  const crew = worthIt ? await openCrew() : undefined
  let fitted: FittedModel
  try {
    fitted = await fit({ ...request, trainer: request.trainer as OwnTrainer }, rows, crew, (done, of) => {
      request.signal.throwIfAborted()
      request.progress(done / of, `round ${done} of ${of}`)
    })
  } finally {
    await crew?.close()
  }
  const { inputs, scaler, estimator, importance } = fitted
  const { threshold, task, classes, trainer } = request
  const held = withEdges(await request.frame.rows('test', referenceRows), fitted)
  const reference: ReferenceScores = { ...held, scores: score(fitted, held) }
  return {
    onnx: exportModel({ inputs, scaler, estimator, threshold }),
    card: {
      kind: 'model card',
      schema: 1,
      task,
      classes,
      inputs,
      trainer: trainer.kind,
      reproducible: 'bitwise',
      importance,
    },
    reference,
    scaler,
  }
}

/** Gradient-boosted trees and linear models in TypeScript: the same bytes for the same rows, options and seed. */
export function openOwnTrainer(crew: () => Promise<Crew & { close(): Promise<void> }>): ModelTrainer {
  return { train: request => train(request, crew) }
}

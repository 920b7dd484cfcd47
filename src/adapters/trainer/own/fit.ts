import { fail } from '../../../errors/index.ts'
import { applySteps } from '../../../math/calibration/index.ts'
import { predictLinear } from '../../../math/linear/index.ts'
import {
  fitScaler,
  float32Scale,
  InfiniteValueError,
  leaveUnscaled,
  scaleFloat32,
  type ScalerKind,
  type ScalerParameters,
  SpreadError,
} from '../../../math/scaler/index.ts'
import type { Task } from '../../../math/task.ts'
import { compileTrees, type Crew, outputsOf } from '../../../math/trees/index.ts'
import { codesOf, type Estimator, type ModelInput } from '../../../onnx/index.ts'
import {
  categoriesOf,
  type FrameRows,
  type InputRows,
  type OwnTrainer,
  type ScaleKind,
  type TrainingRequest,
} from '../../../ports/trainer.ts'
import type { Examples } from './examples.ts'
import { fitCalibrated } from './calibrated.ts'
import { inputsOf, numericColumns } from './inputs.ts'

/** What was fitted, before it becomes a graph. */
export interface FittedModel {
  readonly task: Task
  readonly inputs: readonly ModelInput[]
  readonly scaler: ScalerParameters
  readonly estimator: Estimator
  /** Share of each input in the estimator's decisions, where it can be told. */
  readonly importance: readonly number[]
}

const scalerKind: Record<ScaleKind, ScalerKind> = {
  standard: 'standard',
  'min-max': 'minmax',
  robust: 'robust',
  none: 'none',
}

/** What of a request a fit depends on. */
export type Fittable = Pick<TrainingRequest, 'task' | 'scale' | 'inputs' | 'classes' | 'quantile'> & {
  readonly trainer: OwnTrainer
}

/** Fits scaler and estimator on the training rows only. Deterministic: the same rows and options give the same model. */
export async function fit(
  model: Fittable,
  frame: FrameRows,
  crew: Crew | undefined,
  onRound: (done: number, of: number) => void,
): Promise<FittedModel> {
  const inputs = inputsOf(model.inputs, frame, categoriesOf(model.trainer.kind === 'baseline' ? {} : model.trainer))
  const columns = numericColumns(inputs, frame)
  const texts = inputs.flatMap((input, i) => (input.kind === 'text' ? [i] : []))
  const scaler = leaveUnscaled(scalerOf(model, columns), texts)
  const { task, classes, quantile, trainer } = model
  const { labels, weights } = frame
  const examples: Examples = {
    task,
    rows: labels.length,
    columns: scaledOf(scaler, columns, inputs),
    codes: inputs.map(codesOf),
    names: inputs.map(input => input.name),
    scale: float32Scale(scaler),
    labels,
    ...(classes.length > 0 ? { classes: classes.length } : {}),
    ...(quantile === undefined ? {} : { quantile }),
    ...(weights ? { weights } : {}),
  }
  const { estimator, importance } = await fitCalibrated(trainer, examples, { crew, onRound })
  return { task, inputs, scaler, estimator, importance }
}

/** Throws `notTrainable` naming an input whose scale is beyond float32: values of 1e-40 have no factor there. */
function scaledOf(
  scaler: ScalerParameters,
  columns: readonly Float32Array[],
  inputs: readonly ModelInput[],
): Float32Array[] {
  const scaled = scaleFloat32(scaler, columns)
  scaled.forEach((column, at) => {
    if (!column.some(value => Math.abs(value) === Infinity)) return
    const reason = `input '${inputs[at]?.name}' differs by so little that its scale is beyond float32; give it in a smaller unit`
    throw fail('notTrainable', { reason })
  })
  return scaled
}

/** Fits the declared scale of each input. Throws `scalerValueInfinite` and `scalerSpread` naming the input. */
function scalerOf(model: Pick<Fittable, 'scale' | 'inputs'>, columns: readonly Float32Array[]): ScalerParameters {
  const { scale, inputs } = model
  const kinds = inputs.map(one => scalerKind[typeof scale === 'string' ? scale : (scale[one.name] ?? 'standard')])
  try {
    return fitScaler(kinds, columns)
  } catch (error) {
    if (error instanceof InfiniteValueError) {
      const { feature, row } = error
      const sign = columns[feature]?.[row] === -Infinity ? '-' : ''
      const input = model.inputs[feature]?.name ?? String(feature)
      throw fail('scalerValueInfinite', { input, row, value: `${sign}Infinity` }, error)
    }
    if (error instanceof SpreadError)
      throw fail('scalerSpread', { input: model.inputs[error.feature]?.name ?? '' }, error)
    throw error
  }
}

/** Reference scores of the trainer's own arithmetic: probability of the positive class or of each class, or the value. */
export function score(fitted: FittedModel, frame: InputRows): Float32Array {
  const scaled = scaleFloat32(fitted.scaler, numericColumns(fitted.inputs, frame))
  const { estimator } = fitted
  const trees = estimator.kind === 'trees' ? compileTrees(estimator.ensemble) : undefined
  const width = scaled.length
  const outputs = estimator.kind === 'trees' ? outputsOf(estimator.ensemble) : estimator.model.intercepts.length
  const out = new Float32Array(frame.rows * outputs)
  const block = 4096
  const rowMajor = new Float32Array(block * width)
  for (let from = 0; from < frame.rows; from += block) {
    const rows = Math.min(block, frame.rows - from)
    for (let c = 0; c < width; c++) {
      const column = scaled[c] as Float32Array
      for (let r = 0; r < rows; r++) rowMajor[r * width + c] = column[from + r] as number
    }
    const part = out.subarray(from * outputs, (from + rows) * outputs)
    if (trees) trees.predict(rowMajor, rows, part)
    else if (estimator.kind !== 'trees') predictLinear(estimator.model, rowMajor, rows, part)
  }
  if (estimator.calibration) applySteps(estimator.calibration, out)
  return out
}

import { fail } from '../../../errors/index.ts'
import { fitLogistic, fitRidge, predictLinear, type LinearModel } from '../../../math/linear/index.ts'
import {
  fitScaler,
  InfiniteValueError,
  leaveUnscaled,
  scaleFloat32,
  type ScalerKind,
  type ScalerParameters,
  SpreadError,
} from '../../../math/scaler/index.ts'
import {
  compileTrees,
  gainImportance,
  trainTrees,
  type Crew,
  type TreeEnsemble,
  type TreeTask,
} from '../../../math/trees/index.ts'
import { categoryEncoder, type Estimator, type ModelInput } from '../../../onnx/index.ts'
import type { Task } from '../../../math/task.ts'
import type { FrameRows, InputRows, ScaleKind, Trainer, TrainingRequest } from '../../../ports/trainer.ts'

/** What was fitted, before it becomes a graph. */
export interface FittedModel {
  readonly task: Task
  readonly inputs: readonly ModelInput[]
  readonly scaler: ScalerParameters
  readonly estimator: Estimator
  /** Share of each input in the estimator's decisions, where it can be told. */
  readonly importance: readonly number[]
}

const mostCategories = 250
const scalerKind: Record<ScaleKind, ScalerKind> = {
  standard: 'standard',
  'min-max': 'minmax',
  robust: 'robust',
  none: 'none',
}

/** What of a request a fit depends on. */
export type Fittable = Pick<TrainingRequest, 'task' | 'scale' | 'trainer' | 'inputs'>

/** Text inputs with their categories: the most frequent of training first; others count as missing. */
function inputsOf(model: Fittable, frame: FrameRows): ModelInput[] {
  return model.inputs.map((input, i) => {
    if (input.type !== 'text') return { name: input.name, kind: 'number' }
    const counts = new Map<string, number>()
    for (const value of frame.inputs[i] as readonly string[])
      if (value !== '') counts.set(value, (counts.get(value) ?? 0) + 1)
    const ordered = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
    return { name: input.name, kind: 'text', categories: ordered.slice(0, mostCategories).map(([value]) => value) }
  })
}

/** The numeric columns that an estimator sees, before scaling: text as its category's index. */
export function numericColumns(inputs: readonly ModelInput[], frame: Pick<InputRows, 'inputs'>): Float32Array[] {
  return inputs.map((input, i) => {
    const values = frame.inputs[i] as Float32Array | readonly string[]
    if (input.kind === 'number') return values as Float32Array
    const encode = categoryEncoder(input.categories)
    return Float32Array.from(values as readonly string[], encode)
  })
}

/** Fits scaler and estimator on the training rows only. Deterministic: the same rows and options give the same model. */
export async function fit(
  model: Fittable,
  frame: FrameRows,
  crew: Crew | undefined,
  onRound: (done: number, of: number) => void,
): Promise<FittedModel> {
  const inputs = inputsOf(model, frame)
  const columns = numericColumns(inputs, frame)
  const texts = inputs.flatMap((input, i) => (input.kind === 'text' ? [i] : []))
  const scaler = leaveUnscaled(scalerOf(model, columns), texts)
  const scaled = scaleFloat32(scaler, columns)
  const estimator = await fitEstimator(model.task, model.trainer, scaled, frame.labels, crew, onRound)
  const importance = estimator.kind === 'trees' ? gainImportance(estimator.ensemble) : shares(estimator.model)
  return { task: model.task, inputs, scaler, estimator, importance }
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

/** On standardised inputs the size of a coefficient is its share of the decision. */
function shares(model: LinearModel): number[] {
  const total = model.coefficients.reduce((sum, c) => sum + Math.abs(c), 0)
  return model.coefficients.map(c => (total > 0 ? Math.abs(c) / total : 0))
}

function treeTask(task: Task): TreeTask {
  if (task === 'quantile' || task === 'count') throw new TypeError(`no trainer for ${task}`)
  return task
}

async function fitEstimator(
  declared: Task,
  trainer: Trainer,
  columns: readonly Float32Array[],
  labels: Float32Array,
  crew: Crew | undefined,
  onRound: (done: number, of: number) => void,
): Promise<Estimator> {
  const task = treeTask(declared)
  if (trainer.kind === 'linear') {
    const options = trainer.l2 === undefined ? {} : { l2: trainer.l2 }
    const data = { rows: labels.length, columns, labels }
    return task === 'binary'
      ? { kind: 'logistic', model: fitLogistic(data, options) }
      : { kind: 'linear', model: fitRidge(data, options) }
  }
  const { kind: _, earlyStopping, ...options } = trainer
  const matrix = { rows: labels.length, columns, labels }
  if (earlyStopping === undefined)
    return {
      kind: 'trees',
      ensemble: await trainTrees(
        matrix,
        { task, ...options },
        { ...(crew ? { parallel: crew } : {}), onRound: round => onRound(round.round, round.rounds) },
      ),
    }
  // The newest tenth of the training span decides when to stop; it is before every test row
  const cut = Math.floor(labels.length * 0.9)
  const part = (from: number, to: number) => ({
    rows: to - from,
    columns: columns.map(column => column.subarray(from, to)),
    labels: labels.subarray(from, to),
  })
  const ensemble: TreeEnsemble = await trainTrees(
    part(0, cut),
    { task, ...options, earlyStopping },
    {
      ...(crew ? { parallel: crew } : {}),
      validation: part(cut, labels.length),
      onRound: round => onRound(round.round, round.rounds),
    },
  )
  return { kind: 'trees', ensemble }
}

/** Reference scores of the trainer's own arithmetic: probability of the positive class, or the value. */
export function score(fitted: FittedModel, frame: InputRows): Float32Array {
  const scaled = scaleFloat32(fitted.scaler, numericColumns(fitted.inputs, frame))
  const { estimator } = fitted
  const trees = estimator.kind === 'trees' ? compileTrees(estimator.ensemble) : undefined
  const width = scaled.length
  const out = new Float32Array(frame.rows)
  const block = 4096
  const rowMajor = new Float32Array(block * width)
  for (let from = 0; from < frame.rows; from += block) {
    const rows = Math.min(block, frame.rows - from)
    for (let c = 0; c < width; c++) {
      const column = scaled[c] as Float32Array
      for (let r = 0; r < rows; r++) rowMajor[r * width + c] = column[from + r] as number
    }
    const part = out.subarray(from, from + rows)
    if (trees) trees.predict(rowMajor, rows, part)
    else if (estimator.kind !== 'trees') predictLinear(estimator.model, rowMajor, rows, part)
  }
  return out
}

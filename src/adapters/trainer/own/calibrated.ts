import { fitIsotonic, fitPlatt, fitTemperature } from '../../../math/calibration/index.ts'
import { linearMargins, type LinearModel } from '../../../math/linear/index.ts'
import { compileTrees, outputsOf, type TreeEnsemble } from '../../../math/trees/index.ts'
import type { Estimator } from '../../../onnx/index.ts'
import type { OwnTrainer } from '../../../ports/trainer.ts'
import { type Examples, type FittedModel, rowMajorOf, rowsOf } from './examples.ts'
import { fitEstimator, type FitHooks } from './fit-estimator.ts'

/** Models that say what they think of rows which they have not seen; each row is one's. */
const folds = 3

/**
 * Fits the estimator on all rows, and where it is asked for, corrects it by what models of two thirds of the rows say of the
 * others: no row judges what it was learned from.
 */
export async function fitCalibrated(trainer: OwnTrainer, examples: Examples, hooks: FitHooks): Promise<FittedModel> {
  const calibrate = trainer.kind === 'baseline' ? undefined : trainer.calibrate
  if (calibrate === undefined || examples.rows < folds) return await fitEstimator(trainer, examples, hooks)
  const parts = folds + 1
  const partHooks = (part: number): FitHooks => ({
    ...hooks,
    onRound: (done, of) => hooks.onRound(part * of + done, parts * of),
  })
  // First, so that what is wrong with a row is said with its number
  const { estimator, importance } = await fitEstimator(trainer, examples, partHooks(0))
  const outputs = examples.task === 'multiclass' ? (examples.classes ?? 1) : 1
  const margins = new Float32Array(examples.rows * outputs)
  for (let fold = 0; fold < folds; fold++) {
    const { estimator } = await fitEstimator(
      trainer,
      rowsOf(examples, row => row % folds !== fold),
      partHooks(fold),
    )
    const held = rowsOf(examples, row => row % folds === fold)
    const own = marginsOf(estimator, held)
    for (let at = 0; at < held.rows; at++)
      margins.set(own.subarray(at * outputs, (at + 1) * outputs), (at * folds + fold) * outputs)
  }
  return { estimator: corrected(estimator, margins, examples, calibrate), importance }
}

function marginsOf(estimator: Estimator, examples: Examples): Float32Array {
  const rows = rowMajorOf(examples)
  const outputs = estimator.kind === 'trees' ? outputsOf(estimator.ensemble) : estimator.model.intercepts.length
  const out = new Float32Array(examples.rows * outputs)
  if (estimator.kind === 'trees') compileTrees(estimator.ensemble).margins(rows, examples.rows, out)
  else linearMargins(estimator.model, rows, examples.rows, out)
  return out
}

function corrected(
  estimator: Estimator,
  margins: Float32Array,
  { task, labels, weights, classes = 0 }: Examples,
  calibrate: 'platt' | 'isotonic',
): Estimator {
  if (task === 'multiclass') return bent(estimator, fitTemperature(margins, labels, classes, weights), 0)
  if (calibrate === 'platt') {
    const { slope, offset } = fitPlatt(margins, labels, weights)
    return bent(estimator, slope, offset)
  }
  const scores = margins.map(margin => 1 / (1 + Math.exp(-margin)))
  return { ...estimator, calibration: fitIsotonic(scores, labels, weights) }
}

/** The estimator whose margins are slope × those of the given one + offset: a line needs no operator of its own. */
function bent(estimator: Estimator, slope: number, offset: number): Estimator {
  return estimator.kind === 'trees'
    ? { kind: 'trees', ensemble: bentTrees(estimator.ensemble, slope, offset) }
    : { kind: 'linear', model: bentModel(estimator.model, slope, offset) }
}

function bentTrees(ensemble: TreeEnsemble, slope: number, offset: number): TreeEnsemble {
  return {
    ...ensemble,
    baseScore: ensemble.baseScore.map(score => Math.fround(score * slope + offset)),
    trees: ensemble.trees.map(tree => ({ ...tree, value: tree.value.map(value => Math.fround(value * slope)) })),
  }
}

function bentModel(model: LinearModel, slope: number, offset: number): LinearModel {
  return {
    ...model,
    coefficients: model.coefficients.map(own => own.map(one => one * slope)),
    intercepts: model.intercepts.map(one => one * slope + offset),
    effects: model.effects.map(({ feature, values }) => ({
      feature,
      values: values.map(own => own.map(one => one * slope)),
    })),
  }
}

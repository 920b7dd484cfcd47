import { fail } from '../../../errors/index.ts'
import { fitWithImportance } from '../../../math/linear/index.ts'
import {
  type Crew,
  gainImportance,
  outputsOf,
  trainTrees,
  type TreeEnsemble,
  type TreeOptions,
} from '../../../math/trees/index.ts'
import type { OwnTrainer } from '../../../ports/trainer.ts'
import { fitBaseline } from './baseline.ts'
import { type Examples, type FittedModel, partOf, rowsOf } from './examples.ts'

type Trees = OwnTrainer & { readonly kind: 'gbt' }

export interface FitHooks {
  readonly crew: Crew | undefined
  readonly onRound: (done: number, of: number) => void
}

/** Fits what the trainer is. Throws `notTrainable` for rows that it cannot learn from. */
export async function fitEstimator(trainer: OwnTrainer, examples: Examples, hooks: FitHooks): Promise<FittedModel> {
  try {
    switch (trainer.kind) {
      case 'linear':
        return fitLinear(trainer, examples)
      case 'gbt':
        return await fitTrees(trainer, examples, hooks)
      case 'baseline':
        return fitBaseline(trainer, examples)
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    // The trainers know columns by number
    const reason = error.message.replace(/\bfeature (\d+)/g, (_, at: string) => `input '${examples.names[Number(at)]}'`)
    throw fail('notTrainable', { reason }, error)
  }
}

function fitLinear(trainer: OwnTrainer & { kind: 'linear' }, examples: Examples): FittedModel {
  const { task, classes } = examples
  if (task === 'quantile') throw new TypeError('a definition lets no linear trainer have a quantile task')
  const { l1 = 0, l2 = 1 } = trainer
  const { model, importance } = fitWithImportance(examples, { task, ...(classes ? { classes } : {}), l1, l2 })
  return { estimator: { kind: 'linear', model }, importance }
}

async function fitTrees(trainer: Trees, examples: Examples, { crew, onRound }: FitHooks): Promise<FittedModel> {
  const { earlyStopping, stoppingFolds: folds, trees } = trainer
  const grow = (own: Examples, watched: Examples | undefined, most: number, part: number, parts: number) =>
    trainTrees(
      own,
      { ...treeOptionsOf(trainer, examples), trees: most, ...(watched ? { earlyStopping: earlyStopping ?? 0 } : {}) },
      {
        ...(crew ? { parallel: crew } : {}),
        ...(watched ? { validation: watched } : {}),
        onRound: ({ round, rounds }) => onRound(part * trees + Math.ceil((round * trees) / rounds), parts * trees),
      },
    )
  const { rows } = examples
  let ensemble: TreeEnsemble
  if (earlyStopping === undefined) ensemble = await grow(examples, undefined, trees, 0, 1)
  else if (folds === undefined || rows < 2 * folds) {
    // The newest tenth of the training span decides when to stop; it is before every test row
    const cut = Math.floor(rows * 0.9)
    const watched = cut < rows ? partOf(examples, cut, rows) : undefined
    ensemble = await grow(watched ? partOf(examples, 0, cut) : examples, watched, trees, 0, 1)
  } else {
    let rounds = 0
    for (let fold = 0; fold < folds; fold++) {
      // Rows that follow one another stay together: neighbours in time, or of one group, would give each other away
      const [from, to] = [fold, fold + 1].map(at => Math.floor((at * rows) / folds)) as [number, number]
      const others = rowsOf(examples, row => row < from || row >= to)
      const stopped = await grow(others, partOf(examples, from, to), trees, fold, folds + 1)
      rounds += stopped.trees.length / outputsOf(stopped)
    }
    ensemble = await grow(examples, undefined, Math.max(1, Math.round(rounds / folds)), folds, folds + 1)
  }
  return { estimator: { kind: 'trees', ensemble }, importance: gainImportance(ensemble) }
}

function treeOptionsOf(trainer: Trees, { task, names, quantile }: Examples): TreeOptions {
  const {
    kind: _,
    earlyStopping: _stopping,
    stoppingFolds: _folds,
    monotone = {},
    maxCategories: _most,
    minCategoryRows: _least,
    calibrate: _calibrate,
    ...options
  } = trainer
  const directions = names.map(name => (monotone[name] === 'increasing' ? 1 : monotone[name] === 'decreasing' ? -1 : 0))
  return { task, ...options, monotone: directions, ...(quantile === undefined ? {} : { quantile }) }
}

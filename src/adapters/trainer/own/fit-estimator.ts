import { fail } from '../../../errors/index.ts'
import { fitWithImportance } from '../../../math/linear/index.ts'
import { type Crew, gainImportance, trainTrees } from '../../../math/trees/index.ts'
import type { OwnTrainer } from '../../../ports/trainer.ts'
import { fitBaseline } from './baseline.ts'
import { type Examples, type Fitted, partOf } from './examples.ts'

export interface FitHooks {
  readonly crew: Crew | undefined
  readonly onRound: (done: number, of: number) => void
  /** Rows that are not learned from and decide when to stop, in place of the newest tenth. */
  readonly validation?: Examples
}

/** Fits what the trainer is. Throws `notTrainable` for rows that it cannot learn from. */
export async function fitEstimator(trainer: OwnTrainer, examples: Examples, hooks: FitHooks): Promise<Fitted> {
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

function fitLinear(trainer: OwnTrainer & { kind: 'linear' }, examples: Examples): Fitted {
  const { task, classes } = examples
  if (task === 'quantile') throw new TypeError('a definition lets no linear trainer have a quantile task')
  const { l1 = 0, l2 = 1 } = trainer
  const { model, importance } = fitWithImportance(examples, { task, ...(classes ? { classes } : {}), l1, l2 })
  return { estimator: { kind: 'linear', model }, importance }
}

async function fitTrees(
  trainer: OwnTrainer & { kind: 'gbt' },
  examples: Examples,
  { crew, onRound, validation }: FitHooks,
): Promise<Fitted> {
  const {
    kind: _,
    earlyStopping,
    monotone = {},
    maxCategories: __,
    minCategoryRows: ___,
    calibrate: ____,
    ...options
  } = trainer
  const { task, names, quantile } = examples
  const directions = names.map(name => (monotone[name] === 'increasing' ? 1 : monotone[name] === 'decreasing' ? -1 : 0))
  // The newest tenth of the training span decides when to stop; it is before every test row
  const cut = earlyStopping === undefined || validation ? examples.rows : Math.floor(examples.rows * 0.9)
  const watched = validation ?? (cut < examples.rows ? partOf(examples, cut, examples.rows) : undefined)
  const ensemble = await trainTrees(
    cut < examples.rows ? partOf(examples, 0, cut) : examples,
    {
      task,
      ...options,
      monotone: directions,
      ...(quantile === undefined ? {} : { quantile }),
      ...(earlyStopping === undefined ? {} : { earlyStopping }),
    },
    {
      ...(crew ? { parallel: crew } : {}),
      ...(earlyStopping !== undefined && watched ? { validation: watched } : {}),
      onRound: round => onRound(round.round, round.rounds),
    },
  )
  return { estimator: { kind: 'trees', ensemble }, importance: gainImportance(ensemble) }
}

import { fitWithImportance } from '../../../math/linear/index.ts'
import type { Task } from '../../../math/task.ts'
import { type Crew, gainImportance, trainTrees } from '../../../math/trees/index.ts'
import type { Estimator } from '../../../onnx/index.ts'
import type { Trainer } from '../../../ports/trainer.ts'

/** What an estimator is fitted to: scaled numbers and codes of texts. */
export interface Examples {
  readonly task: Task
  readonly rows: number
  readonly columns: readonly Float32Array[]
  /** By column: how many codes a text has, 0 for a number. */
  readonly codes: readonly number[]
  /** By column. */
  readonly names: readonly string[]
  readonly labels: Float32Array
  /** Of a multiclass task, whose labels are indexes. */
  readonly classes?: number
  readonly weights?: Float32Array
  /** Of a quantile task: the share of the truths that stays below. */
  readonly quantile?: number
}

export interface Fitted {
  readonly estimator: Estimator
  /** Share of each column in the estimator's decisions. */
  readonly importance: readonly number[]
}

/** Rows from `from` to `to`. */
export function partOf(examples: Examples, from: number, to: number): Examples {
  return {
    ...examples,
    rows: to - from,
    columns: examples.columns.map(column => column.subarray(from, to)),
    labels: examples.labels.subarray(from, to),
    ...(examples.weights ? { weights: examples.weights.subarray(from, to) } : {}),
  }
}

export interface FitHooks {
  readonly crew: Crew | undefined
  readonly onRound: (done: number, of: number) => void
  /** Rows that are not learned from and decide when to stop, in place of the newest tenth. */
  readonly validation?: Examples
}

export async function fitEstimator(trainer: Trainer, examples: Examples, hooks: FitHooks): Promise<Fitted> {
  return trainer.kind === 'linear' ? fitLinear(trainer, examples) : await fitTrees(trainer, examples, hooks)
}

function fitLinear({ kind: _, ...options }: Trainer & { kind: 'linear' }, examples: Examples): Fitted {
  const { task, classes } = examples
  if (task === 'quantile') throw new TypeError('a definition lets no linear trainer have a quantile task')
  const { model, importance } = fitWithImportance(examples, { task, ...(classes ? { classes } : {}), ...options })
  return { estimator: { kind: 'linear', model }, importance }
}

async function fitTrees(
  { kind: _, earlyStopping, ...options }: Trainer & { kind: 'gbt' },
  examples: Examples,
  { crew, onRound, validation }: FitHooks,
): Promise<Fitted> {
  const { task } = examples
  // The newest tenth of the training span decides when to stop; it is before every test row
  const cut = earlyStopping === undefined || validation ? examples.rows : Math.floor(examples.rows * 0.9)
  const watched = validation ?? (cut < examples.rows ? partOf(examples, cut, examples.rows) : undefined)
  const ensemble = await trainTrees(
    cut < examples.rows ? partOf(examples, 0, cut) : examples,
    { task, ...options, ...(earlyStopping === undefined ? {} : { earlyStopping }) },
    {
      ...(crew ? { parallel: crew } : {}),
      ...(earlyStopping !== undefined && watched ? { validation: watched } : {}),
      onRound: round => onRound(round.round, round.rounds),
    },
  )
  return { estimator: { kind: 'trees', ensemble }, importance: gainImportance(ensemble) }
}

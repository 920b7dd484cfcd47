import type { Task } from '../task.ts'
import type { TrainingMatrix } from './ensemble.ts'

export interface TreeOptions {
  readonly task: Task
  /** Boosting rounds; a multiclass round grows one tree a class. */
  readonly trees: number
  /** Greatest depth of a leaf; no limit when absent. */
  readonly depth?: number
  /** Greatest number of leaves a tree: 31, or 2^depth when only the depth is given. */
  readonly leaves?: number
  /** Share of each tree's answer that is added, default 0.1. */
  readonly learningRate?: number
  /** Least rows in a leaf, default 20; estimated from the hessian where it varies by row, as LightGBM does. */
  readonly minLeaf?: number
  /** L2 penalty on leaf values, default 0. */
  readonly l2?: number
  /** Histogram bins a feature, 2 to 255, default 255; missing values have one more. */
  readonly maxBins?: number
  /** Default 0. */
  readonly seed?: number
  /** Stop after this many rounds without a better validation loss and keep the best round; needs `validation`. */
  readonly earlyStopping?: number
  /** Share of the rows each round sees, default 1. */
  readonly subsample?: number
  /** Share of the features each tree sees, default 1. */
  readonly columnSample?: number
  /** By feature: 1 where the margin may only rise with it, −1 where it may only fall, 0 for either; not for multiclass. */
  readonly monotone?: readonly number[]
  /** Penalty on top of `l2` where codes are divided into two groups, default 10. */
  readonly categoryL2?: number
  /** Hessian without a slope that each code is given when codes are put in order, default 10. */
  readonly categorySmoothing?: number
  /** Of a quantile task: the share of the labels that shall lie below the answer; default 0.5. */
  readonly quantile?: number
}

export type ResolvedTreeOptions = Required<Omit<TreeOptions, 'earlyStopping'>> & { readonly earlyStopping: number }

/** The largest training set: above it the packed sums of `quantise` would not be exact. */
export const maxRows = 2 ** 25

function within(name: string, value: number, low: number, high: number, whole: boolean): number {
  if (!(value >= low && value <= high) || (whole && !Number.isInteger(value))) {
    throw new RangeError(`${name} must be ${whole ? 'a whole number ' : ''}from ${low} to ${high}, got ${value}`)
  }
  return value
}

/** Fills in the defaults; throws RangeError naming the option that is out of range. */
export function resolveTreeOptions(options: TreeOptions): ResolvedTreeOptions {
  const depth = within('depth', options.depth ?? 64, 1, 64, true)
  const leavesByDepth = options.depth === undefined ? 31 : Math.min(2 ** depth, 4096)
  return {
    task: options.task,
    trees: within('trees', options.trees, 1, 100_000, true),
    depth,
    leaves: within('leaves', options.leaves ?? leavesByDepth, 2, 4096, true),
    learningRate: within('learningRate', options.learningRate ?? 0.1, 1e-6, 1, false),
    minLeaf: within('minLeaf', options.minLeaf ?? 20, 1, maxRows, true),
    l2: within('l2', options.l2 ?? 0, 0, 1e12, false),
    maxBins: within('maxBins', options.maxBins ?? 255, 2, 255, true),
    seed: options.seed ?? 0,
    earlyStopping: within('earlyStopping', options.earlyStopping ?? 0, 0, 100_000, true),
    subsample: within('subsample', options.subsample ?? 1, 1e-6, 1, false),
    columnSample: within('columnSample', options.columnSample ?? 1, 1e-6, 1, false),
    monotone: directionsOf(options),
    categoryL2: within('categoryL2', options.categoryL2 ?? 10, 0, 1e12, false),
    categorySmoothing: within('categorySmoothing', options.categorySmoothing ?? 10, 0, 1e12, false),
    quantile: within('quantile', options.quantile ?? 0.5, 1e-6, 1 - 1e-6, false),
  }
}

function directionsOf({ monotone = [], task }: TreeOptions): readonly number[] {
  if (monotone.some(one => one !== 0 && one !== 1 && one !== -1)) throw new RangeError('monotone must be 1, 0 or -1')
  if (!monotone.some(one => one !== 0)) return []
  if (task === 'multiclass') throw new RangeError('monotone is not for multiclass tasks')
  return monotone
}

/** Throws RangeError for a matrix that cannot be trained on; the message names what is wrong and where. */
export function checkMatrix(matrix: TrainingMatrix, task: Task): number {
  const { rows, columns, labels, weights } = matrix
  within('rows', rows, 1, maxRows, true)
  if (columns.length === 0) throw new RangeError('a model needs at least one feature')
  columns.forEach((column, at) => {
    if (column.length !== rows) throw new RangeError(`feature ${at} has ${column.length} values for ${rows} rows`)
    const codes = matrix.codes?.[at] ?? 0
    const bad = codes === 0 ? -1 : column.findIndex(code => !(Number.isInteger(code) && code >= 0 && code < codes))
    if (bad >= 0) throw new RangeError(`row ${bad} of feature ${at} has the code ${column[bad]} of ${codes}`)
  })
  if (labels.length !== rows) throw new RangeError(`${labels.length} labels for ${rows} rows`)
  if (weights && weights.length !== rows) throw new RangeError(`${weights.length} weights for ${rows} rows`)
  const classes = task === 'binary' ? 2 : task === 'multiclass' ? (matrix.classes ?? 0) : 0
  if (task === 'multiclass') within('classes', classes, 2, 1000, true)
  for (let row = 0; row < rows; row++) {
    const label = labels[row] as number
    const good =
      classes === 0
        ? Number.isFinite(label) && (task !== 'count' || label >= 0)
        : Number.isInteger(label) && label >= 0 && label < classes
    if (!good) throw new RangeError(`the label of row ${row} is ${label}, which a ${task} task cannot learn`)
    if (weights && !(Number.isFinite(weights[row]) && (weights[row] as number) >= 0)) {
      throw new RangeError(`the weight of row ${row} is ${weights[row]}`)
    }
  }
  return classes
}

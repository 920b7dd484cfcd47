import { type Arena, type ArenaShape, arenaPages, isBounded, isCurved, lanes, openArena } from './arena.ts'
import { slots } from './slots.ts'
import { chooseBorders, fillWords } from './bins.ts'
import { binCodes } from './categories.ts'
import { type Crew, solo } from './crew.ts'
import type { Tree, TrainingMatrix, TreeEnsemble } from './ensemble.ts'
import { type Ground, growTree, histogramPool, type Scales } from './grow.ts'
import { layoutOf } from './layout.ts'
import { codeLimit, jobs, slopeBitsOf } from './kernels.ts'
import { checkMatrix, type ResolvedTreeOptions, resolveTreeOptions, type TreeOptions } from './options.ts'
import { applyToBins, baseScores, lossOf, marginsOfColumns } from './progress.ts'
import { renewQuantiles } from './quantile-leaves.ts'
import { randomFrom, sampleFeatures, sampleRows } from './sampling.ts'
import type { SplitRules } from './split.ts'

export interface TrainingHooks {
  /** Rows that are not learned from; their loss decides on early stopping. */
  readonly validation?: TrainingMatrix
  /** Threads to train with; the calling one alone when absent. The caller closes it. */
  readonly parallel?: Crew
  /** Called after every round; a promise is awaited, which lets other work in. Loss as in `lossOf`. */
  readonly onRound?: (round: Round) => void | Promise<void>
}

export interface Round {
  readonly round: number
  readonly rounds: number
  /** Mean validation loss after the round. */
  readonly validationLoss?: number
}

/** LightGBM's default: a child with less has no slope to speak of. */
const leastHessian = 1e-3

/**
 * Trains by gradient boosting on histograms (Friedman 2001; Ke et al. 2017), leaf by leaf.
 * Deterministic for a seed and the same for every number of threads. Throws RangeError for options and data that
 * cannot be trained on.
 */
export async function trainTrees(
  matrix: TrainingMatrix,
  treeOptions: TreeOptions,
  hooks: TrainingHooks = {},
): Promise<TreeEnsemble> {
  const options = resolveTreeOptions(treeOptions)
  const classes = checkMatrix(matrix, options.task)
  const { validation } = hooks
  if (validation) checkMatrix(validation, options.task)
  if (options.earlyStopping > 0 && !validation) throw new RangeError('earlyStopping needs validation rows')
  const outputs = options.task === 'multiclass' ? classes : 1
  const crew = hooks.parallel ?? solo
  const ground = await prepare(matrix, options, outputs, crew)
  const base = baseScores(matrix, options.task, outputs, options.quantile)
  base.forEach((score, k) => ground.arena.margins.fill(score, k * matrix.rows, (k + 1) * matrix.rows))

  const trees: Tree[] = []
  const watched = validation && marginsOfColumns(validation, base)
  let best = Infinity
  let bestRounds = 0
  for (let round = 0; round < options.trees; round++) {
    const grown = growRound(ground, outputs, round)
    trees.push(...grown)
    let validationLoss: number | undefined
    if (validation && watched) {
      grown.forEach((tree, k) => watched.add(tree, k))
      validationLoss = lossOf(options.task, watched.margins, validation, options.quantile)
      if (validationLoss < best) {
        best = validationLoss
        bestRounds = round + 1
      }
    }
    const pause = hooks.onRound?.({
      round: round + 1,
      rounds: options.trees,
      ...(validationLoss === undefined ? {} : { validationLoss }),
    })
    if (pause) await pause
    if (options.earlyStopping > 0 && round + 1 - bestRounds >= options.earlyStopping) break
  }
  if (options.earlyStopping > 0) trees.length = Math.max(1, bestRounds) * outputs
  return { task: options.task, classes, width: matrix.columns.length, baseScore: base, trees }
}

interface TrainingGround extends Ground {
  /** Known beforehand for classification, found anew each round for the others. */
  readonly scales: Scales | undefined
}

async function prepare(
  matrix: TrainingMatrix,
  options: ResolvedTreeOptions,
  outputs: number,
  crew: Crew,
): Promise<TrainingGround> {
  const numbers = matrix.columns.map((column, at) => ((matrix.codes?.[at] ?? 0) > 0 ? new Float32Array() : column))
  const borders = chooseBorders(numbers, options.maxBins)
  const codeBins = matrix.columns.map((_, at) =>
    (matrix.codes?.[at] ?? 0) > 0 ? binCodes(matrix, at, options.task) : undefined,
  )
  const layout = layoutOf(matrix.columns.length, codeBins)
  const shape: ArenaShape = {
    rows: matrix.rows,
    columns: layout.columns,
    wides: layout.wides,
    outputs,
    threads: crew.threads,
    leaves: options.leaves,
    weighted: matrix.weights !== undefined,
    objective: options.task,
    quantile: options.quantile,
  }
  const memory = crew.allocate(arenaPages(shape))
  const arena = openArena(shape, memory)
  await crew.open(shape, memory)
  fillWords(arena, matrix.columns, borders, codeBins, layout)
  arena.labels.set(matrix.labels)
  if (matrix.weights) arena.weights.set(matrix.weights)
  return {
    arena,
    crew,
    borders,
    codeBins,
    layout,
    options,
    pool: histogramPool(arena.words.length * lanes * slots),
    scales: !isBounded(options.task) ? undefined : boundedScales(matrix.rows, outputs, matrix.weights),
  }
}

/** One tree an output, all from the margins at the start of the round. */
function growRound(ground: TrainingGround, outputs: number, round: number): Tree[] {
  const { arena, crew, options, borders, codeBins, layout } = ground
  const { rows } = arena.shape
  const features = borders.length
  const random = randomFrom(options.seed, round)
  const sampled = options.subsample < 1 ? sampleRows(arena.order, rows, options.subsample, random) : rows
  const chosenRows = options.subsample < 1 ? arena.order.slice() : undefined
  const trees: Tree[] = []
  for (let output = 0; output < outputs; output++) {
    const offset = (random() * 2 ** 32) | 0
    const known = ground.scales ?? { gradient: 1, hessian: 1 }
    arena.job.set([jobs.gradients, output, output === 0 ? 1 : 0, 1 / known.gradient, 1 / known.hessian, offset])
    crew.perform(arena)
    const scales = ground.scales ?? unboundedScales(arena)
    if (chosenRows) arena.order.set(chosenRows)
    arena.job.set([jobs.root, sampled, chosenRows ? 1 : 0, 1 / scales.gradient, 1 / scales.hessian, offset])
    crew.perform(arena)
    const rules: SplitRules = {
      bins: borders.map((list, at) => codeBins[at]?.bins ?? list.length + 1),
      ...(codeBins.some(Boolean) ? { categorical: codeBins.map(Boolean), columns: layout.first } : {}),
      ...(options.monotone.length > 0
        ? { monotone: Int8Array.from({ length: features }, (_, at) => options.monotone[at] ?? 0) }
        : {}),
      categoryL2: options.categoryL2 / scales.hessian,
      categorySmoothing: options.categorySmoothing / scales.hessian,
      features: sampleFeatures(features, options.columnSample, random),
      l2: options.l2 / scales.hessian,
      leastHessian: leastHessian / scales.hessian,
      minLeaf: options.minLeaf,
    }
    const grown = growTree(ground, rules, sampled, scales)
    if (options.task === 'quantile') renewQuantiles(arena, grown, options)
    arena.job.set([jobs.update, output, grown.leaves])
    crew.perform(arena)
    // Rows outside the sample are behind it in `order` and reach their leaves by asking the tree.
    if (sampled < rows) applyToBins(ground, grown.tree, output, sampled)
    trees.push(grown.tree)
  }
  return trees
}

/** What is left for the sums of codes when rounding up has added one a row. */
function roomFor(rows: number): number {
  return codeLimit - rows - 1
}

/** What a row's own number may be. */
function greatestOf(bits: number): number {
  return 2 ** (bits - 1) - 2
}

/**
 * Classification: |gradient| is at most the weight and the hessian a quarter of it (with K classes K / (K − 1) times
 * that), so one pair of scales serves all rounds.
 */
function boundedScales(rows: number, outputs: number, weights: Float32Array | undefined): Scales {
  const sum = weights ? weights.reduce((total, weight) => total + weight, 0) : rows
  const most = weights ? weights.reduce((top, weight) => Math.max(top, weight), 0) : 1
  const factor = outputs > 1 ? outputs / (outputs - 1) : 1
  const unit = Math.max(sum / roomFor(rows), most / greatestOf(16))
  return { gradient: unit, hessian: (unit * factor) / 4 }
}

/** The others: the greatest resolution at which a row's number and the sums of all rows stay exact. */
function unboundedScales({ shape, sums }: Arena): Scales {
  let size = 0
  let most = 0
  let curves = 0
  let steepest = 0
  for (let at = 0; at < sums.length; at += 4) {
    size += sums[at] as number
    most = Math.max(most, sums[at + 1] as number)
    curves += sums[at + 2] as number
    steepest = Math.max(steepest, sums[at + 3] as number)
  }
  const room = roomFor(shape.rows)
  const bits = slopeBitsOf(shape)
  const gradient = size > 0 ? Math.max(size / room, most / greatestOf(bits)) : 1
  if (!isCurved(shape)) return { gradient, hessian: 1 }
  return { gradient, hessian: Math.max(curves / room, steepest / greatestOf(32 - bits)) }
}

import type { Task } from '../math/task.ts'
import { builder, members, numberFrom, oneOf, optional, text, wholeFrom, type Form, type Forms } from './forms.ts'
import type { OnnxTrainer, ProgramTrainer } from './script-trainer.ts'

export type Direction = 'increasing' | 'decreasing'

/** How scores become probabilities that hold: a line through the margins, or the best rising steps. */
export type Calibration = 'platt' | 'isotonic'

export interface CategoryOptions {
  /** Most texts of an input that are told apart, the most frequent ones (default 1000). */
  readonly maxCategories?: number
  /** Training rows that a text needs to be told apart; rarer ones count as one, with those never seen (default 10). */
  readonly minCategoryRows?: number
}

export interface ProbabilityOptions {
  /**
   * Corrects the probabilities by what models of two thirds of the training rows say of the others (default: not at all).
   * `'platt'` for `binary` and `multiclass`, `'isotonic'` for `binary`.
   */
  readonly calibrate?: Calibration
}

export interface GbtOptions extends CategoryOptions, ProbabilityOptions {
  /** Rounds of boosting. */
  readonly trees: number
  /** Deepest leaf (default 64). */
  readonly depth?: number
  /** Most leaves of a tree (default 31, with `depth` alone as many as fit into it). */
  readonly leaves?: number
  /** What each tree adds of what it found, up to 1 (default 0.1). */
  readonly learningRate?: number
  /** Least training rows in a leaf (default 20). */
  readonly minLeaf?: number
  /** Ridge penalty on the values of leaves (default 0). */
  readonly l2?: number
  /** Most bins that the values of a number are put into (default 255). */
  readonly maxBins?: number
  /** Share of the training rows that each round sees, drawn anew (default 1, all of them). */
  readonly subsample?: number
  /** Share of the inputs that each tree sees, drawn anew (default 1, all of them). */
  readonly columnSample?: number
  /** Seed of what `subsample` and `columnSample` draw (default 0). */
  readonly seed?: number
  /** Ends when the loss on the newest tenth of the training rows did not fall for so many rounds (default: never, on all rows). */
  readonly earlyStopping?: number
  /**
   * Finds the rounds for `earlyStopping` over so many folds of the training rows instead: the mean of where the loss of each was
   * least, after which the trees are trained on all of them (default: the newest tenth decides, and is not learned from).
   */
  readonly stoppingFolds?: number
  /** Numbers with which the answer may only rise or only fall: `{ distance: 'increasing' }`. Not for `multiclass`. */
  readonly monotone?: Readonly<Record<string, Direction>>
  /** Ridge penalty on top of `l2` where texts are divided into two groups (default 10). */
  readonly categoryL2?: number
  /** Rows without an effect that each text is given when texts are put in order (default 10). */
  readonly categorySmoothing?: number
}

export interface LinearOptions extends CategoryOptions, ProbabilityOptions {
  /** Ridge penalty on the coefficients of standardised numbers and of texts (default 1). */
  readonly l2?: number
  /** Lasso penalty on the same, which leaves out what does not help (default 0). */
  readonly l1?: number
}

export interface BaselineOptions {
  /** Answers with the value of this input, such as the last one known (default: with the best constant of the training rows). */
  readonly input?: string
}

/** Millrace's own trainers. */
export type OwnTrainer =
  | ({ readonly kind: 'gbt' } & GbtOptions)
  | ({ readonly kind: 'linear' } & LinearOptions)
  | ({ readonly kind: 'baseline' } & BaselineOptions)

/** What makes the model. Everything in it is part of the model's identity. */
export type Trainer = OwnTrainer | ProgramTrainer | OnnxTrainer

const ownKinds: readonly string[] = ['gbt', 'linear', 'baseline'] satisfies OwnTrainer['kind'][]
export const isOwn = (trainer: Trainer): trainer is OwnTrainer => ownKinds.includes(trainer.kind)

const otherKinds: readonly string[] = ['python', 'typescript', 'command', 'container', 'onnx'] satisfies (
  | ProgramTrainer
  | OnnxTrainer
)['kind'][]

const categoryForms: Forms<CategoryOptions> = {
  maxCategories: optional(wholeFrom(1, 10_000)),
  minCategoryRows: optional(wholeFrom(1)),
}
const calibrationForms: Forms<ProbabilityOptions> = { calibrate: optional(oneOf('platt', 'isotonic')) }
const directions: readonly unknown[] = ['increasing', 'decreasing'] satisfies Direction[]
const monotoneForm: Form = {
  words: "an object of 'increasing' or 'decreasing' by the name of an input",
  holds: value =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every(one => directions.includes(one)),
}
const gbtForms: Forms<GbtOptions> = {
  trees: wholeFrom(1, 100_000),
  depth: optional(wholeFrom(1, 64)),
  leaves: optional(wholeFrom(2, 4096)),
  learningRate: optional(numberFrom(1e-6, 1)),
  minLeaf: optional(wholeFrom(1)),
  l2: optional(numberFrom(0, 1e12)),
  maxBins: optional(wholeFrom(2, 255)),
  subsample: optional(numberFrom(1e-6, 1)),
  columnSample: optional(numberFrom(1e-6, 1)),
  seed: optional(wholeFrom(0)),
  earlyStopping: optional(wholeFrom(1, 100_000)),
  stoppingFolds: optional(wholeFrom(2, 100)),
  monotone: optional(monotoneForm),
  categoryL2: optional(numberFrom(0, 1e12)),
  categorySmoothing: optional(numberFrom(0, 1e12)),
  ...categoryForms,
  ...calibrationForms,
}
const linearForms: Forms<LinearOptions> = {
  l2: optional(numberFrom(0)),
  l1: optional(numberFrom(0)),
  ...categoryForms,
  ...calibrationForms,
}
const baselineForms: Forms<BaselineOptions> = { input: optional(text) }

/** Gradient-boosted trees on histograms, in TypeScript, deterministic for a seed whatever the number of threads. */
export const gbt = builder(
  'trainer',
  { options: members(gbtForms) },
  (options: GbtOptions): OwnTrainer => ({ kind: 'gbt', ...options }),
  'gbt',
)

/** A linear model: logistic for `binary`, multinomial for `multiclass`, least squares for `regression`, Poisson for `count`. */
export const linear = builder(
  'trainer',
  { options: optional(members(linearForms)) },
  (options: LinearOptions = {}): OwnTrainer => ({ kind: 'linear', ...options }),
  'linear',
)

/** What any model has to beat: the same answer for every row, or the value of one input. */
export const baseline = builder(
  'trainer',
  { options: optional(members(baselineForms)) },
  (options: BaselineOptions = {}): OwnTrainer => ({ kind: 'baseline', ...options }),
  'baseline',
)

/** What `train` of a model may be. */
export const trainerForm: Form = {
  words:
    "a trainer, such as gbt({ … }), linear(), baseline(), python('train.py', { … }), command([ … ]), onnx('model.onnx') or search({ … })",
  holds: value => [...ownKinds, ...otherKinds, 'search'].includes((value as Partial<Trainer> | null)?.kind as string),
}

/** How many texts a trainer tells apart. */
export function categoriesOf(trainer: CategoryOptions): Required<CategoryOptions> {
  const { maxCategories = 1000, minCategoryRows = 10 } = trainer
  return { maxCategories, minCategoryRows }
}

/** Why a trainer cannot learn what a model asks for; undefined when it can. */
export function trainerRefusal(
  trainer: Trainer,
  task: Task,
  inputs: readonly { readonly name: string; readonly type: string }[],
): string | undefined {
  const typeOf = (name: string): string | undefined => inputs.find(one => one.name === name)?.type
  if (!isOwn(trainer)) return undefined
  if (trainer.kind === 'baseline') {
    if (trainer.input === undefined) return undefined
    const type = typeOf(trainer.input)
    if (type === undefined) return `baseline names '${trainer.input}', which is no input`
    if (type !== 'int' && type !== 'float') return `baseline names '${trainer.input}', a ${type}: it must be a number`
    return task === 'binary' || task === 'multiclass'
      ? `a baseline of an input's value has no probabilities, which a ${task} task needs: leave the input out`
      : undefined
  }
  const { calibrate } = trainer
  if (calibrate !== undefined && task !== 'binary' && task !== 'multiclass')
    return `calibrate is for probabilities, a ${task} task has none`
  if (calibrate === 'isotonic' && task === 'multiclass')
    return `calibrate: 'isotonic' is for binary tasks: take 'platt'`
  if (trainer.kind === 'linear')
    return task === 'quantile' ? 'linear() learns no quantiles: take gbt({ … })' : undefined
  if (trainer.stoppingFolds !== undefined && trainer.earlyStopping === undefined)
    return 'stoppingFolds says nothing without earlyStopping: after how many rounds without a fall training ends'
  for (const name of Object.keys(trainer.monotone ?? {})) {
    const type = typeOf(name)
    if (type === undefined) return `monotone names '${name}', which is no input`
    if (type === 'text') return `monotone names '${name}', a text, which has no order`
    if (task === 'multiclass') return 'monotone is not for multiclass tasks, whose probabilities add up to 1'
  }
  return undefined
}

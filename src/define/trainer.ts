import { builder, members, numberFrom, optional, wholeFrom, type Form, type Forms } from './forms.ts'

export interface GbtOptions {
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
  /** Share of the training rows that each round sees, drawn anew (default 1, all of them). */
  readonly subsample?: number
  /** Share of the inputs that each tree sees, drawn anew (default 1, all of them). */
  readonly columnSample?: number
  /** Seed of what `subsample` and `columnSample` draw (default 0). */
  readonly seed?: number
  /** Ends when the loss on the newest tenth of the training rows did not fall for so many rounds (default: never, on all rows). */
  readonly earlyStopping?: number
  /** Most texts of an input that are told apart, the most frequent ones (default 1000). */
  readonly maxCategories?: number
  /** Training rows that a text needs to be told apart; rarer ones count as one, with those never seen (default 10). */
  readonly minCategoryRows?: number
}

export interface LinearOptions {
  /** Ridge penalty on the coefficients of standardised numbers and of texts (default 1). */
  readonly l2?: number
  /** Lasso penalty on the same, which leaves out what does not help (default 0). */
  readonly l1?: number
  /** Most texts of an input that are told apart, the most frequent ones (default 1000). */
  readonly maxCategories?: number
  /** Training rows that a text needs to be told apart; rarer ones count as one, with those never seen (default 10). */
  readonly minCategoryRows?: number
}

/** How the estimator is fitted. Everything in it is part of the model's identity. */
export type Trainer = ({ readonly kind: 'gbt' } & GbtOptions) | ({ readonly kind: 'linear' } & LinearOptions)

const categoryForms = {
  maxCategories: optional(wholeFrom(1, 10_000)),
  minCategoryRows: optional(wholeFrom(1)),
}
const gbtForms: Forms<GbtOptions> = {
  trees: wholeFrom(1, 100_000),
  depth: optional(wholeFrom(1, 64)),
  leaves: optional(wholeFrom(2, 4096)),
  learningRate: optional(numberFrom(1e-6, 1)),
  minLeaf: optional(wholeFrom(1)),
  l2: optional(numberFrom(0, 1e12)),
  subsample: optional(numberFrom(1e-6, 1)),
  columnSample: optional(numberFrom(1e-6, 1)),
  seed: optional(wholeFrom(0)),
  earlyStopping: optional(wholeFrom(1, 100_000)),
  ...categoryForms,
}
const linearForms: Forms<LinearOptions> = {
  l2: optional(numberFrom(0)),
  l1: optional(numberFrom(0)),
  ...categoryForms,
}

/** How many texts a trainer tells apart. */
export function categoriesOf(trainer: Trainer): { readonly maxCategories: number; readonly minCategoryRows: number } {
  const { maxCategories = 1000, minCategoryRows = 10 } = trainer
  return { maxCategories, minCategoryRows }
}

/** Gradient-boosted trees on histograms, in TypeScript, deterministic for a seed whatever the number of threads. */
export const gbt = builder(
  'trainer',
  { options: members(gbtForms) },
  (options: GbtOptions): Trainer => ({ kind: 'gbt', ...options }),
  'gbt',
)

/** A linear model: logistic for `binary`, multinomial for `multiclass`, least squares for `regression`, Poisson for `count`. */
export const linear = builder(
  'trainer',
  { options: optional(members(linearForms)) },
  (options: LinearOptions = {}): Trainer => ({ kind: 'linear', ...options }),
  'linear',
)

/** What `train` of a model may be. */
export const trainerForm: Form = {
  words: 'a trainer, gbt({ … }) or linear({ … })',
  holds: value => ['gbt', 'linear'].includes((value as Partial<Trainer> | null)?.kind as string),
}

import type { Duration, Micros } from '../internal/time.ts'
import type { Columns } from './column.ts'
import type { Node } from './expression/node.ts'
import { callback, duration, flag, optional, variants, wholeFrom, type Form } from './forms.ts'
import type { Key } from './row-key.ts'

/** Each training row in one of the folds, by chance. */
export interface RandomFolds {
  /** `'random'`. */
  readonly by: 'random'
  /** How many. */
  readonly count: number
  /** Seed of which rows (default 0). */
  readonly seed?: number
  /** The same share of every class in each (default true where the task has classes). */
  readonly stratify?: boolean
}

/** Whole groups: none is in two folds. */
export interface GroupFolds<C extends Columns = Columns> {
  /** `'group'`. */
  readonly by: 'group'
  /** What makes a group: one expression of columns, or several together. */
  readonly of: Key<C>
  /** How many. */
  readonly count: number
  /** Seed of which groups go together (default 0). */
  readonly seed?: number
}

/** Along time: each fold is judged by what was trained on the rows before it. The oldest rows are only trained on. */
export interface TimeFolds {
  /** `'time'`. */
  readonly by: 'time'
  /** How many. */
  readonly count: number
  /** Left out before each fold, so that what a label depends on is over before its first row (default: nothing). */
  readonly gap?: Duration
}

export type FoldOptions<C extends Columns = Columns> = RandomFolds | GroupFolds<C> | TimeFolds

/** Folds as a model carries them: plain data. */
export type Folds =
  | { readonly by: 'random'; readonly count: number; readonly seed: number; readonly stratify: boolean }
  | { readonly by: 'group'; readonly of: readonly Node[]; readonly count: number; readonly seed: number }
  | { readonly by: 'time'; readonly count: number; readonly gap?: Micros }

const count = wholeFrom(2, 100)
const seed = optional(wholeFrom(0))

/** What `folds` of a split may be. */
export const foldsForm: Form = variants<FoldOptions, 'by'>('by', {
  random: { count, seed, stratify: optional(flag) },
  group: { of: callback, count, seed },
  time: { count, gap: optional(duration) },
})

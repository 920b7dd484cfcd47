import { micros, type Duration, type Micros } from '../internal/time.ts'
import { isClassification, type Task } from '../math/task.ts'
import type { ColumnExpressions, Columns } from './column.ts'
import type { Node } from './expression/node.ts'
import type { BoolExpression } from './expression/types.ts'
import { foldsForm, type FoldOptions, type Folds } from './folds.ts'
import { callback, duration, flag, moment, numberBetween, optional, variants, wholeFrom } from './forms.ts'
import { refuse } from './named.ts'
import { type Key, nodesOf } from './row-key.ts'

/** By time: the newest `test` of the data is the test set, the `train` before it the training set. */
export interface TimeSplit<C extends Columns = Columns> {
  /** Along time. */
  readonly by: 'time'
  /** Length of the training span, which ends where the test span begins. */
  readonly train: Duration
  /** Length of the test span, the newest of the data. */
  readonly test: Duration
  /** Left out between the two, so that what a label depends on is over before the first test row (default: nothing). */
  readonly gap?: Duration
  /** End of the data used (default: the newest event). */
  readonly until?: string
  /** Parts of the training rows that `search` judges trials on (default: five, of the kind of the split). */
  readonly folds?: FoldOptions<C>
}

/** By a hash of values: rows that are alike in them are in the same part, now and in every later snapshot. */
export interface HashSplit<C extends Columns = Columns> {
  /** `'hash'`. */
  readonly by: 'hash'
  /** What decides: one expression of columns, or several together. */
  readonly of: Key<C>
  /** Share of the values that go to the test set, about. */
  readonly test: number
  /** Parts of the training rows that `search` judges trials on (default: five, of the kind of the split). */
  readonly folds?: FoldOptions<C>
}

/** By groups: no group is in both parts, and a share of all groups is the test set. */
export interface GroupSplit<C extends Columns = Columns> {
  /** `'group'`. */
  readonly by: 'group'
  /** What makes a group: one expression of columns, or several together. */
  readonly of: Key<C>
  /** Share of the groups in the test set. */
  readonly test: number
  /** Seed of which groups (default 0). */
  readonly seed?: number
  /** Parts of the training rows that `search` judges trials on (default: five, of the kind of the split). */
  readonly folds?: FoldOptions<C>
}

/** Random rows. */
export interface RandomSplit<C extends Columns = Columns> {
  /** `'random'`. */
  readonly by: 'random'
  /** Share of the rows in the test set. */
  readonly test: number
  /** Seed of which rows (default 0). */
  readonly seed?: number
  /** The same share of every class (default true where the task has classes). */
  readonly stratify?: boolean
  /** Parts of the training rows that `search` judges trials on (default: five, of the kind of the split). */
  readonly folds?: FoldOptions<C>
}

/** By a condition that the rows say themselves. */
export interface ColumnSplit<C extends Columns = Columns> {
  /** `'column'`. */
  readonly by: 'column'
  /** Rows for which it holds are the test set; all others train. */
  readonly test: (c: ColumnExpressions<C>) => BoolExpression<boolean, string>
  /** Parts of the training rows that `search` judges trials on (default: five, of the kind of the split). */
  readonly folds?: FoldOptions<C>
}

export type SplitOptions<C extends Columns = Columns> =
  | TimeSplit<C>
  | HashSplit<C>
  | GroupSplit<C>
  | RandomSplit<C>
  | ColumnSplit<C>

/** A split as a model carries it: plain data. */
export type Split =
  | {
      readonly by: 'time'
      readonly train: Micros
      readonly test: Micros
      readonly gap?: Micros
      readonly until?: string
    }
  | { readonly by: 'hash'; readonly of: readonly Node[]; readonly test: number }
  | { readonly by: 'group'; readonly of: readonly Node[]; readonly test: number; readonly seed: number }
  | { readonly by: 'random'; readonly test: number; readonly seed: number; readonly stratify: boolean }
  | { readonly by: 'column'; readonly test: Node }

const share = numberBetween(0, 1)
const seed = optional(wholeFrom(0))
const folds = optional(foldsForm)

/** What `split` of a model may be. */
export const splitForm = variants<SplitOptions, 'by'>('by', {
  time: { train: duration, test: duration, gap: optional(duration), until: optional(moment), folds },
  hash: { of: callback, test: share, folds },
  group: { of: callback, test: share, seed, folds },
  random: { test: share, seed, stratify: optional(flag), folds },
  column: { test: callback, folds },
})

/** The split as data. Throws `invalidDefinition` where it does not fit the dataset or the task. */
export function compileSplit<C extends Columns>(
  model: string,
  split: SplitOptions<C>,
  { task, columns, timed }: { readonly task: Task; readonly columns: ColumnExpressions<C>; readonly timed: boolean },
): Split {
  switch (split.by) {
    case 'time': {
      if (!timed)
        refuse('model', model, "has a split by time, and its dataset has no eventTime: split by 'random' or 'hash'")
      const { train, test, gap, until } = split
      return {
        by: 'time',
        train: micros(train),
        test: micros(test),
        ...(gap ? { gap: micros(gap) } : {}),
        ...(until ? { until } : {}),
      }
    }
    case 'hash':
      return { by: 'hash', of: nodesOf(model, 'split.of', split.of(columns)), test: split.test }
    case 'group': {
      const { test, seed: drawn = 0 } = split
      return { by: 'group', of: nodesOf(model, 'split.of', split.of(columns)), test, seed: drawn }
    }
    case 'random': {
      const classes = task === 'binary' || task === 'multiclass'
      if (split.stratify === true && !classes)
        refuse('model', model, `split.stratify has no effect: a ${task} label has no classes`)
      return { by: 'random', test: split.test, seed: split.seed ?? 0, stratify: split.stratify ?? classes }
    }
    case 'column': {
      const [node] = nodesOf(model, 'split.test', split.test(columns)) as [Node]
      if (node.type !== 'bool') refuse('model', model, `split.test is ${node.type}: it must be a condition`)
      return { by: 'column', test: node }
    }
  }
}

/** As many folds as are usual where none are declared. */
const usual = 5

/** The folds as data: those that are declared, else five of the kind that the split is of. Throws `invalidDefinition`. */
export function compileFolds<C extends Columns>(
  model: string,
  declared: FoldOptions<C> | undefined,
  {
    split,
    task,
    columns,
    timed,
  }: {
    readonly split: Split
    readonly task: Task
    readonly columns: ColumnExpressions<C>
    readonly timed: boolean
  },
): Folds {
  const classes = isClassification(task)
  if (declared === undefined)
    switch (split.by) {
      case 'time':
        return { by: 'time', count: usual, ...(split.gap === undefined ? {} : { gap: split.gap }) }
      case 'group':
        return { by: 'group', of: split.of, count: usual, seed: split.seed }
      // What is alike in these values is kept together by the split, so by the folds too
      case 'hash':
        return { by: 'group', of: split.of, count: usual, seed: 0 }
      case 'random':
        return { by: 'random', count: usual, seed: split.seed, stratify: split.stratify }
      case 'column':
        return { by: 'random', count: usual, seed: 0, stratify: classes }
    }
  switch (declared.by) {
    case 'random':
      if (declared.stratify === true && !classes)
        refuse('model', model, `split.folds.stratify has no effect: a ${task} label has no classes`)
      return { by: 'random', count: declared.count, seed: declared.seed ?? 0, stratify: declared.stratify ?? classes }
    case 'group':
      return {
        by: 'group',
        of: nodesOf(model, 'split.folds.of', declared.of(columns)),
        count: declared.count,
        seed: declared.seed ?? 0,
      }
    case 'time':
      if (!timed) refuse('model', model, 'has folds by time, and its dataset has no eventTime')
      return { by: 'time', count: declared.count, ...(declared.gap ? { gap: micros(declared.gap) } : {}) }
  }
}

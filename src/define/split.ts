import { micros, type Duration, type Micros } from '../internal/time.ts'
import type { Task } from '../math/task.ts'
import type { ColumnExpressions, Columns } from './column.ts'
import { columnsOf, type Node } from './expression/node.ts'
import type { BoolExpression, Expression } from './expression/types.ts'
import { callback, duration, flag, moment, numberBetween, optional, variants, wholeFrom } from './forms.ts'
import { refuse } from './named.ts'

/** By time: the newest `test` of the data is the test set, the `train` before it the training set. */
export interface TimeSplit {
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
}

type AnyExpression = Expression
/** What decides where a row goes: one expression, or several together. */
type Key<C extends Columns> = (c: ColumnExpressions<C>) => AnyExpression | readonly AnyExpression[]

/** By a hash of values: rows that are alike in them are in the same part, now and in every later snapshot. */
export interface HashSplit<C extends Columns = Columns> {
  /** `'hash'`. */
  readonly by: 'hash'
  /** What decides: one expression of columns, or several together. */
  readonly of: Key<C>
  /** Share of the values that go to the test set, about. */
  readonly test: number
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
}

/** Random rows. */
export interface RandomSplit {
  /** `'random'`. */
  readonly by: 'random'
  /** Share of the rows in the test set. */
  readonly test: number
  /** Seed of which rows (default 0). */
  readonly seed?: number
  /** The same share of every class (default true where the task has classes). */
  readonly stratify?: boolean
}

/** By a condition that the rows say themselves. */
export interface ColumnSplit<C extends Columns = Columns> {
  /** `'column'`. */
  readonly by: 'column'
  /** Rows for which it holds are the test set; all others train. */
  readonly test: (c: ColumnExpressions<C>) => BoolExpression<boolean, string>
}

export type SplitOptions<C extends Columns = Columns> =
  | TimeSplit
  | HashSplit<C>
  | GroupSplit<C>
  | RandomSplit
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

/** What `split` of a model may be. */
export const splitForm = variants<SplitOptions, 'by'>('by', {
  time: { train: duration, test: duration, gap: optional(duration), until: optional(moment) },
  hash: { of: callback, test: share },
  group: { of: callback, test: share, seed },
  random: { test: share, seed, stratify: optional(flag) },
  column: { test: callback },
})

/** The nodes that a callback gave: expressions over columns of the rows themselves. */
function nodesOf(model: string, what: string, made: unknown): readonly Node[] {
  const list: readonly unknown[] = Array.isArray(made) ? (made as unknown[]) : [made]
  if (list.length === 0) refuse('model', model, `${what} names no column`)
  return list.map(one => {
    const node = (one as { readonly node?: Node } | null | undefined)?.node
    if (typeof node?.op !== 'string') refuse('model', model, `${what} is no expression over columns, such as c.id`)
    const feature = columnsOf(node).find(name => name.includes('.'))
    if (feature !== undefined) refuse('model', model, `${what} reads the feature ${feature}: rows are split by columns`)
    return node
  })
}

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

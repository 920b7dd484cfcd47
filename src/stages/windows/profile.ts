import type { Task } from '../../math/task.ts'
import type { Duration } from '../../internal/time.ts'
import { unitEdges } from './unit-edges.ts'
import type { Variation } from './variation.ts'

interface ColumnBase {
  readonly name: string
  /** Empty or NaN values. */
  readonly missing: number
  /** Share of the model's importance, 0…1, where it is known. */
  readonly importance?: number
  /** How windows of the training period differ, one entry a direction (`directionsOf`); absent without event times. */
  readonly variation?: readonly (Variation | null)[]
}

export interface NumberProfile extends ColumnBase {
  readonly kind: 'number'
  /** `bins`: quantile bins between `edges` (one more than `counts`). `points`: at most 20 values, `edges` lists them. */
  readonly form: 'bins' | 'points'
  readonly edges: readonly number[]
  readonly counts: readonly number[]
  /** Test bin of every fine bin. */
  readonly coarse: readonly number[]
  readonly positiveInfinity: number
  readonly negativeInfinity: number
  /** Moments of the finite values; standard deviation with ddof 0. */
  readonly mean: number
  readonly std: number
}

export interface TextProfile extends ColumnBase {
  readonly kind: 'text'
  /** The 50 most frequent values, most frequent first. */
  readonly categories: readonly string[]
  readonly counts: readonly number[]
  /** Rows with any other value of the baseline. */
  readonly other: number
  /** Those other values, or null when there are too many to keep: then nothing counts as unseen. */
  readonly others: readonly string[] | null
}

export type ColumnProfile = NumberProfile | TextProfile

/** How well the model did on the baseline's labelled rows. */
export interface BaselinePerformance {
  readonly task: Task
  readonly rows: number
  /** AUC for binary, R² for regression; standard error, and standard deviation between windows (null without times). */
  readonly quality: { readonly value: number; readonly error: number; readonly natural: number | null }
  /** Log loss for binary, squared error for regression. */
  readonly loss: { readonly value: number; readonly error: number; readonly natural: number | null }
}

/** What a model's inputs and scores looked like when it was made: plain JSON, stored with the model version. */
export interface Profile {
  readonly version: 1
  readonly rows: number
  /** Numbers first, then texts, each in the order of the model's inputs. */
  readonly columns: readonly ColumnProfile[]
  readonly score: NumberProfile
  readonly naturalWindow?: Duration
  readonly performance?: BaselinePerformance
}

/**
 * Slots after the bins of a number in a window's counters: missing, +∞, −∞, a value that the baseline does not have, below and
 * above all bins, and far: more than eight baseline standard deviations from the baseline's mean.
 */
export const numberExtras = 7
export const missingSlot = 0
export const unseenSlot = 3
export const farSlot = 6
/** Slots after the values of a text: other than the most frequent ones, unseen, missing. */
export const textExtras = 3

/** Counters that a column needs: its bins, its extra slots, and for a number those between the edges of units. */
export function slotsOf(column: ColumnProfile): number {
  if (column.kind === 'text') return column.counts.length + textExtras
  const { edges } = unitEdges(column)
  return column.counts.length + numberExtras + (edges.length === 0 ? 0 : edges.length + 1)
}

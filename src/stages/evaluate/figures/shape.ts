import type { LearningCurveFigure } from './learning-curve.ts'
import type { Task } from '../../../math/task.ts'

/** Whose figures: the model's that is tested, or the champion's on the same rows. */
export type Whose = 'model' | 'champion'

export type Point = readonly [x: number, y: number]

export interface Curve {
  readonly of: Whose
  readonly points: readonly Point[]
  /** Area below it. */
  readonly area: number
}

/** Curves of one class; of a binary model the name is empty. */
export interface ClassCurves {
  readonly class: string
  readonly roc: readonly Curve[]
  readonly precisionRecall: readonly Curve[]
  /** Share of the class among the rows: where precision starts. */
  readonly share: number
  readonly calibration: readonly {
    readonly of: Whose
    readonly bins: readonly { score: number; share: number; lower: number; upper: number; rows: number }[]
  }[]
}

export interface Histogram {
  readonly edges: readonly number[]
  readonly groups: readonly { readonly name: string; readonly counts: readonly number[] }[]
}

export interface Dependence {
  readonly input: string
  readonly kind: 'number' | 'text'
  /** Mean score where the input has that value in every row, and where the middle four fifths of the rows are. */
  readonly points: readonly { value: number | string; mean: number; lower: number; upper: number }[]
}

export interface SliceFigure {
  readonly slice: string
  readonly rows: number
  /** Share of its loss that the model loses against what can be reached there. */
  readonly lost: number
  readonly lower: number
  readonly upper: number
  readonly weak: boolean
}

/** Rows of one class that were called another. */
export interface ConfusedPair {
  readonly truth: string
  readonly called: string
  readonly rows: number
  /** All rows of the class. */
  readonly of: number
}

/** What a model is drawn by: bounded in size whatever the number of rows, inputs and classes. Plain JSON. */
export interface ModelFigures {
  readonly kind: 'model figures'
  readonly schema: 1
  readonly task: Task
  readonly rows: number
  readonly champion: string | null
  readonly classes: readonly ClassCurves[]
  /** Scores by true class; of several classes those of the likeliest, by whether it was right. */
  readonly scores: Histogram | null
  readonly confusion: { readonly classes: readonly string[]; readonly counts: readonly (readonly number[])[] } | null
  /** Of more classes than a matrix shows, the pairs that were taken for each other most often; absent where there is the matrix. */
  readonly confused?: readonly ConfusedPair[]
  /** Of numbers: score minus truth. */
  readonly residuals: Histogram | null
  readonly truths: readonly Point[]
  readonly importance: readonly { input: string; share: number }[]
  readonly importanceIs: 'of the trainer' | 'by permutation'
  /** By how much the loss of held-out rows rises when an input is dealt out anew among them. */
  readonly lossWithout?: readonly { input: string; rise: number }[]
  /** Of so many inputs only some were dealt out, those that seemed to count most; absent where all were. */
  readonly dealtOut?: { readonly inputs: number; readonly of: number }
  readonly dependence: readonly Dependence[]
  readonly slices: readonly SliceFigure[]
  /** Where the model declares one. */
  readonly learningCurve?: LearningCurveFigure
}

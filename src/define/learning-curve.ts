import { members, optional, wholeFrom, type Form } from './forms.ts'

/** How the learning curve of a model is measured. */
export interface LearningCurveOptions {
  /** How many shares of the rows are learned from, each twice the one before (default 5). */
  readonly points?: number
  /** Most rows of the largest share, and most that are judged (default 20,000). */
  readonly maxRows?: number
}

/** The same with its defaults, as a model carries it. */
export type LearningCurve = Required<LearningCurveOptions>

/** What `learningCurve` of a model may be. */
export const learningCurveForm: Form = members<LearningCurveOptions>({
  points: optional(wholeFrom(2, 10)),
  maxRows: optional(wholeFrom(100)),
})

export const compileLearningCurve = ({ points = 5, maxRows = 20_000 }: LearningCurveOptions): LearningCurve => ({
  points,
  maxRows,
})

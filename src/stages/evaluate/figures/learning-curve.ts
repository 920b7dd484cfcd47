import type { MetricName } from '../../../math/metrics/catalogue.ts'

/** A model trained on a share of the training rows. */
export interface CurvePoint {
  /** Rows that it was trained on. */
  readonly rows: number
  /** The metric on rows that it was not trained on, and on those that it was; null where it could not be trained on so few. */
  readonly held: number | null
  readonly trained: number | null
  readonly reason?: string
}

/** What more rows bring: the same trainer on growing shares of the training rows. Plain JSON. */
export interface LearningCurveFigure {
  readonly kind: 'learning curve'
  readonly schema: 1
  readonly metric: MetricName
  /** Training rows that every point is judged on. */
  readonly judged: number
  readonly points: readonly CurvePoint[]
}

import type { Judged } from '../../src/math/metrics/catalogue.ts'

/** Scores beside their truths, with the defaults of a model that says nothing else. */
export const judged = (
  task: Judged['task'],
  labels: ArrayLike<number>,
  scores: ArrayLike<number>,
  over: Partial<Judged> = {},
): Judged => ({
  task,
  labels: Float32Array.from(labels),
  scores: Float32Array.from(scores),
  outputs: task === 'multiclass' ? scores.length / labels.length : 1,
  threshold: 0.5,
  level: 0.5,
  ...over,
})

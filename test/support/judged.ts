import type { LabelledScores } from '../../src/math/metrics/catalogue.ts'

/** Scores beside their truths, with the defaults of a model that says nothing else. */
export const judged = (
  task: LabelledScores['task'],
  labels: ArrayLike<number>,
  scores: ArrayLike<number>,
  over: Partial<LabelledScores> = {},
): LabelledScores => ({
  task,
  labels: Float32Array.from(labels),
  scores: Float32Array.from(scores),
  outputs: task === 'multiclass' ? scores.length / labels.length : 1,
  threshold: 0.5,
  level: 0.5,
  ...over,
})

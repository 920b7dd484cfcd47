/**
 * What a model predicts: whether something holds (`binary`, a probability), which of several classes (`multiclass`, a
 * probability of each), a number (`regression`), the value that a share of the truths stays below (`quantile`), or how often
 * something happens (`count`, a rate that is never negative).
 */
export type Task = 'binary' | 'multiclass' | 'regression' | 'quantile' | 'count'

/** Whether scores are probabilities of classes; else they are numbers in the label's unit. */
export const isClassification = (task: Task): task is 'binary' | 'multiclass' =>
  task === 'binary' || task === 'multiclass'

/** A rate is e to its margin, which is cut here: what is far beyond all that was counted still has a number in float32. */
export const maxRateMargin = 80

import type { Task } from '../task.ts'
import { calibrationError, topClass } from './calibration.ts'
import { averagePrecision, brier, confusion, logLoss, matthews } from './classification.ts'
import { classRates, multiclassLogLoss, oneVersusRest } from './multiclass.ts'
import { coverage, pinball, poissonDeviance } from './loss.ts'
import { auc } from './ranking.ts'
import { mae, r2, rmse } from './regression.ts'

/** Scores beside the truths, as every metric takes them. */
export interface LabelledScores {
  readonly task: Task
  /** 0 or 1, the number of the class, or the value. */
  readonly labels: Float32Array
  /** Rows × outputs, row by row. */
  readonly scores: Float32Array
  /** The number of classes for multiclass, else 1. */
  readonly outputs: number
  /** What each row counts; 1 where absent. */
  readonly weights?: Float32Array
  /** From which probability a binary prediction is positive. */
  readonly threshold: number
  /** The share that a quantile is to stay above. */
  readonly level: number
}

export type MetricName =
  | 'auc'
  | 'averagePrecision'
  | 'logLoss'
  | 'brier'
  | 'accuracy'
  | 'balancedAccuracy'
  | 'f1'
  | 'precision'
  | 'recall'
  | 'mcc'
  | 'ece'
  | 'macroF1'
  | 'aucOvr'
  | 'rmse'
  | 'mae'
  | 'r2'
  | 'pinball'
  | 'coverage'
  | 'poissonDeviance'

export interface MetricSpec {
  readonly of: (judged: LabelledScores) => number
  /** `level`: the nearer to the level of the quantile. */
  readonly better: 'higher' | 'lower' | 'level'
  /** Between what it always lies, ends included (default: any number from 0 on). */
  readonly range?: readonly [low: number, high: number]
  /** Its unit is that of the label: only a share of another value says how much is little. */
  readonly inLabelUnits?: true
}

const share = [0, 1] as const
const decided = ({ labels, scores, threshold, weights }: LabelledScores) =>
  confusion(labels, scores, threshold, weights)

export const metrics: Readonly<Record<MetricName, MetricSpec>> = {
  auc: { range: share, better: 'higher', of: ({ labels, scores, weights }) => auc(labels, scores, weights) },
  averagePrecision: {
    range: share,
    better: 'higher',
    of: ({ labels, scores, weights }) => averagePrecision(labels, scores, weights),
  },
  logLoss: {
    better: 'lower',
    of: ({ task, labels, scores, outputs, weights }) =>
      task === 'multiclass' ? multiclassLogLoss(labels, scores, outputs, weights) : logLoss(labels, scores, weights),
  },
  brier: { range: share, better: 'lower', of: ({ labels, scores, weights }) => brier(labels, scores, weights) },
  accuracy: {
    range: share,
    better: 'higher',
    of: judged => (judged.task === 'multiclass' ? classRates(judged).accuracy : decided(judged).accuracy),
  },
  balancedAccuracy: {
    range: share,
    better: 'higher',
    of: judged =>
      judged.task === 'multiclass' ? classRates(judged).balancedAccuracy : decided(judged).balancedAccuracy,
  },
  f1: { range: share, better: 'higher', of: judged => decided(judged).f1 },
  precision: { range: share, better: 'higher', of: judged => decided(judged).precision },
  recall: { range: share, better: 'higher', of: judged => decided(judged).recall },
  mcc: {
    range: [-1, 1],
    better: 'higher',
    of: judged => (judged.task === 'multiclass' ? classRates(judged).mcc : matthews(decided(judged))),
  },
  ece: {
    range: share,
    better: 'lower',
    of: judged => {
      const { labels, scores } = judged.task === 'multiclass' ? topClass(judged) : judged
      return calibrationError(labels, scores, 15, judged.weights)
    },
  },
  macroF1: { range: share, better: 'higher', of: judged => classRates(judged).macroF1 },
  aucOvr: { range: share, better: 'higher', of: oneVersusRest },
  rmse: { better: 'lower', inLabelUnits: true, of: ({ labels, scores, weights }) => rmse(labels, scores, weights) },
  mae: { better: 'lower', inLabelUnits: true, of: ({ labels, scores, weights }) => mae(labels, scores, weights) },
  r2: {
    range: [Number.NEGATIVE_INFINITY, 1],
    better: 'higher',
    of: ({ labels, scores, weights }) => r2(labels, scores, weights),
  },
  pinball: {
    better: 'lower',
    inLabelUnits: true,
    of: ({ labels, scores, level, weights }) => pinball(labels, scores, level, weights),
  },
  coverage: { range: share, better: 'level', of: ({ labels, scores, weights }) => coverage(labels, scores, weights) },
  poissonDeviance: {
    better: 'lower',
    of: ({ labels, scores, weights }) => poissonDeviance(labels, scores, weights),
  },
}

/** The metrics of each task, the one that says most first. */
export const metricsOfTask: Readonly<Record<Task, readonly MetricName[]>> = {
  binary: [
    'auc',
    'logLoss',
    'brier',
    'accuracy',
    'ece',
    'averagePrecision',
    'f1',
    'precision',
    'recall',
    'balancedAccuracy',
    'mcc',
  ],
  multiclass: ['logLoss', 'accuracy', 'balancedAccuracy', 'macroF1', 'aucOvr', 'mcc', 'ece'],
  regression: ['rmse', 'mae', 'r2'],
  quantile: ['pinball', 'coverage'],
  count: ['poissonDeviance', 'mae', 'rmse'],
}

export const metricNames = Object.keys(metrics) as readonly MetricName[]

/** A metric of scores among which one is no number is no number either, whatever counting makes of it. */
export function measure(metric: MetricName, judged: LabelledScores): number {
  return judged.scores.some(score => Number.isNaN(score)) ? Number.NaN : metrics[metric].of(judged)
}

/** What a value is worth: the more the better, whichever way the metric runs. */
export function worth(metric: MetricName, value: number, level: number): number {
  const { better } = metrics[metric]
  return better === 'higher' ? value : better === 'lower' ? -value : -Math.abs(value - level)
}

/** All metrics of the task. */
export function measureAll(judged: LabelledScores): Record<string, number> {
  return Object.fromEntries(metricsOfTask[judged.task].map(name => [name, measure(name, judged)]))
}

/** The rows of a choice, in its order. */
export function judgedRows(judged: LabelledScores, pick: ArrayLike<number>): LabelledScores {
  const { labels, scores, outputs, weights } = judged
  const n = pick.length
  const [own, theirs] = [new Float32Array(n), new Float32Array(n * outputs)]
  const counts = weights ? new Float32Array(n) : undefined
  for (let i = 0; i < n; i++) {
    const row = pick[i] as number
    own[i] = labels[row] as number
    for (let k = 0; k < outputs; k++) theirs[i * outputs + k] = scores[row * outputs + k] as number
    if (counts && weights) counts[i] = weights[row] as number
  }
  return { ...judged, labels: own, scores: theirs, ...(counts ? { weights: counts } : {}) }
}

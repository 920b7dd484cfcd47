import type { Task } from '../../math/task.ts'
import type { CheckResult } from '../../define/report.ts'
import type { MetricName, ModelTest } from '../../define/suite.ts'
import { calibrationError } from '../../math/metrics/calibration.ts'
import { brier, confusion, logLoss } from '../../math/metrics/classification.ts'
import { pairedBootstrap } from '../../math/metrics/paired-bootstrap.ts'
import { auc } from '../../math/metrics/ranking.ts'
import { mae, r2, rmse } from '../../math/metrics/regression.ts'

/** The champion's scores of the same rows, or why they cannot be had: then it was not compared, and that is no pass. */
export type ChampionScores =
  | { readonly scores: Float32Array /** Its own (default 0.5). */; readonly threshold?: number }
  | { readonly reason: string }

type Metric = (labels: Float32Array, scores: Float32Array) => number

/** A metric of scores among which one is no number is no number either, whatever counting makes of it. */
const measured =
  (of: Metric): Metric =>
  (labels, scores) =>
    scores.some(score => Number.isNaN(score)) ? Number.NaN : of(labels, scores)

const metrics: Record<MetricName, { readonly of: Metric; readonly better: 'higher' | 'lower' }> = {
  auc: { of: measured(auc), better: 'higher' },
  logLoss: { of: logLoss, better: 'lower' },
  brier: { of: brier, better: 'lower' },
  accuracy: { of: measured((labels, scores) => confusion(labels, scores).accuracy), better: 'higher' },
  ece: { of: measured((labels, scores) => calibrationError(labels, scores)), better: 'lower' },
  rmse: { of: rmse, better: 'lower' },
  mae: { of: mae, better: 'lower' },
  r2: { of: r2, better: 'higher' },
}

/** What a metric is of: accuracy of the decisions that a model makes by its own threshold, anything else of its scores. */
function judgedBy(metric: MetricName, scores: Float32Array, threshold = 0.5): Float32Array {
  if (metric !== 'accuracy') return scores
  return scores.map(score => (Number.isNaN(score) ? Number.NaN : score >= threshold ? 1 : 0))
}

/** All metrics that fit the task; `threshold` is the model's, for accuracy. */
export function metricsOf(
  task: Task,
  labels: Float32Array,
  scores: Float32Array,
  threshold?: number,
): Record<string, number> {
  const names: readonly MetricName[] =
    task === 'binary' ? ['auc', 'logLoss', 'brier', 'accuracy', 'ece'] : ['rmse', 'mae', 'r2']
  return Object.fromEntries(names.map(name => [name, metrics[name].of(labels, judgedBy(name, scores, threshold))]))
}

const show = (value: number): string => value.toPrecision(4)

/** A floor or ceiling on the test set, and the champion on the same rows with a paired bootstrap interval. */
export function metricTest(
  test: Extract<ModelTest, { kind: 'metric' }>,
  model: string,
  labels: Float32Array,
  given: Float32Array,
  champion: ChampionScores | undefined,
  seed: number,
  threshold?: number,
): CheckResult[] {
  const { of } = metrics[test.metric]
  const scores = judgedBy(test.metric, given, threshold)
  const value = of(labels, scores)
  const common = { kind: 'metric', target: { model }, severity: test.severity, evaluated: labels.length } as const
  const checks: CheckResult[] = []
  if (test.min !== undefined || test.max !== undefined) {
    const holds = (test.min === undefined || value >= test.min) && (test.max === undefined || value <= test.max)
    const threshold = [test.min === undefined ? '' : `≥ ${test.min}`, test.max === undefined ? '' : `≤ ${test.max}`]
      .filter(Boolean)
      .join(' and ')
    checks.push({
      ...common,
      id: test.id,
      status: holds ? 'pass' : 'fail',
      observed: { [test.metric]: value },
      bad: holds ? 0 : 1,
      threshold,
      message: `${test.metric} is ${show(value)} on ${labels.length.toLocaleString('en-US')} test rows, ${threshold} is asked`,
    })
  }
  if (test.notWorseThan === 'champion')
    checks.push(
      againstChampion(test, { ...common, id: `${test.id}-vs-champion` }, value, labels, scores, champion, seed),
    )
  return checks
}

/** Metrics in the units of the label: a millionth or a million, so that only a share of the champion's value says how much is little. */
const inLabelUnits: ReadonlySet<MetricName> = new Set(['rmse', 'mae'])
const relativeTolerance = 0.005
const inUnits = (metric: MetricName): string =>
  inLabelUnits.has(metric) ? `${100 * relativeTolerance} % of its ${metric}` : '0.005'

type MetricTest = Extract<ModelTest, { kind: 'metric' }>
type Common = Pick<CheckResult, 'id' | 'kind' | 'target' | 'severity' | 'evaluated'>

/** Fails when the challenger is worse by more than the tolerance with 95 % confidence; what cannot be measured does not pass. */
function againstChampion(
  test: MetricTest,
  common: Common,
  value: number,
  labels: Float32Array,
  scores: Float32Array,
  champion: ChampionScores | undefined,
  seed: number,
): CheckResult {
  const { of, better } = metrics[test.metric]
  const unmeasured = (status: 'skipped' | 'error', message: string): CheckResult => {
    const threshold = `not worse than the champion by more than ${test.tolerance ?? inUnits(test.metric)}`
    return {
      ...common,
      status,
      observed: { [test.metric]: value },
      bad: status === 'error' ? 1 : 0,
      threshold,
      message,
    }
  }
  if (!champion) return unmeasured('skipped', 'there is no champion yet')
  if ('reason' in champion) return unmeasured('error', `not compared with the champion: ${champion.reason}`)
  const own = judgedBy(test.metric, champion.scores, champion.threshold)
  const paired = pairedBootstrap({ metric: of, labels, first: scores, second: own, seed, resamples: 200 })
  // The gain, whichever way the metric runs
  const [worst, best] = better === 'higher' ? [paired.lower, paired.upper] : [-paired.upper, -paired.lower]
  const its = of(labels, own)
  const tolerance = test.tolerance ?? (inLabelUnits.has(test.metric) ? relativeTolerance * its : 0.005)
  const threshold = `not worse than the champion by more than ${test.tolerance ?? inUnits(test.metric)}`
  const observed = {
    challenger: value,
    champion: its,
    difference: paired.difference,
    lower: paired.lower,
    upper: paired.upper,
  }
  if (!Number.isFinite(paired.difference) || !Number.isFinite(best)) {
    const message = `${test.metric} ${show(value)} and the champion's ${show(its)} on the same rows cannot be compared`
    return { ...common, status: 'error', observed, bad: 1, threshold, message }
  }
  const holds = best >= -tolerance
  return {
    ...common,
    status: holds ? 'pass' : 'fail',
    bad: holds ? 0 : 1,
    threshold,
    observed,
    message: `${test.metric} ${show(value)} against the champion's ${show(its)} on the same rows (gain ${show(worst)} to ${show(best)} at 95 %)`,
  }
}

export function calibrationTest(
  test: Extract<ModelTest, { kind: 'calibration' }>,
  model: string,
  labels: Float32Array,
  scores: Float32Array,
): CheckResult {
  const ece = calibrationError(labels, scores)
  const holds = ece <= test.maxEce
  return {
    id: test.id,
    kind: 'calibration',
    target: { model },
    severity: test.severity,
    status: holds ? 'pass' : 'fail',
    observed: { ece },
    evaluated: labels.length,
    bad: holds ? 0 : 1,
    threshold: `expected calibration error ≤ ${test.maxEce}`,
    message: `predicted and observed shares differ by ${show(ece)} on average over 15 bins`,
  }
}

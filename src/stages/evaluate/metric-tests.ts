import type { CheckResult } from '../../define/report.ts'
import type { MetricTest } from '../../define/model-test/index.ts'
import { bootstrap } from '../../math/metrics/bootstrap.ts'
import {
  judgedRows,
  measure,
  metrics,
  worth,
  type LabelledScores,
  type MetricName,
} from '../../math/metrics/catalogue.ts'

/** The champion's scores of the same rows, or why they cannot be had: then it was not compared, and that is no pass. */
export type ChampionScores =
  | { readonly scores: Float32Array /** Its own (default 0.5). */; readonly threshold?: number }
  | { readonly reason: string }
  /** The model that is tested is the champion. */
  | { readonly itself: true }

const show = (value: number): string => value.toPrecision(4)

/** A floor or ceiling on the test set, and the champion on the same rows with a paired bootstrap interval. */
export function metricTest(
  test: MetricTest,
  model: string,
  judged: LabelledScores,
  champion: ChampionScores | undefined,
  seed: number,
): CheckResult[] {
  const value = measure(test.metric, judged)
  const rows = judged.labels.length
  const common = { kind: 'metric', target: { model }, severity: test.severity, evaluated: rows } as const
  const checks: CheckResult[] = []
  if (test.min !== undefined || test.max !== undefined) {
    const holds = (test.min === undefined || value >= test.min) && (test.max === undefined || value <= test.max)
    // A value that is no number holds no bound: every comparison with it is false
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
      message: `${test.metric} is ${show(value)} on ${rows.toLocaleString('en-US')} test rows, ${threshold} is asked`,
    })
  }
  if (test.notWorseThan === 'champion')
    checks.push(againstChampion(test, { ...common, id: `${test.id}-vs-champion` }, value, judged, champion, seed))
  return checks
}

/** Of metrics in the units of the label, a millionth or a million, only a share of the champion's value says how much is little. */
const relativeTolerance = 0.005
const inUnits = (metric: MetricName): string =>
  metrics[metric].inLabelUnits ? `${100 * relativeTolerance} % of its ${metric}` : '0.005'

type Common = Pick<CheckResult, 'id' | 'kind' | 'target' | 'severity' | 'evaluated'>

/** Fails when the challenger is worse by more than the tolerance with 95 % confidence; what cannot be measured does not pass. */
function againstChampion(
  test: MetricTest,
  common: Common,
  value: number,
  judged: LabelledScores,
  champion: ChampionScores | undefined,
  seed: number,
): CheckResult {
  const { metric } = test
  const threshold = `not worse than the champion by more than ${test.tolerance ?? inUnits(metric)}`
  const unmeasured = (status: 'skipped' | 'error', message: string): CheckResult => ({
    ...common,
    status,
    observed: { [metric]: value },
    bad: status === 'error' ? 1 : 0,
    threshold,
    message,
  })
  if (!champion) return unmeasured('skipped', 'there is no champion yet')
  if ('itself' in champion) return unmeasured('skipped', 'it is the champion itself')
  if ('reason' in champion) return unmeasured('error', `not compared with the champion: ${champion.reason}`)
  if (champion.scores.length !== judged.scores.length)
    return unmeasured('error', 'not compared with the champion: it has other classes')
  const theirs: LabelledScores = { ...judged, scores: champion.scores, threshold: champion.threshold ?? 0.5 }
  const worthOf = (of: LabelledScores): number => worth(metric, measure(metric, of), judged.level)
  const gain = bootstrap({
    rows: judged.labels.length,
    measure: pick => worthOf(judgedRows(judged, pick)) - worthOf(judgedRows(theirs, pick)),
    seed,
    resamples: 200,
  })
  const its = measure(metric, theirs)
  const tolerance = test.tolerance ?? (metrics[metric].inLabelUnits ? relativeTolerance * its : 0.005)
  const observed = {
    challenger: value,
    champion: its,
    difference: value - its,
    gain: gain.value,
    lower: gain.lower,
    upper: gain.upper,
  }
  if (!Number.isFinite(gain.value) || !Number.isFinite(gain.upper)) {
    const message = `${metric} ${show(value)} and the champion's ${show(its)} on the same rows cannot be compared`
    return { ...common, status: 'error', observed, bad: 1, threshold, message }
  }
  const holds = gain.upper >= -tolerance
  return {
    ...common,
    status: holds ? 'pass' : 'fail',
    bad: holds ? 0 : 1,
    threshold,
    observed,
    message: `${metric} ${show(value)} against the champion's ${show(its)} on the same rows (gain ${show(gain.lower)} to ${show(gain.upper)} at 95 %)`,
  }
}

import type { FreshTest, OverfitTest, SimpleModelTest } from '../../define/model-test/index.ts'
import type { CheckResult } from '../../define/report.ts'
import { formatTime, spanInWords } from '../../internal/time.ts'
import { bootstrap } from '../../math/metrics/bootstrap.ts'
import { judgedRows, measure, type LabelledScores } from '../../math/metrics/catalogue.ts'
import type { SuiteContext } from './context.ts'
import { deviation } from './deviation.ts'
import { lossName, mean, rowLosses } from '../../math/metrics/row-loss.ts'
import { scoredByInput, summary } from './single-input.ts'
import type { FrameRows } from './subject.ts'

const withoutTraining = 'not judged: the training rows are not there'

type Base = Pick<CheckResult, 'id' | 'kind' | 'target' | 'severity' | 'threshold'>

const unjudged = (base: Base, message: string): CheckResult => ({
  ...base,
  status: 'warn',
  observed: {},
  evaluated: 0,
  bad: 0,
  message,
})

const show = (value: number): string => value.toPrecision(4)
const z95 = 1.959963984540054

/** Against the base rate and every model of one input, all made of the training rows, on the same test rows. */
export async function simpleModelTest(test: SimpleModelTest, context: SuiteContext): Promise<CheckResult> {
  const { name, judged, train, subject, frame } = context
  const loss = lossName[judged.task]
  const base: Base = {
    id: test.id,
    kind: 'simpleModel',
    target: { model: name },
    severity: test.severity,
    threshold: `${loss} ${test.by === 0 ? 'below' : `at least ${100 * test.by} % below`} that of the best simple model`,
  }
  if (!train) return unjudged(base, withoutTraining)
  const trained = await train.judged()
  const constant = summary(trained.labels, judged.task, judged.outputs, judged.level)
  const simple: [string, Float32Array][] = [
    ['the base rate', judged.scores.map((_, i) => constant[i % judged.outputs] as number)],
    ...subject.inputs.map((input, i): [string, Float32Array] => [
      `${input.name} alone`,
      scoredByInput(
        trained,
        train.frame.inputs[i] as FrameRows['inputs'][number],
        frame.inputs[i] as FrameRows['inputs'][number],
        frame.rows,
      ),
    ]),
  ]
  const losses = simple.map(([words, scores]) => ({ words, losses: rowLosses({ ...judged, scores }) }))
  const best = losses.reduce((a, b) => (mean(b.losses) < mean(a.losses) ? b : a))
  const own = rowLosses(judged)
  const gains = own.map((value, i) => (1 - test.by) * (best.losses[i] as number) - value)
  const gain = mean(gains)
  const half = (z95 * deviation(gains)) / Math.sqrt(gains.length)
  // No number is no gain
  const status = !(gain + half > 0) ? 'fail' : gain - half > 0 ? 'pass' : 'warn'
  return {
    ...base,
    status,
    observed: { loss: mean(own), simple: mean(best.losses), gain, lower: gain - half, upper: gain + half },
    evaluated: gains.length,
    bad: status === 'fail' ? 1 : 0,
    message: `${loss} ${show(mean(own))} against ${show(mean(best.losses))} of ${best.words} (gain ${show(gain - half)} to ${show(gain + half)} at 95 %)`,
  }
}

/** Most rows of each side that quality is measured on, evenly spaced. */
const maxRows = 5_000

/** Quality from 0 to 1: the area under the ROC curve, of numbers the share of the base rate's loss that is explained. */
function quality(judged: LabelledScores): number {
  if (judged.task === 'binary') return measure('auc', judged)
  if (judged.task === 'multiclass') return measure('accuracy', judged)
  const base = summary(judged.labels, judged.task, judged.outputs, judged.level)
  return (
    1 - mean(rowLosses(judged)) / mean(rowLosses({ ...judged, scores: judged.scores.map(() => base[0] as number) }))
  )
}

export async function overfitTest(
  test: OverfitTest,
  { name, judged, train, seed }: SuiteContext,
): Promise<CheckResult> {
  const base: Base = {
    id: test.id,
    kind: 'overfit',
    target: { model: name },
    severity: test.severity,
    threshold: `at most ${test.maxGap} better on the training rows`,
  }
  if (!train) return unjudged(base, withoutTraining)
  const few = (of: LabelledScores): LabelledScores => {
    const rows = of.labels.length
    if (rows <= maxRows) return of
    return judgedRows(
      of,
      Int32Array.from({ length: maxRows }, (_, i) => Math.floor((i * rows) / maxRows)),
    )
  }
  const intervalOf = (of: LabelledScores) =>
    bootstrap({ rows: of.labels.length, measure: pick => quality(judgedRows(of, pick)), seed, resamples: 100 })
  const [seen, unseen] = [intervalOf(few(await train.judged())), intervalOf(few(judged))]
  const gap = seen.value - unseen.value
  const half = Math.hypot(seen.upper - seen.lower, unseen.upper - unseen.lower) / 2
  const status = gap - half > test.maxGap || Number.isNaN(gap) ? 'fail' : gap > test.maxGap ? 'warn' : 'pass'
  return {
    ...base,
    status,
    observed: { train: seen.value, test: unseen.value, gap, lower: gap - half, upper: gap + half },
    evaluated: judged.labels.length,
    bad: status === 'fail' ? 1 : 0,
    message: `quality is ${show(seen.value)} on the training rows and ${show(unseen.value)} on the test rows: ${show(gap)} apart (${show(gap - half)} to ${show(gap + half)} at 95 %)`,
  }
}

export function freshTest(test: FreshTest, { name, frame, train, clock }: SuiteContext): CheckResult {
  const base: Base = {
    id: test.id,
    kind: 'fresh',
    target: { model: name },
    severity: test.severity,
    threshold: `the newest row is at most ${spanInWords(test.maxAge)} old`,
  }
  let newest = -Infinity
  for (const times of [frame.at, train?.frame.at]) for (const time of times ?? []) newest = Math.max(newest, time)
  if (newest === -Infinity)
    return { ...unjudged(base, 'the rows have no time'), status: 'error', error: 'the rows have no time' }
  const age = clock.now() - newest
  const holds = age <= test.maxAge
  return {
    ...base,
    status: holds ? 'pass' : 'fail',
    observed: { newest, age },
    evaluated: frame.rows,
    bad: holds ? 0 : 1,
    message: `the newest row is of ${formatTime(newest)}, ${(age / 86_400_000_000).toFixed(1)} days ago`,
  }
}

import type { Model } from '../../define/model.ts'
import { overallStatus, type CheckResult, type Report } from '../../define/report.ts'
import { ulid } from '../../internal/ids.ts'
import { scoreDistance, scoreScale } from '../../math/metrics/score-distance.ts'
import type { Clock } from '../../ports/clock.ts'
import type { FrameRows } from '../../ports/trainer.ts'
import { calibrationTest, type ChampionScores, metricsOf, metricTest } from './metric-tests.ts'
import { propertyTest } from './property-tests.ts'
import { latencyTest } from './latency-test.ts'
import { sizeTest, slicesTest } from './service-tests.ts'
import { scoreRows, type Subject } from './subject.ts'

export interface SuiteInput {
  readonly model: Model
  /** `lateness@3`, or the model's name before it has a version. */
  readonly name: string
  readonly subject: Subject
  readonly bytes: number
  readonly frame: FrameRows
  /** What the champion scores the same rows; absent where there is none yet. */
  readonly champion?: ChampionScores
  readonly seed: number
  readonly clock: Clock
  /** Checks made elsewhere that belong to the verdict: export parity, scaler. */
  readonly further?: readonly CheckResult[]
}

/** Runs a model's declared tests, and those every model must pass: finite scores in range, determinism, batch independence. */
export async function runSuite(
  input: SuiteInput,
): Promise<{ readonly report: Report; readonly metrics: Readonly<Record<string, number>> }> {
  const { model, name, subject, frame, clock } = input
  const scores = await scoreRows(subject, frame.inputs, frame.rows)
  const checks: CheckResult[] = [
    ...(input.further ?? []),
    bounds(name, model.task, scores),
    await steady(name, model.task, subject, frame, scores),
  ]
  for (const test of model.tests) {
    const started = clock.elapsed()
    const made = await one(test)
    checks.push(...made.map(check => ({ ...check, durationMs: Math.round(clock.elapsed() - started) })))
  }
  return {
    metrics: metricsOf(model.task, frame.labels, scores, model.threshold),
    report: {
      id: ulid(),
      kind: 'model',
      subject: name,
      at: clock.now(),
      status: overallStatus(checks),
      checks,
      evidence: { rows: frame.rows },
    },
  }

  async function one(test: Model['tests'][number]): Promise<CheckResult[]> {
    switch (test.kind) {
      case 'metric':
        return metricTest(test, name, frame.labels, scores, input.champion, input.seed, model.threshold)
      case 'calibration':
        return [calibrationTest(test, name, frame.labels, scores)]
      case 'slices':
        return [slicesTest(test, name, model.task, subject, frame, scores)]
      case 'latency':
        return [await latencyTest(test, name, subject, frame, clock)]
      case 'size':
        return [sizeTest(test, name, input.bytes)]
      case 'golden':
        return []
      default:
        return [await propertyTest(test, name, subject, frame, input.seed)]
    }
  }
}

function bounds(name: string, task: Model['task'], scores: Float32Array): CheckResult {
  const bad = scores.filter(score => !Number.isFinite(score) || (task === 'binary' && (score < 0 || score > 1))).length
  return {
    id: 'bounds',
    kind: 'bounds',
    target: { model: name },
    severity: 'critical',
    status: bad === 0 ? 'pass' : 'fail',
    observed: { bad },
    evaluated: scores.length,
    bad,
    threshold: task === 'binary' ? 'finite and between 0 and 1' : 'finite',
    message: bad === 0 ? 'all scores are in range' : `${bad} scores are not finite or out of range`,
  }
}

/** Equal answers again, alone and in company. */
async function steady(
  name: string,
  task: Model['task'],
  subject: Subject,
  frame: FrameRows,
  scores: Float32Array,
): Promise<CheckResult> {
  const rows = Math.min(64, frame.rows)
  const scale = scoreScale(task, scores)
  const head = frame.inputs.map(column =>
    column instanceof Float32Array ? column.subarray(0, rows) : column.slice(0, rows),
  )
  const again = await scoreRows(subject, head, rows)
  let bad = 0
  for (let i = 0; i < rows; i++) {
    const alone = await scoreRows(
      subject,
      head.map(column => (column instanceof Float32Array ? column.subarray(i, i + 1) : [column[i] as string])),
      1,
    )
    const score = scores[i] as number
    const off = (other: number): number => scoreDistance(other, score, scale)
    if (!(off(again[i] as number) <= 1e-6 && off(alone[0] as number) <= 1e-5)) bad++
  }
  return {
    id: 'steady',
    kind: 'batchConsistent',
    target: { model: name },
    severity: 'critical',
    status: bad === 0 ? 'pass' : 'fail',
    observed: { bad },
    evaluated: rows,
    bad,
    threshold: 'the same score alone, in a batch, and again',
    message:
      bad === 0
        ? `${rows} rows score the same alone and in a batch`
        : `${bad} of ${rows} rows score differently alone and in a batch`,
  }
}

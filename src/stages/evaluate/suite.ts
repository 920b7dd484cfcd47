import type { Model } from '../../define/model.ts'
import { overallStatus, type CheckResult, type Report } from '../../define/report.ts'
import { ulid } from '../../internal/ids.ts'
import type { Clock } from '../../ports/clock.ts'
import type { FrameRows } from '../../ports/trainer.ts'
import { measureAll, type LabelledScores } from '../../math/metrics/catalogue.ts'
import { calibrationTest } from './calibration-test.ts'
import { type ChampionScores, metricTest } from './metric-tests.ts'
import type { Counterexample } from './counterexamples.ts'
import { withoutValuesOf } from './personal.ts'
import { propertyTest } from './properties/index.ts'
import { latencyTest } from './latency-test.ts'
import { sizeTest } from './service-tests.ts'
import { slicesTest } from './slices/index.ts'
import { figuresOf, type KnownFigures, type ModelFigures } from './figures/index.ts'
import { freshTest, overfitTest, simpleModelTest } from './comparisons.ts'
import { memoryTest } from './memory-test.ts'
import { fairnessTest } from './fairness-test.ts'
import { leakTest } from './leak/index.ts'
import type { SuiteContext } from './context.ts'
import { defaultLeakTest, type ModelTest } from '../../define/model-test/index.ts'
import { steady } from './steady.ts'
import { scoreRows, type Subject } from './subject.ts'

export interface SuiteInput {
  readonly model: Model
  /** `lateness@3`, or the model's name before it has a version. */
  readonly name: string
  readonly subject: Subject
  readonly bytes: number
  /** The file itself, where thresholds are to be read from its graph. */
  readonly onnx?: Uint8Array
  /** The test rows. */
  readonly frame: FrameRows
  /** Training rows, or evenly spaced ones of them; absent where they are gone. */
  readonly train?: FrameRows
  /** Names of the classes of `multiclass`. */
  readonly classes?: readonly string[]
  /** The share that the scores of `quantile` are to stay above (default 0.5). */
  readonly level?: number
  /** What the champion scores the same rows; absent where there is none yet. */
  readonly champion?: ChampionScores
  /** What broke properties before: it is tried first. */
  readonly kept?: readonly Counterexample[]
  /** Inputs of which the report shows no value: see `personalInputs`. */
  readonly personal?: readonly string[]
  readonly seed: number
  readonly clock: Clock
  /** Measures what the model is drawn by, too. */
  readonly figures?: KnownFigures
  /** Checks made elsewhere that belong to the verdict: export parity, scaler. */
  readonly further?: readonly CheckResult[]
}

export interface SuiteResult {
  readonly report: Report
  readonly metrics: Readonly<Record<string, number>>
  /** Of the test rows, rows × outputs. */
  readonly scores: Float32Array
  /** Rows that broke a property, one a property: to be kept. */
  readonly counterexamples: readonly Counterexample[]
  /** What it is drawn by; where `figures` asked for them. */
  readonly figures?: ModelFigures
}

/** Runs a model's declared tests, and those every model must pass: finite scores in range, determinism, batch independence, no leak. */
export async function runSuite(input: SuiteInput): Promise<SuiteResult> {
  const { model, name, frame, clock } = input
  const context = await contextOf(input)
  const checks: CheckResult[] = [
    ...(input.further ?? []),
    bounds(name, context.judged),
    await steady(name, context.judged, input.subject, frame, input),
  ]
  const tests = model.tests.some(test => test.kind === 'leak') ? model.tests : [...model.tests, defaultLeakTest]
  const counterexamples: Counterexample[] = []
  for (const test of tests) {
    const started = clock.elapsed()
    const { checks: made, found = [] } = await judge(test, context)
    counterexamples.push(...found)
    checks.push(...made.map(check => ({ ...check, durationMs: Math.round(clock.elapsed() - started) })))
  }
  const { figures } = input
  return {
    ...(figures ? { figures: await figuresOf(context, checks, figures) } : {}),
    counterexamples,
    scores: context.judged.scores,
    metrics: Object.fromEntries(
      Object.entries(measureAll(context.judged)).filter(([, value]) => Number.isFinite(value)),
    ),
    report: {
      id: ulid(),
      kind: 'model',
      subject: name,
      at: clock.now(),
      status: overallStatus(checks),
      checks: storable(withoutValuesOf(input.personal ?? [], checks)),
      evidence: { rows: frame.rows, seed: input.seed },
    },
  }
}

/** A figure that is no number has no JSON form: it is told as none. */
const storable = (checks: readonly CheckResult[]): CheckResult[] => JSON.parse(JSON.stringify(checks)) as CheckResult[]

async function contextOf(input: SuiteInput): Promise<SuiteContext> {
  const { model, name, subject, frame, train, champion, onnx, bytes, seed, clock } = input
  const judged = judgedOf(input, frame, await scoreRows(subject, frame.inputs, frame.rows))
  let trained: Promise<LabelledScores> | undefined
  return {
    name,
    subject,
    frame,
    judged,
    train: train && {
      frame: train,
      judged: () =>
        (trained ??= scoreRows(subject, train.inputs, train.rows).then(scores => judgedOf(input, train, scores))),
    },
    classes: input.classes ?? [],
    champion,
    label: model.label,
    nodes: subject.inputs.map(one => model.inputs?.find(declared => declared.name === one.name)?.node),
    onnx,
    bytes,
    kept: input.kept ?? [],
    seed,
    clock,
  }
}

interface Judgement {
  readonly checks: readonly CheckResult[]
  readonly found?: readonly Counterexample[]
}

async function judge(test: ModelTest, context: SuiteContext): Promise<Judgement> {
  const { name, judged, subject, frame, seed } = context
  switch (test.kind) {
    case 'metric':
      return { checks: metricTest(test, name, judged, context.champion, seed) }
    case 'leak':
      return { checks: await leakTest(test, context) }
    case 'calibration':
      return { checks: [calibrationTest(test, context)] }
    case 'slices':
      return { checks: [slicesTest(test, context)] }
    case 'fairness':
      return { checks: [fairnessTest(test, context)] }
    case 'simpleModel':
      return { checks: [await simpleModelTest(test, context)] }
    case 'overfit':
      return { checks: [await overfitTest(test, context)] }
    case 'fresh':
      return { checks: [freshTest(test, context)] }
    case 'memory':
      return { checks: [await memoryTest(test, context)] }
    case 'latency':
      return { checks: [await latencyTest(test, name, subject, frame, context.clock)] }
    case 'size':
      return { checks: [sizeTest(test, name, context.bytes)] }
    default: {
      const { check, found } = await propertyTest(test, context)
      return { checks: [check], found }
    }
  }
}

/** Scores of a frame beside its truths, as metrics take them. */
export function judgedOf(
  { model, classes, level }: Pick<SuiteInput, 'model' | 'classes' | 'level'>,
  frame: FrameRows,
  scores: Float32Array,
): LabelledScores {
  return {
    task: model.task,
    labels: frame.labels,
    scores,
    outputs: model.task === 'multiclass' ? (classes?.length ?? scores.length / Math.max(1, frame.rows)) : 1,
    ...(frame.weights ? { weights: frame.weights } : {}),
    threshold: model.threshold ?? 0.5,
    level: level ?? 0.5,
  }
}

/** What a score may be by the task, in words and by a row that is not. */
function bounds(name: string, { task, scores, outputs }: LabelledScores): CheckResult {
  const allowed =
    task === 'binary'
      ? 'finite and between 0 and 1'
      : task === 'multiclass'
        ? 'between 0 and 1, and 1 together'
        : task === 'count'
          ? 'finite and not negative'
          : 'finite'
  const within = (score: number): boolean =>
    Number.isFinite(score) &&
    (task === 'regression' || task === 'quantile' || (score >= 0 && (task === 'count' || score <= 1)))
  let bad = 0
  for (let row = 0; row < scores.length / outputs; row++) {
    const own = scores.subarray(row * outputs, (row + 1) * outputs)
    const sum = own.reduce((a, b) => a + b, 0)
    if (!own.every(within) || (task === 'multiclass' && Math.abs(sum - 1) > 1e-5)) bad++
  }
  return {
    id: 'bounds',
    kind: 'bounds',
    target: { model: name },
    severity: 'critical',
    status: bad === 0 ? 'pass' : 'fail',
    observed: { bad },
    evaluated: scores.length / outputs,
    bad,
    threshold: allowed,
    message: bad === 0 ? 'all scores are in range' : `${bad} scores are not finite or out of range`,
  }
}

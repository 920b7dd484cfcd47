import type { CheckResult } from '../../../define/report.ts'
import type { LabelledScores } from '../../../math/metrics/catalogue.ts'
import { confusionMatrix, likeliest, ofClass } from '../../../math/metrics/multiclass.ts'
import type { SuiteContext } from '../context.ts'
import { slicesFor } from '../slices/index.ts'
import { judgeSlices } from '../slices/judge.ts'
import { curvesOf, histogramOf } from './curves.ts'
import type { LearningCurveFigure } from './learning-curve.ts'
import { dependenceOf, lossWithout, ranked, sharesOf } from './inputs.ts'
import type { ClassCurves, ConfusedPair, ModelFigures, SliceFigure, Whose } from './shape.ts'

export type { ModelFigures } from './shape.ts'

const maxClasses = 12
const maxSlices = 16
const maxConfused = 20
const maxTruths = 400

/** What is known of a model besides its scores. */
export interface KnownFigures {
  /** The trainer's, in the order of the inputs. */
  readonly importance?: readonly number[]
  /** The champion's name. */
  readonly champion?: string
  readonly learningCurve?: LearningCurveFigure
}

/** What a tested model is drawn by, measured once where it is tested. */
export async function figuresOf(
  context: SuiteContext,
  checks: readonly CheckResult[],
  { importance, champion: championName, learningCurve }: KnownFigures,
): Promise<ModelFigures> {
  const { judged, champion, classes, frame, subject } = context
  const theirs = champion && 'scores' in champion ? champion : undefined
  const both: { of: Whose; judged: LabelledScores }[] = [
    { of: 'model', judged },
    ...(theirs && theirs.scores.length === judged.scores.length
      ? [{ of: 'champion' as const, judged: { ...judged, scores: theirs.scores } }]
      : []),
  ]
  const told = importance !== undefined && importance.some(one => one > 0)
  const names = subject.inputs.map(input => input.name)
  const { rises, dealt } = await lossWithout(context, told ? importance : undefined)
  const shares = ranked(names, told ? importance : sharesOf(rises))
  const matter = shares.filter(one => one.share > 0).map(one => one.input)
  return {
    kind: 'model figures',
    schema: 1,
    task: judged.task,
    rows: frame.rows,
    champion: both.length > 1 ? (championName ?? 'the champion') : null,
    classes: classCurves(both, classes),
    scores: scoresByTruth(judged),
    confusion: confusionOf(judged, classes),
    ...(judged.task === 'multiclass' && judged.outputs > maxClasses ? { confused: confusedOf(judged, classes) } : {}),
    ...ofNumbers(both),
    importance: shares,
    importanceIs: told ? 'of the trainer' : 'by permutation',
    lossWithout: ranked(names, rises).map(({ input, share }) => ({ input, rise: share })),
    ...(dealt < names.length ? { dealtOut: { inputs: dealt, of: names.length } } : {}),
    dependence: await dependenceOf(context, matter),
    ...(learningCurve ? { learningCurve } : {}),
    slices: slicesIn(checks, context),
  }
}

function classCurves(
  both: readonly { of: Whose; judged: LabelledScores }[],
  classes: readonly string[],
): ClassCurves[] {
  const [{ judged } = { judged: undefined }] = both
  if (judged?.task === 'binary')
    return [
      curvesOf(
        '',
        both.map(({ of, judged: { labels, scores } }) => ({ of, labels, scores })),
      ),
    ]
  if (judged?.task !== 'multiclass') return []
  return Array.from({ length: Math.min(maxClasses, judged.outputs) }, (_, k) =>
    curvesOf(
      classes[k] ?? String(k),
      both.map(({ of, judged: own }) => ({ of, ...ofClass(own, k) })),
    ),
  )
}

function scoresByTruth({ task, labels, scores, outputs }: LabelledScores): ModelFigures['scores'] {
  const where = (values: ArrayLike<number>, holds: (row: number) => boolean): Float32Array =>
    Float32Array.from(Array.from(labels.keys()).filter(holds), row => values[row] as number)
  if (task === 'binary')
    return histogramOf(
      [
        { name: 'false', values: where(scores, row => (labels[row] as number) <= 0.5) },
        { name: 'true', values: where(scores, row => (labels[row] as number) > 0.5) },
      ],
      [0, 1],
    )
  if (task !== 'multiclass') return null
  const top = Int32Array.from(labels, (_, row) => likeliest(scores, outputs, row))
  const sure = Float32Array.from(top, (k, row) => scores[row * outputs + k] as number)
  return histogramOf(
    [
      { name: 'wrong', values: where(sure, row => top[row] !== labels[row]) },
      { name: 'right', values: where(sure, row => top[row] === labels[row]) },
    ],
    [0, 1],
  )
}

function confusionOf(judged: LabelledScores, classes: readonly string[]): ModelFigures['confusion'] {
  const { task, labels, scores, outputs, threshold } = judged
  if (task === 'binary') {
    const counts = [
      [0, 0],
      [0, 0],
    ]
    labels.forEach((label, row) => {
      const line = counts[label > 0.5 ? 1 : 0] as number[]
      const called = (scores[row] as number) >= threshold ? 1 : 0
      line[called] = (line[called] as number) + 1
    })
    return { classes: ['false', 'true'], counts }
  }
  if (task !== 'multiclass' || outputs > maxClasses) return null
  const { weights: _, ...plain } = judged
  const flat = confusionMatrix(plain)
  return {
    classes: Array.from({ length: outputs }, (_unused, k) => classes[k] ?? String(k)),
    counts: Array.from({ length: outputs }, (_unused, k) => [...flat.subarray(k * outputs, (k + 1) * outputs)]),
  }
}

/** The pairs of classes with the most rows that are of the first and were called the second. */
function confusedOf({ labels, scores, outputs }: LabelledScores, classes: readonly string[]): ConfusedPair[] {
  const of = new Uint32Array(outputs)
  const wrong = new Map<number, number>()
  labels.forEach((truth, row) => {
    of[truth] = (of[truth] as number) + 1
    const called = likeliest(scores, outputs, row)
    const pair = truth * outputs + called
    if (called !== truth) wrong.set(pair, (wrong.get(pair) ?? 0) + 1)
  })
  const named = (k: number): string => classes[k] ?? String(k)
  return [...wrong]
    .sort(([a, rows], [b, others]) => others - rows || a - b)
    .slice(0, maxConfused)
    .map(([pair, rows]) => {
      const truth = Math.floor(pair / outputs)
      return { truth: named(truth), called: named(pair % outputs), rows, of: of[truth] as number }
    })
}

function ofNumbers(both: readonly { of: Whose; judged: LabelledScores }[]): Pick<ModelFigures, 'residuals' | 'truths'> {
  const [first] = both
  if (!first || first.judged.task === 'binary' || first.judged.task === 'multiclass')
    return { residuals: null, truths: [] }
  const { labels, scores } = first.judged
  const step = Math.max(1, labels.length / maxTruths)
  return {
    residuals: histogramOf(
      both.map(({ of, judged }) => ({
        name: of,
        values: judged.labels.map((label, i) => (judged.scores[i] as number) - label),
      })),
    ),
    truths: Array.from({ length: Math.min(maxTruths, labels.length) }, (_, i): readonly [number, number] => {
      const row = Math.floor(i * step)
      return [Number((labels[row] as number).toPrecision(5)), Number((scores[row] as number).toPrecision(5))]
    }).filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y)),
  }
}

/** The slices of a declared test where there is one; else those of the inputs, alone. */
function slicesIn(checks: readonly CheckResult[], context: SuiteContext): SliceFigure[] {
  const declared = checks.find(check => check.kind === 'slices')?.sample
  const found =
    declared && declared.length > 0
      ? declared
      : judgeSlices(context.judged, slicesFor({}, context), { minRows: 100, tolerance: 0.05, pairs: false })
  return found
    .map(one => ({
      slice: String(one.slice),
      rows: Number(one.rows),
      lost: Number(one.lost),
      lower: Number(one.lower),
      upper: Number(one.upper),
      weak: one.verdict === 'weak' || one.verdict === 'keeps too little',
    }))
    .filter(one => Number.isFinite(one.lost))
    .sort((a, b) => Number(b.weak) - Number(a.weak) || b.lost - a.lost)
    .slice(0, maxSlices)
}

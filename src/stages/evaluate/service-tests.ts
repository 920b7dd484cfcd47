import type { Task } from '../../math/task.ts'
import type { CheckResult } from '../../define/report.ts'
import type { ModelTest } from '../../define/model-test/index.ts'
import { auc } from '../../math/metrics/ranking.ts'
import { rmse } from '../../math/metrics/regression.ts'
import { scoreDistance, scoreScale } from '../../math/metrics/score-distance.ts'
import type { FrameRows } from '../../ports/trainer.ts'
import type { GoldenRows } from './golden.ts'
import type { Subject } from './subject.ts'

export function sizeTest(test: Extract<ModelTest, { kind: 'size' }>, model: string, bytes: number): CheckResult {
  const holds = bytes <= test.maxBytes
  return {
    id: test.id,
    kind: 'size',
    target: { model },
    severity: test.severity,
    status: holds ? 'pass' : 'fail',
    observed: { bytes },
    evaluated: 1,
    bad: holds ? 0 : 1,
    threshold: `at most ${test.maxBytes.toLocaleString('en-US')} bytes`,
    message: `the model file has ${bytes.toLocaleString('en-US')} bytes`,
  }
}

const fewest = 200

/** The model's quality on every declared slice, or on quartiles of each input when none is declared; the weakest speaks. */
export function slicesTest(
  test: Extract<ModelTest, { kind: 'slices' }>,
  model: string,
  task: Task,
  subject: Subject,
  frame: FrameRows,
  scores: Float32Array,
): CheckResult {
  const quality = (rows: readonly number[]): number => {
    const labels = Float32Array.from(rows, row => frame.labels[row] as number)
    const own = Float32Array.from(rows, row => scores[row] as number)
    // Above chance, so that 80 % of an AUC of 0.7 is not below a coin's
    return task === 'binary' ? auc(labels, own) - 0.5 : 1 / (rmse(labels, own) + 1e-12)
  }
  const slices: { readonly name: string; readonly rows: readonly number[] }[] = []
  const all = Array.from({ length: frame.rows }, (_, i) => i)
  if (test.of)
    for (const { name } of test.of) slices.push({ name, rows: all.filter(row => frame.slices.get(name)?.[row] === 1) })
  else
    subject.inputs.forEach((input, i) => {
      const column = frame.inputs[i]
      if (!(column instanceof Float32Array)) return
      const sorted = column.filter(value => Number.isFinite(value)).sort()
      const edges = [0, 0.25, 0.5, 0.75, 1].map(q => sorted[Math.floor(q * (sorted.length - 1))] as number)
      for (let q = 0; q < 4; q++) {
        const [low, high] = [edges[q] as number, edges[q + 1] as number]
        if (low === high && q > 0) continue
        slices.push({
          name: `${input.name} ${low.toPrecision(3)} to ${high.toPrecision(3)}`,
          rows: all.filter(
            row =>
              (column[row] as number) >= low &&
              (q === 3 ? (column[row] as number) <= high : (column[row] as number) < high),
          ),
        })
      }
    })
  const overall = quality(all)
  const judged = slices
    .filter(slice => slice.rows.length >= fewest)
    .map(slice => ({ slice: slice.name, rows: slice.rows.length, share: quality(slice.rows) / overall }))
    .filter(slice => Number.isFinite(slice.share))
    .sort((a, b) => a.share - b.share)
  // Of nothing there is no share: where the whole is no better than chance every slice is weak
  const weak = judged.filter(slice => !(overall > 0) || slice.share < test.minShareOfOverall)
  const [weakest] = judged
  return {
    id: test.id,
    kind: 'slices',
    target: { model, ...(weakest ? { slice: weakest.slice } : {}) },
    severity: test.severity,
    status: !weakest ? 'skipped' : weak.length === 0 ? 'pass' : 'fail',
    observed: { weakest: weakest?.share ?? null, slices: judged.length },
    evaluated: judged.length,
    bad: weak.length,
    threshold: `every slice of ${fewest} rows or more keeps ${test.minShareOfOverall * 100} % of the overall quality ${task === 'binary' ? '(AUC above 0.5)' : '(1 / RMSE)'}`,
    message: !weakest
      ? 'no slice has enough rows'
      : !(overall > 0)
        ? 'the model as a whole is no better than chance'
        : `the weakest slice is ${weakest.slice} (${weakest.rows} rows) with ${(100 * weakest.share).toFixed(0)} % of the overall quality`,
    sample: judged.slice(0, 20),
  }
}

/** Of a score, or of what is usual among them where it is smaller. */
const goldenThreshold = 'scores within 1e-5'

/** Golden rows must be answered as they were when the model was made. */
export async function goldenTest(
  model: string,
  task: Task,
  subject: Subject,
  golden: Pick<GoldenRows, 'features' | 'categories' | 'scores'>,
): Promise<CheckResult> {
  const rows = golden.scores.length / subject.loaded.outputs
  const { scores } = await subject.loaded.run({
    rows,
    features: Float32Array.from(golden.features, value => value ?? Number.NaN),
    ...(golden.categories.length > 0 ? { categories: golden.categories } : {}),
  })
  const scale = scoreScale(task, Float32Array.from(golden.scores))
  const worst = golden.scores.reduce(
    (most, wanted, i) => Math.max(most, scoreDistance(scores[i] as number, wanted, scale)),
    0,
  )
  const holds = worst <= 1e-5
  if (rows === 0)
    return {
      id: 'golden',
      kind: 'golden',
      target: { model },
      severity: 'critical',
      status: 'error',
      observed: {},
      evaluated: 0,
      bad: 0,
      threshold: goldenThreshold,
      message: 'the version has no golden rows, so nothing shows that it answers as it did',
    }
  return {
    id: 'golden',
    kind: 'golden',
    target: { model },
    severity: 'critical',
    status: holds ? 'pass' : 'fail',
    observed: { worst },
    evaluated: rows,
    bad: holds ? 0 : 1,
    threshold: goldenThreshold,
    message: holds
      ? `${rows} golden rows are answered within ${worst.toExponential(1)}`
      : `one of ${rows} golden rows is answered by a score that is ${worst.toExponential(1)} off, more than the 1e-5 that are allowed`,
  }
}

import type { Task } from '../../math/task.ts'
import type { CheckResult } from '../../define/report.ts'
import type { ModelTest } from '../../define/model-test/index.ts'
import { scoreDistance, scoreScale } from '../../math/metrics/score-distance.ts'
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

import { expect, it } from 'vitest'
import { runSuite } from './suite.ts'
import type { Subject } from './subject.ts'
import type { Model } from '../../define/model.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import type { InferenceBatch } from '../../ports/inference-runtime.ts'
import type { FrameRows } from '../../ports/trainer.ts'

const rows = 300
const column = Float32Array.from({ length: rows }, (_, i) => i / rows)
const frame = {
  rows,
  inputs: [column],
  labels: Float32Array.from(column, (_, i) => i % 2),
} as unknown as FrameRows

/** A model that scores its input, but for one value. */
function subjectOf(odd: number): Subject {
  return {
    inputs: [{ name: 'x', kind: 'number' }],
    loaded: {
      run: async ({ features }: InferenceBatch) => ({
        scores: features.map(value => (value === column[250] ? odd : value)),
      }),
    } as unknown as Subject['loaded'],
  }
}

const model = {
  task: 'binary',
  tests: [
    { kind: 'metric', id: 'auc', severity: 'critical', metric: 'auc', min: 0, notWorseThan: 'champion' },
    { kind: 'metric', id: 'accuracy', severity: 'critical', metric: 'accuracy', min: 0, notWorseThan: 'champion' },
    { kind: 'metric', id: 'logLoss', severity: 'critical', metric: 'logLoss', max: 20, notWorseThan: 'champion' },
  ],
} as unknown as Model

const statuses = async (odd: number): Promise<Record<string, string>> => {
  const { report } = await runSuite({
    model,
    name: 'm',
    subject: subjectOf(odd),
    bytes: 1,
    frame,
    champion: { scores: column.map((value, i) => (i === 250 ? 0.5 : value)) },
    seed: 1,
    clock: manualClock(),
  })
  return Object.fromEntries(report.checks.map(check => [check.id, check.status]))
}

it('one score that is no number fails the bounds and whatever is measured with it, and the suite ends', async () => {
  expect(Object.values(await statuses(0.5)).filter(status => status !== 'pass')).toEqual([])
  expect(await statuses(Number.NaN)).toMatchObject({
    bounds: 'fail',
    auc: 'fail',
    'auc-vs-champion': 'error',
    accuracy: 'fail',
    'accuracy-vs-champion': 'error',
    logLoss: 'fail',
    'logLoss-vs-champion': 'error',
  })
  expect(await statuses(Number.POSITIVE_INFINITY)).toMatchObject({ bounds: 'fail' })
})

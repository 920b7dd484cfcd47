import { expect, it } from 'vitest'
import type { Model } from '../../define/model.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import type { InferenceBatch } from '../../ports/inference-runtime.ts'
import type { FrameRows } from '../train/read-frame.ts'
import { runSuite } from './suite.ts'

const rows = 100
const frame: FrameRows = {
  rows,
  at: new Float64Array(rows),
  labels: Float32Array.from({ length: rows }, (_, i) => i % 2),
  inputs: [Float32Array.from({ length: rows }, (_, i) => i / rows)],
  slices: new Map(),
}

/** What every model must pass, of one that answers so. */
async function checks(answer: (x: number, batch: InferenceBatch) => number, task: 'binary' | 'regression' = 'binary') {
  const run = async (batch: InferenceBatch) => ({
    scores: Float32Array.from({ length: batch.rows }, (_, i) => answer(batch.features[i] as number, batch)),
  })
  const { report } = await runSuite({
    model: { task, tests: [] } as unknown as Model,
    name: 'm',
    subject: { inputs: [{ name: 'x', kind: 'number' }], loaded: { run } as never },
    bytes: 1,
    frame,
    seed: 1,
    clock: manualClock(),
  })
  return Object.fromEntries(report.checks.map(check => [check.kind, `${check.status} ${check.severity} ${check.bad}`]))
}

it('scores out of range fail, at their ends they hold', async () => {
  const within = { bounds: 'pass critical 0', batchConsistent: 'pass critical 0' }
  expect(await checks(x => (x < 0.5 ? 0 : 1))).toEqual(within)
  expect(await checks(x => (x === 0 ? -1e-6 : 0.5))).toMatchObject({ bounds: 'fail critical 1' })
  expect(await checks(x => (x >= 0.98 ? 1.000_001 : 0.5))).toMatchObject({ bounds: 'fail critical 2' })
  expect(await checks(x => (x === 0 ? Number.NaN : 0.5))).toMatchObject({ bounds: 'fail critical 1' })
  expect(await checks(x => 1_000 * x, 'regression')).toMatchObject({ bounds: 'pass critical 0' })
  expect(await checks(x => 1 / x, 'regression')).toMatchObject({ bounds: 'fail critical 1' })
})

it('scores that depend on their company fail', async () => {
  expect(await checks((x, batch) => x / 2 + (batch.rows === 1 ? 5e-6 : 0))).toMatchObject({
    batchConsistent: 'pass critical 0',
  })
  expect(await checks((x, batch) => x / 2 + (batch.rows === 1 ? 3e-5 : 0))).toMatchObject({
    batchConsistent: 'fail critical 64',
  })
  let calls = 0
  expect(await checks(x => x / 2 + (calls++ < rows ? 0 : 1e-3))).toMatchObject({ batchConsistent: 'fail critical 64' })
})

import { describe, expect, it } from 'vitest'
import { modelTests } from '../../define/model-test/index.ts'
import { goldenTest, sizeTest } from './service-tests.ts'
import type { Subject } from './subject.ts'

const tests = modelTests<'x'>('m', { task: 'binary', inputs: [{ name: 'x', type: 'float' }] })
const subject = { inputs: [{ name: 'x', kind: 'number' }] } as unknown as Subject

it('size holds at the bytes that are allowed and fails at one more', () => {
  const test = tests.size({ maxBytes: 1_000 }) as never
  expect(sizeTest(test, 'm', 1_000)).toMatchObject({
    kind: 'size',
    target: { model: 'm' },
    status: 'pass',
    bad: 0,
    observed: { bytes: 1_000 },
    threshold: 'at most 1,000 bytes',
  })
  expect(sizeTest(test, 'm', 1_001)).toMatchObject({
    status: 'fail',
    bad: 1,
    message: 'the model file has 1,001 bytes',
  })
})

describe('golden rows', () => {
  const answers = (scores: number[]): Subject => ({
    ...subject,
    loaded: { outputs: 1, run: async () => ({ scores: Float32Array.from(scores) }) } as never,
  })
  const golden = (scores: number[]) => ({ features: scores.map(() => 1), categories: [], scores })

  it('hold within a hundred-thousandth', async () => {
    expect(await goldenTest('m', 'binary', answers([0.5, 0.25]), golden([0.5, 0.25]))).toMatchObject({
      status: 'pass',
      evaluated: 2,
      bad: 0,
    })
    expect(await goldenTest('m', 'binary', answers([0.5, 0.250009]), golden([0.5, 0.25]))).toMatchObject({
      status: 'pass',
    })
    expect(await goldenTest('m', 'binary', answers([0.5, 0.25002]), golden([0.5, 0.25]))).toMatchObject({
      status: 'fail',
      severity: 'critical',
    })
    expect(await goldenTest('m', 'binary', answers([0.49, 0.25]), golden([0.5, 0.25]))).toMatchObject({
      status: 'fail',
      bad: 1,
    })
  })

  it('of a regression hold in units of its own scores', async () => {
    for (const unit of [1e-6, 1, 1e6]) {
      const off = (share: number) =>
        goldenTest('m', 'regression', answers([100 * unit, 250 * unit * (1 + share)]), golden([100 * unit, 250 * unit]))
      expect(await off(9e-6)).toMatchObject({ status: 'pass' })
      expect(await off(2e-5)).toMatchObject({ status: 'fail' })
    }
  })

  it('that are answered by no number, or are none, prove nothing', async () => {
    expect(await goldenTest('m', 'binary', answers([Number.NaN]), golden([0.5]))).toMatchObject({ status: 'fail' })
    expect(await goldenTest('m', 'binary', answers([]), golden([]))).toMatchObject({ status: 'error', evaluated: 0 })
  })
})

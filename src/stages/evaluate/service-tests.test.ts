import { describe, expect, it } from 'vitest'
import { modelTests } from '../../define/model-test/index.ts'
import { seeded } from '../../math/random/seeded.ts'
import type { FrameRows } from '../../ports/trainer.ts'
import { goldenTest, sizeTest, slicesTest } from './service-tests.ts'
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

describe('slices', () => {
  /** Rows of which each slice has its own share of pairs in order; `parts` gives rows and chance of a right guess. */
  function world(parts: Record<string, [rows: number, right: number]>) {
    const random = seeded(3)
    const [labels, scores, at]: number[][] = [[], [], []]
    const names = Object.keys(parts)
    const of: string[] = []
    for (const [name, [rows, right]] of Object.entries(parts))
      for (let i = 0; i < rows; i++) {
        const label = i % 2
        labels?.push(label)
        scores?.push((random.next() < right ? label : 1 - label) + 1e-6 * random.next())
        at?.push(names.indexOf(name))
        of.push(name)
      }
    const frame: FrameRows = {
      rows: of.length,
      at: new Float64Array(of.length),
      labels: Float32Array.from(labels as number[]),
      inputs: [Float32Array.from(at as number[])],
      slices: new Map(names.map(name => [name, Uint8Array.from(of, one => (one === name ? 1 : 0))])),
    }
    const declared = { kind: 'slices', id: 'slices', severity: 'warning', of: names.map(name => ({ name, where: {} })) }
    return (minShareOfOverall: number) =>
      slicesTest(
        { ...declared, minShareOfOverall } as never,
        'm',
        'binary',
        subject,
        frame,
        Float32Array.from(scores as number[]),
      )
  }

  it('compares what each slice has above chance', () => {
    // right in 90 % (0.4 above chance) and in 70 % (0.2): against 0.37 of all the weak one keeps about 54 %
    const judge = world({ strong: [10_000, 0.9], weak: [2_000, 0.7] })
    const found = judge(0.8)
    expect(found).toMatchObject({ status: 'fail', bad: 1, target: { model: 'm', slice: 'weak' }, evaluated: 2 })
    expect(found.observed.weakest as number).toBeGreaterThan(0.45)
    expect(found.observed.weakest as number).toBeLessThan(0.65)
    expect(judge((found.observed.weakest as number) - 0.01).status).toBe('pass')
    expect(judge((found.observed.weakest as number) + 0.01).status).toBe('fail')
    expect(found.message).toMatch(/^the weakest slice is weak \(2000 rows\) with \d\d % of the overall quality$/)
  })

  it('leaves slices of fewer than 200 rows alone, and says when none is left', () => {
    expect(world({ strong: [5_000, 0.9], few: [199, 0.2] })(0.8)).toMatchObject({ status: 'pass', evaluated: 1 })
    expect(world({ strong: [5_000, 0.9], few: [200, 0.2] })(0.8)).toMatchObject({ status: 'fail', evaluated: 2 })
    expect(world({ a: [100, 0.9], b: [100, 0.9] })(0.8)).toMatchObject({
      status: 'skipped',
      message: 'no slice has enough rows',
    })
  })

  it('a model that is no better than chance keeps no share of anything', () => {
    expect(world({ a: [2_000, 0.2], b: [2_000, 0.1] })(0.8).status).not.toBe('pass')
  })

  it('without a declaration the quartiles of every number are the slices', () => {
    const rows = 4_000
    const x = Float32Array.from({ length: rows }, (_, i) => i)
    const labels = x.map((_, i) => (i % 4 < 2 ? 0 : 1))
    // the upper quarter is answered at random
    const scores = labels.map((label, i) => (i < 3_000 ? label : i % 2))
    const frame: FrameRows = { rows, at: new Float64Array(rows), labels, inputs: [x], slices: new Map() }
    const found = slicesTest(tests.slices() as never, 'm', 'binary', subject, frame, scores)
    expect(found).toMatchObject({ status: 'fail', severity: 'warning', evaluated: 4, bad: 1 })
    expect(found.target.slice).toBe('x 3.00e+3 to 4.00e+3')
  })

  it('of numbers: a slice whose errors are larger by a quarter keeps 80 %', () => {
    const rows = 2_000
    const slices = new Map([
      ['a', Uint8Array.from({ length: rows }, (_, i) => (i < 1_000 ? 1 : 0))],
      ['all', new Uint8Array(rows).fill(1)],
    ])
    const frame: FrameRows = {
      rows,
      at: new Float64Array(rows),
      labels: new Float32Array(rows),
      inputs: [new Float32Array(rows)],
      slices,
    }
    // errors of 5 in `a`, and of such a size in the others that all have √((25 + 7) / 2) = 4
    const scores = Float32Array.from({ length: rows }, (_, i) => (i < 1_000 ? 5 : Math.sqrt(7)))
    const judge = (minShareOfOverall: number) =>
      slicesTest(
        {
          kind: 'slices',
          id: 's',
          severity: 'critical',
          minShareOfOverall,
          of: [
            { name: 'a', where: {} },
            { name: 'all', where: {} },
          ],
        } as never,
        'm',
        'regression',
        subject,
        frame,
        scores,
      )
    expect(judge(0.79)).toMatchObject({ status: 'pass' })
    expect(judge(0.81)).toMatchObject({ status: 'fail', target: { slice: 'a' } })
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

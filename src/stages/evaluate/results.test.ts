import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { modelTests } from '../../define/model-test/index.ts'
import type { CheckResult } from '../../define/report.ts'
import type { InferenceBatch } from '../../ports/inference-runtime.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import type { FrameRows } from '../../ports/trainer.ts'
import { latencyTest } from './latency-test.ts'
import { judged } from '../../../test/support/judged.ts'
import { calibrationTest } from './calibration-test.ts'
import { metricTest } from './metric-tests.ts'
import { goldenTest, sizeTest } from './service-tests.ts'
import { batchOf, featureIndex, scoreRows, type Subject } from './subject.ts'
import { runSuite } from './suite.ts'

// Whole results as reports keep them, and how rows reach a model.

const inputs = [
  { name: 'place', kind: 'text', categories: ['a', 'b'] },
  { name: 'size', kind: 'number' },
  { name: 'kind', kind: 'text', categories: ['x', 'y'] },
  { name: 'age', kind: 'number' },
] as const
const declared = [
  { name: 'place', type: 'text' },
  { name: 'size', type: 'float' },
  { name: 'kind', type: 'text' },
  { name: 'age', type: 'float' },
] as const
const binary = modelTests<'size' | 'age'>('m', { task: 'binary', inputs: declared })
const regression = modelTests<'size' | 'age'>('m', { task: 'regression', inputs: declared })

type Formula = (row: { size: number; age: number; place: string; kind: string }, rows: number) => number
const calls: InferenceBatch[] = []
const subjectOf = (formula: Formula): Subject => ({
  inputs,
  loaded: {
    outputs: 1,
    run: async (batch: InferenceBatch) => {
      calls.push(batch)
      return {
        scores: Float32Array.from({ length: batch.rows }, (_, i) =>
          formula(
            {
              size: batch.features[2 * i] as number,
              age: batch.features[2 * i + 1] as number,
              place: batch.categories?.[2 * i] as string,
              kind: batch.categories?.[2 * i + 1] as string,
            },
            batch.rows,
          ),
        ),
      }
    },
  } as never,
})
const frameOf = (rows: number, label: (i: number) => number = i => i % 2): FrameRows => ({
  rows,
  at: new Float64Array(rows),
  labels: Float32Array.from({ length: rows }, (_, i) => label(i)),
  inputs: [
    Array.from({ length: rows }, (_, i) => (i % 2 ? 'a' : 'b')),
    Float32Array.from({ length: rows }, (_, i) => i),
    Array.from({ length: rows }, (_, i) => (i % 3 ? 'x' : 'y')),
    Float32Array.from({ length: rows }, (_, i) => i % 10),
  ],
  slices: new Map(),
})

describe('rows reach a model', () => {
  it('numbers row by row, texts beside them, in the order that is asked', () => {
    const { inputs: columns } = frameOf(6)
    expect(batchOf(inputs, columns, [3, 0])).toEqual({
      rows: 2,
      features: Float32Array.of(3, 3, 0, 0),
      categories: ['a', 'y', 'b', 'y'],
    })
    const numbers = [inputs[1], inputs[3]]
    expect(batchOf(numbers, [columns[1], columns[3]] as never, [5])).toEqual({
      rows: 1,
      features: Float32Array.of(5, 5),
    })
  })

  it('all of them once, whatever their number, in blocks of at most 4,096', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(1, 4_095, 4_096, 4_097, 8_192, 9_000), async rows => {
        calls.length = 0
        const scores = await scoreRows(
          subjectOf(({ size }) => size),
          frameOf(rows).inputs,
          rows,
        )
        expect(scores).toEqual(Float32Array.from({ length: rows }, (_, i) => i))
        expect(calls.map(one => one.rows)).toEqual(
          Array.from({ length: Math.ceil(rows / 4_096) }, (_, i) => Math.min(4_096, rows - 4_096 * i)),
        )
      }),
      { numRuns: 6 },
    )
  })

  it('by the place of each input among the numbers', () => {
    expect(['place', 'size', 'kind', 'age', 'nothing'].map(name => featureIndex(inputs, name))).toEqual([
      -1, 0, -1, 1, -1,
    ])
  })
})

describe('a result', () => {
  const common = { target: { model: 'm@1' } }

  it('of a metric', () => {
    const [check] = metricTest(
      binary.metric('auc', { min: 0.5, max: 0.9, severity: 'warning' }) as never,
      'm@1',
      judged('binary', [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]),
      undefined,
      1,
    )
    expect(check).toEqual({
      ...common,
      id: 'auc',
      kind: 'metric',
      severity: 'warning',
      status: 'pass',
      observed: { auc: 0.75 },
      evaluated: 4,
      bad: 0,
      threshold: '≥ 0.5 and ≤ 0.9',
      message: 'auc is 0.7500 on 4 test rows, ≥ 0.5 and ≤ 0.9 is asked',
    })
    const only = (asked: object) =>
      metricTest(
        regression.metric('mae', asked) as never,
        'm@1',
        judged('regression', new Float32Array(1_200).fill(1), new Float32Array(1_200).fill(3)),
        undefined,
        1,
      ).map(one => one.message)
    expect(only({ max: 2 })).toEqual(['mae is 2.000 on 1,200 test rows, ≤ 2 is asked'])
    // nothing is judged that was not asked for
    expect(only({ notWorseThan: 'champion' })).toEqual(['there is no champion yet'])
  })

  it('against the champion', () => {
    const labels = Float32Array.from({ length: 400 }, (_, i) => i % 5)
    const off = (by: number) => labels.map(value => value + by)
    const check = (by: number): CheckResult | undefined =>
      metricTest(
        regression.metric('mae', { notWorseThan: 'champion' }) as never,
        'm@1',
        judged('regression', labels, off(by)),
        { scores: off(1) },
        1,
      )[0]
    expect(check(1.5)).toEqual({
      ...common,
      id: 'mae-vs-champion',
      kind: 'metric',
      severity: 'critical',
      status: 'fail',
      observed: { challenger: 1.5, champion: 1, difference: 0.5, gain: -0.5, lower: -0.5, upper: -0.5 },
      evaluated: 400,
      bad: 1,
      threshold: 'not worse than the champion by more than 0.5 % of its mae',
      message: "mae 1.500 against the champion's 1.000 on the same rows (gain -0.5000 to -0.5000 at 95 %)",
    })
    expect(check(0.5)?.message).toContain('(gain 0.5000 to 0.5000 at 95 %)')
    expect(check(Number.NaN)).toMatchObject({
      status: 'error',
      bad: 1,
      threshold: 'not worse than the champion by more than 0.5 % of its mae',
      message: "mae NaN and the champion's 1.000 on the same rows cannot be compared",
    })
  })

  it('of calibration', () => {
    const labels = Float32Array.of(1, 0, 1, 0)
    expect(
      calibrationTest(binary.calibration({ maxEce: 0.1 }) as never, {
        name: 'm@1',
        judged: judged('binary', labels, labels),
        classes: [],
        seed: 1,
      }),
    ).toEqual({
      ...common,
      id: 'calibration',
      kind: 'calibration',
      severity: 'warning',
      status: 'pass',
      observed: { ece: 0, chance: 0, slope: null, slopeLower: null, slopeUpper: null },
      evaluated: 4,
      bad: 0,
      threshold: 'expected calibration error ≤ 0.1',
      message: 'predicted and observed shares differ by 0.000 on average over 15 bins',
    })
  })

  it('of calibration has the name that it is given', () => {
    const test = binary.calibration({ maxEce: 0.1, id: 'own' })
    expect(
      calibrationTest(test as never, { name: 'm', judged: judged('binary', [0, 1], [0, 1]), classes: [], seed: 1 }).id,
    ).toBe('own')
  })

  it('of a size', () => {
    expect(sizeTest(binary.size({ maxBytes: 2_000 }) as never, 'm@1', 2_001)).toEqual({
      ...common,
      id: 'size',
      kind: 'size',
      severity: 'critical',
      status: 'fail',
      observed: { bytes: 2_001 },
      evaluated: 1,
      bad: 1,
      threshold: 'at most 2,000 bytes',
      message: 'the model file has 2,001 bytes',
    })
  })

  it('of golden rows', async () => {
    calls.length = 0
    const golden = { features: [1, 2, 3, 4], categories: ['a', 'x', 'b', 'y'], scores: [0.5, 0.5] }
    const answer = (by: number) =>
      goldenTest(
        'm@1',
        'binary',
        subjectOf(({ size }) => (size === 3 ? 0.5 + by : 0.5)),
        golden,
      )
    const right = { ...common, id: 'golden', kind: 'golden', severity: 'critical', threshold: 'scores within 1e-5' }
    expect(await answer(0)).toEqual({
      ...right,
      status: 'pass',
      observed: { worst: 0 },
      evaluated: 2,
      bad: 0,
      message: '2 golden rows are answered within 0.0e+0',
    })
    expect(calls[0]).toEqual({ rows: 2, features: Float32Array.of(1, 2, 3, 4), categories: ['a', 'x', 'b', 'y'] })
    expect(await answer(-0.25)).toEqual({
      ...right,
      status: 'fail',
      observed: { worst: 0.25 },
      evaluated: 2,
      bad: 1,
      message: 'one of 2 golden rows is answered by a score that is 2.5e-1 off, more than the 1e-5 that are allowed',
    })
    calls.length = 0
    await goldenTest(
      'm@1',
      'binary',
      { inputs: [], loaded: { outputs: 1, run: async (one: never) => (calls.push(one), { scores: [1] }) } as never },
      {
        features: [1],
        categories: [],
        scores: [1],
      },
    )
    expect(Object.keys(calls[0] as object)).toEqual(['rows', 'features'])
    expect(
      await goldenTest(
        'm@1',
        'binary',
        subjectOf(() => 1),
        { features: [], categories: [], scores: [] },
      ),
    ).toEqual({
      ...right,
      status: 'error',
      observed: {},
      evaluated: 0,
      bad: 0,
      message: 'the version has no golden rows, so nothing shows that it answers as it did',
    })
  })

  it('of a latency, in the unit that reads best', async () => {
    const clock = manualClock()
    const timed = (ms: number): Subject => ({
      inputs,
      loaded: { run: async () => (clock.work(ms), { scores: [1] }) } as never,
    })
    const limits = binary.latency({ p50: '900us', p99: '1500us' } as never)
    expect(await latencyTest(limits as never, 'm@1', timed(0.25), frameOf(10), clock)).toEqual({
      ...common,
      id: 'latency',
      kind: 'latency',
      severity: 'critical',
      status: 'pass',
      observed: {
        p50Micros: expect.closeTo(250, 3),
        p99Micros: expect.closeTo(250, 3),
        wallP99Micros: expect.closeTo(250, 3),
      },
      evaluated: 1_000,
      bad: 0,
      threshold: 'p50 ≤ 900 µs, p99 ≤ 1.5 ms',
      message:
        'one row computes for 250 µs at the median and 250 µs at the 99th percentile, allowed is p50 ≤ 900 µs, p99 ≤ 1.5 ms',
    })
    expect(await latencyTest(limits as never, 'm@1', timed(1.2), frameOf(10), clock)).toMatchObject({
      status: 'fail',
      bad: 1,
      message: expect.stringContaining('computes for 1.2 ms at the median'),
    })
  })
})

describe('what every model must pass', () => {
  const suite = (formula: Formula, rows = 100) =>
    runSuite({
      model: { name: 'm', task: 'binary', tests: [] } as never,
      name: 'm@1',
      subject: subjectOf(formula),
      bytes: 1,
      frame: frameOf(rows),
      seed: 1,
      clock: manualClock(7_000_000),
    })

  it('is told whole', async () => {
    const { report } = await suite(({ size }) => size / 1_000)
    const common = { target: { model: 'm@1' }, severity: 'critical', status: 'pass', observed: { bad: 0 }, bad: 0 }
    expect(report).toMatchObject({ at: 7_000_000, evidence: { rows: 100 } })
    expect(report.checks).toEqual([
      {
        ...common,
        id: 'bounds',
        kind: 'bounds',
        evaluated: 100,
        threshold: 'finite and between 0 and 1',
        message: 'all scores are in range',
      },
      {
        ...common,
        id: 'steady',
        kind: 'batchConsistent',
        observed: { bad: 0, again: 0, reordered: 0, alone: 0 },
        evaluated: 100,
        threshold: 'the same score again, in another order and batch, and alone',
        message: '100 rows score the same again and in another order, 100 of them alone',
      },
    ])
  })

  it('compares each of its rows with itself, texts and all', async () => {
    calls.length = 0
    const { report } = await suite(
      ({ size, place, kind }, rows) => (rows === 1 && place === 'a' && kind === 'y' ? 0.5 : size / 1_000),
      12,
    )
    // rows 3 and 9 of twelve are a and y
    expect(report.checks[1]).toMatchObject({
      status: 'fail',
      evaluated: 12,
      bad: 2,
      observed: { bad: 2, again: 0, reordered: 0, alone: 2 },
      message: 'rows score differently: 2 of 12 alone',
    })
    const alone = calls.filter(one => one.rows === 1).map(one => one.features[0] as number)
    expect(alone.sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, i) => i))
  })
})

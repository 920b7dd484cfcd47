import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ModelTest, modelTests } from '../../define/model-test/index.ts'
import type { CheckResult } from '../../define/report.ts'
import type { InferenceBatch } from '../../ports/inference-runtime.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import type { FrameRows } from '../../ports/trainer.ts'
import { latencyTest } from './latency-test.ts'
import { judged } from '../../../test/support/judged.ts'
import { calibrationTest } from './calibration-test.ts'
import { metricTest } from './metric-tests.ts'
import { propertyTest } from './property-tests.ts'
import { goldenTest, sizeTest, slicesTest } from './service-tests.ts'
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
        judged('regression', new Array<number>(1_200).fill(1), new Array<number>(1_200).fill(3)),
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
      calibrationTest(binary.calibration({ maxEce: 0.1 }) as never, 'm@1', judged('binary', labels, labels)),
    ).toEqual({
      ...common,
      id: 'calibration',
      kind: 'calibration',
      severity: 'warning',
      status: 'pass',
      observed: { ece: 0 },
      evaluated: 4,
      bad: 0,
      threshold: 'expected calibration error ≤ 0.1',
      message: 'predicted and observed shares differ by 0.000 on average over 15 bins',
    })
  })

  it('of calibration has the name that it is given', () => {
    const test = binary.calibration({ maxEce: 0.1, id: 'own' })
    expect(calibrationTest(test as never, 'm@1', judged('binary', [0, 0, 1, 1], [0, 0, 1, 1])).id).toBe('own')
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

describe('a property', () => {
  const frame = frameOf(300)
  const result = (test: ModelTest, formula: Formula) => propertyTest(test as never, 'm@1', subjectOf(formula), frame, 1)

  it('that holds has no sample, and says of how many cases', async () => {
    expect(await result(regression.monotone('age', 'increasing'), ({ age }) => age)).toEqual({
      id: 'monotone-age',
      kind: 'monotone',
      target: { model: 'm@1', columns: ['age'] },
      severity: 'critical',
      status: 'pass',
      // of a thousand cases without one: 1 − 0.025^(1/1000)
      observed: { violations: 0, upperBound: expect.closeTo(0.003682, 5), seed: 1 },
      evaluated: 1_000,
      bad: 0,
      threshold: 'score never falls as age rises, in 100 % of cases',
      message: 'score never falls as age rises: 0 of 1000 cases do not (at most 0.4 % with 95 % confidence)',
      sample: [],
    })
  })

  it.each<[ModelTest, string]>([
    [regression.monotone('age', 'decreasing', { mostly: 0.9 }), 'score never rises as age rises, in 90 % of cases'],
    [regression.invariant('age', { maxDelta: 0.2 }), 'age moves the score by at most 0.2, in 100 % of cases'],
    [regression.directional('age', 2, 'up'), 'age + 2 moves the score up, in 100 % of cases'],
    [regression.directional('age', 2, 'down'), 'age + 2 moves the score down, in 100 % of cases'],
  ])('is told in words: %#', async (test, words) => {
    expect((await result(test, () => 0)).threshold).toBe(words)
  })

  it('is tried on rows with all their other inputs, and with every quantile of its own', async () => {
    calls.length = 0
    await result(regression.monotone('age', 'increasing'), ({ age }) => age)
    expect(calls.map(one => one.rows)).toEqual([1_000, 1_000])
    const of = (batch: InferenceBatch | undefined, at: number) =>
      Array.from({ length: 1_000 }, (_, i) => batch?.features[2 * i + at] as number)
    const [low, high] = calls
    expect(of(low, 0)).toEqual(of(high, 0))
    expect(low?.categories).toEqual(high?.categories)
    of(low, 0).forEach((size, i) => expect(low?.categories?.[2 * i]).toBe(size % 2 ? 'a' : 'b'))
    expect(of(low, 1).every((age, i) => age <= (of(high, 1)[i] as number))).toBe(true)
    // the ages of a tenth each: 21 quantiles of them are all ten
    expect([...new Set([...of(low, 1), ...of(high, 1)])].toSorted((a, b) => a - b)).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
    ])
    expect(new Set(of(low, 0)).size).toBeGreaterThan(250)
  })

  it('that fails is shown by an ordinary row, with the row as the model has it', async () => {
    const found = await result(regression.monotone('age', 'increasing'), ({ age }) => -age)
    const [one] = found.sample as [Record<string, number | string>]
    expect(Object.keys(one)).toEqual([
      'place',
      'size',
      'kind',
      'age',
      'age before',
      'age after',
      'score before',
      'score after',
    ])
    // nearest the middle of both: sizes up to 299, ages up to 9
    expect(Math.abs((one.size as number) - 149)).toBeLessThan(30)
    expect(Math.abs((one.age as number) - 4)).toBeLessThan(2)
    expect(one.place).toBe((one.size as number) % 2 ? 'a' : 'b')
    expect(one['score before']).toBe(-(one['age before'] as number))
    expect(found.observed.upperBound as number).toBeGreaterThan(found.bad / 1_000)
  })

  it('of missing values keeps to those that are there', async () => {
    const holes = { ...frame, inputs: frame.inputs.map(one => (one instanceof Float32Array ? one.slice() : one)) }
    const ages = holes.inputs[3] as Float32Array
    for (let i = 0; i < 300; i += 2) ages[i] = Number.NaN
    calls.length = 0
    const check = await propertyTest(
      regression.monotone('age', 'increasing') as never,
      'm@1',
      subjectOf(({ age }) => age),
      holes,
      1,
    )
    expect(check.status).toBe('pass')
    const tried = calls.flatMap(one => Array.from({ length: one.rows }, (_, i) => one.features[2 * i + 1] as number))
    expect(tried.some(Number.isNaN)).toBe(false)
    expect(new Set(tried)).toEqual(new Set([1, 3, 5, 7, 9]))
  })

  it('of a text says that it cannot be tried', async () => {
    const moved = { ...regression.monotone('size', 'increasing'), input: 'place', id: 'own' } as ModelTest
    expect(await result(moved, () => 0)).toEqual({
      id: 'own',
      kind: 'monotone',
      target: { model: 'm@1', columns: ['place'] },
      severity: 'critical',
      status: 'error',
      observed: {},
      evaluated: 0,
      bad: 0,
      threshold: '',
      message: "'place' is a text input",
      error: 'only number inputs can be moved',
    })
  })
})

describe('slices', () => {
  const rows = 1_000
  const frame = { ...frameOf(rows, i => (i % 4 === 0 ? 1 : 0)), slices: new Map<string, Uint8Array>() }
  const test = (of?: readonly string[], minShareOfOverall = 0.8) =>
    ({
      kind: 'slices',
      id: 'slices',
      severity: 'warning',
      minShareOfOverall,
      ...(of ? { of: of.map(name => ({ name })) } : {}),
    }) as never
  /** Good everywhere but for sizes of that range, where it is no better than chance. */
  const scoresOf = (from: number, to: number) =>
    Float32Array.from({ length: rows }, (_, i) => (i >= from && i < to ? 0.5 : i % 4 === 0 ? 0.9 : 0.1))
  const judge = (scores: Float32Array, asked = test(), task: 'binary' | 'regression' = 'binary') =>
    slicesTest(
      asked,
      'm@1',
      task,
      subjectOf(() => 0),
      frame,
      scores,
    )

  it('are quartiles of every number where none is declared; the weakest is named', () => {
    const found = judge(scoresOf(500, 749))
    expect(found).toMatchObject({
      id: 'slices',
      kind: 'slices',
      severity: 'warning',
      status: 'fail',
      bad: 1,
      target: { model: 'm@1', slice: 'size 499 to 749' },
      threshold: 'every slice of 200 rows or more keeps 80 % of the overall quality (AUC above 0.5)',
    })
    expect(found.message).toMatch(
      /^the weakest slice is size 499 to 749 \(250 rows\) with \d+ % of the overall quality$/,
    )
    const sample = found.sample as { slice: string; rows: number; share: number }[]
    expect(sample.map(one => one.share)).toEqual(sample.map(one => one.share).toSorted((a, b) => a - b))
    expect(sample.map(one => one.slice).filter(name => name.startsWith('size'))).toHaveLength(4)
    // each row is in one quartile of its size
    expect(sample.filter(one => one.slice.startsWith('size')).reduce((sum, one) => sum + one.rows, 0)).toBe(rows)
    expect(found.evaluated).toBe(sample.length)
    expect(found.observed).toEqual({ weakest: sample[0]?.share, slices: sample.length })
    expect(judge(scoresOf(0, 0))).toMatchObject({ status: 'pass', bad: 0 })
  })

  it('are those that are declared, of two hundred rows or more', () => {
    const flags = (count: number) => Uint8Array.from({ length: rows }, (_, i) => (i < count ? 1 : 0))
    frame.slices.set('few', flags(199)).set('enough', flags(200))
    expect(judge(scoresOf(0, 200), test(['few']))).toMatchObject({
      status: 'skipped',
      observed: { weakest: null, slices: 0 },
      target: { model: 'm@1' },
      message: 'no slice has enough rows',
      sample: [],
    })
    expect(judge(scoresOf(0, 200), test(['enough']))).toMatchObject({
      status: 'fail',
      target: { slice: 'enough' },
      sample: [{ slice: 'enough', rows: 200, share: expect.closeTo(0, 6) }],
    })
    expect(judge(scoresOf(0, 200), test(['unknown'])).status).toBe('skipped')
    expect(judge(scoresOf(0, 0), test(['enough'])).sample).toEqual([{ slice: 'enough', rows: 200, share: 1 }])
  })

  it('keep four fifths of the overall quality where nothing else is asked', () => {
    // in a quarter of the rows every k-th pair is the wrong way round
    const partly = (wrong: number) =>
      Float32Array.from({ length: rows }, (_, i) => {
        const label = i % 4 === 0
        return i < 250 && Math.floor(i / 4) % 62 < wrong ? (label ? 0.05 : 0.95) : label ? 0.9 : 0.1
      })
    const judged = (wrong: number, asked: never) => {
      const found = judge(partly(wrong), asked)
      return { status: found.status, weakest: found.observed.weakest as number }
    }
    const [plain, half] = [binary.slices() as never, binary.slices({ minShareOfOverall: 0.5 }) as never]
    let [passed, failed] = [0, 0]
    for (let wrong = 0; wrong < 16; wrong++) {
      const { status, weakest } = judged(wrong, plain)
      expect([wrong, status]).toEqual([wrong, weakest >= 0.8 ? 'pass' : 'fail'])
      expect(judged(wrong, half).status).toBe(weakest >= 0.5 ? 'pass' : 'fail')
      if (status === 'pass') passed++
      else failed++
    }
    expect(Math.min(passed, failed)).toBeGreaterThan(1)
  })

  it('of a regression are compared by their error, of a model that is no better than chance none holds', () => {
    const off = Float32Array.from({ length: rows }, (_, i) => (frame.labels[i] as number) + (i < 250 ? 2 : 1))
    const found = judge(off, test(), 'regression')
    expect(found.threshold).toMatch(/\(1 \/ RMSE\)$/)
    const [weakest] = found.sample as { slice: string; share: number }[]
    // √((4 · 249 + 751) / 1000) of all, 2 in the first quartile
    expect(weakest?.slice).toBe('size 0.00 to 249')
    expect(weakest?.share).toBeCloseTo(Math.sqrt((4 * 250 + 750) / 1_000) / 2, 2)
    expect(judge(new Float32Array(rows).fill(0.5), test(undefined, 0.1))).toMatchObject({ status: 'skipped' })
    const wrong = Float32Array.from({ length: rows }, (_, i) => (i % 4 === 0 ? 0.1 : 0.9))
    expect(judge(wrong, test(undefined, 0.1))).toMatchObject({
      status: 'fail',
      message: 'the model as a whole is no better than chance',
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
        evaluated: 64,
        threshold: 'the same score alone, in a batch, and again',
        message: '64 rows score the same alone and in a batch',
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
      observed: { bad: 2 },
      message: '2 of 12 rows score differently alone and in a batch',
    })
    expect(calls.filter(one => one.rows === 1).map(one => one.features[0])).toEqual(
      Array.from({ length: 12 }, (_, i) => i),
    )
  })
})

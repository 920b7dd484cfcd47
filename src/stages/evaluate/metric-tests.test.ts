import { describe, expect, it } from 'vitest'
import { modelTests } from '../../define/model-test/index.ts'
import type { ModelTest } from '../../define/model-test/index.ts'
import { seeded } from '../../math/random/seeded.ts'
import { judged } from '../../../test/support/judged.ts'
import { measureAll, metricsOfTask, type MetricName } from '../../math/metrics/catalogue.ts'
import { calibrationTest } from './calibration-test.ts'
import { metricTest } from './metric-tests.ts'

const binary = modelTests<'x'>('m', { task: 'binary', inputs: [{ name: 'x', type: 'float' }] })
const regression = modelTests<'x'>('m', { task: 'regression', inputs: [{ name: 'x', type: 'float' }] })
type MetricTest = Extract<ModelTest, { kind: 'metric' }>

const judge = (
  test: ModelTest,
  labels: number[] | Float32Array,
  scores: number[] | Float32Array,
  champion?: number[] | Float32Array,
) =>
  metricTest(
    test as MetricTest,
    'm',
    judged(metricsOfTask.binary.includes((test as MetricTest).metric) ? 'binary' : 'regression', labels, scores),
    champion && { scores: Float32Array.from(champion) },
    1,
  )

/** 2,000 rows: their truth, and guesses that miss it by noise of a given size. */
const random = seeded(7)
const normal = (): number => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
const truth = Array.from({ length: 2_000 }, () => normal())
const guess = (noise: number) => truth.map(value => value + noise * normal())
const labels = truth.map(value => (value > 0 ? 1 : 0))
const shares = (noise: number) => guess(noise).map(value => 1 / (1 + Math.exp(-3 * value)))

describe('a metric and its bounds', () => {
  // two of three pairs are in order: AUC 0.75 by counting
  const [y, scores] = [
    [0, 0, 1, 1],
    [0.1, 0.4, 0.35, 0.8],
  ]

  it('holds at its least value and fails just above', () => {
    const [held] = judge(binary.metric('auc', { min: 0.75 }), y, scores)
    expect(held).toMatchObject({ status: 'pass', bad: 0, evaluated: 4, observed: { auc: 0.75 }, threshold: '≥ 0.75' })
    const [failed] = judge(binary.metric('auc', { min: 0.7501 }), y, scores)
    expect(failed).toMatchObject({ status: 'fail', bad: 1, severity: 'critical' })
    expect(failed?.message).toBe('auc is 0.7500 on 4 test rows, ≥ 0.7501 is asked')
  })

  it('holds at its greatest value and fails just below', () => {
    // errors 1, 1, 2: the mean is 4/3, of their squares 2
    const [held] = judge(regression.metric('rmse', { max: Math.fround(Math.SQRT2) + 1e-6 }), [1, 2, 3], [2, 1, 5])
    expect(held).toMatchObject({ status: 'pass', bad: 0 })
    expect(judge(regression.metric('rmse', { max: 1.414 }), [1, 2, 3], [2, 1, 5])[0]?.status).toBe('fail')
    expect(judge(regression.metric('mae', { max: 1.33 }), [1, 2, 3], [2, 1, 5])[0]?.status).toBe('fail')
  })

  it('needs both where both are asked', () => {
    const both = binary.metric('auc', { min: 0.7, max: 0.74 })
    expect(judge(both, y, scores)[0]).toMatchObject({ status: 'fail', threshold: '≥ 0.7 and ≤ 0.74' })
    expect(judge(binary.metric('auc', { min: 0.7, max: 0.8 }), y, scores)[0]?.status).toBe('pass')
  })

  it.each(['auc', 'logLoss', 'brier', 'accuracy', 'ece'] as const)('%s that is no number holds nothing', name => {
    const [check] = judge(binary.metric(name, { min: 0.001, max: 0.999 }), [1, 1], [Number.NaN, Number.NaN])
    expect(check).toMatchObject({ bad: 1 })
    expect(['fail', 'error']).toContain(check?.status)
  })
})

describe('not worse than the champion, on the same rows', () => {
  it.each([
    ['auc', binary, labels, shares(0.3), shares(2)],
    ['logLoss', binary, labels, shares(0.3), shares(2)],
    ['brier', binary, labels, shares(0.3), shares(2)],
    ['accuracy', binary, labels, shares(0.3), shares(2)],
    ['rmse', regression, truth, guess(0.3), guess(2)],
    ['mae', regression, truth, guess(0.3), guess(2)],
    ['r2', regression, truth, guess(0.3), guess(2)],
  ] as const)('%s: the better one passes, the worse one does not', (metric, build, y, good, bad) => {
    const test = build.metric(metric as never, { notWorseThan: 'champion' })
    const [better] = judge(test, y, good, bad)
    expect(better).toMatchObject({ status: 'pass', bad: 0, id: `${metric}-vs-champion` })
    const [worse] = judge(test, y, bad, good)
    expect(worse).toMatchObject({ status: 'fail', bad: 1, severity: 'critical' })
    expect(worse?.observed.challenger).toBe(better?.observed.champion)
    expect(judge(test, y, good, good)[0]?.status).toBe('pass')
  })

  it('fails only for more than the tolerance, with 95 % confidence', () => {
    // every row costs the challenger 0.1 more: no doubt about the difference
    const [champion, challenger] = [truth.map(value => value + 1), truth.map(value => value + 1.1)]
    const asked = (tolerance: number) => regression.metric('mae', { notWorseThan: 'champion', tolerance })
    expect(judge(asked(0.11), truth, challenger, champion)[0]?.status).toBe('pass')
    expect(judge(asked(0.09), truth, challenger, champion)[0]?.status).toBe('fail')
    // the default is a share of what the champion errs, in whichever unit the label is
    for (const unit of [1e-6, 1, 1e6]) {
      const byDefault = (more: number) =>
        judge(
          regression.metric('mae', { notWorseThan: 'champion' }),
          truth.map(value => unit * Math.round(value)),
          truth.map(value => unit * (Math.round(value) + 1 + more)),
          truth.map(value => unit * (Math.round(value) + 1)),
        )
      expect(byDefault(0.004)[0]?.status).toBe('pass')
      expect(byDefault(0.006)[0]?.status).toBe('fail')
    }
  })

  it('a difference that may be chance does not fail', () => {
    const few = 40
    const [good, bad] = [guess(1).slice(0, few), guess(1.1).slice(0, few)]
    const [check] = judge(regression.metric('rmse', { notWorseThan: 'champion' }), truth.slice(0, few), bad, good)
    expect(check?.status).toBe('pass')
    expect(check?.observed.lower as number).toBeLessThan(check?.observed.upper as number)
  })

  it('says in the message which way the gain goes', () => {
    const [better] = judge(regression.metric('rmse', { notWorseThan: 'champion' }), truth, guess(0.3), guess(2))
    const [, low, high] = /gain (\S+) to (\S+) at 95 %/.exec(better?.message ?? '') ?? []
    expect(Number(low)).toBeGreaterThan(1.5)
    expect(Number(high)).toBeGreaterThan(Number(low))
  })

  it('accuracy is of the decisions that each makes by its own threshold', () => {
    const y = Float32Array.from({ length: 400 }, (_, i) => i % 2)
    const own = y.map(value => (value === 1 ? 0.3 : 0.1))
    const its = y.map(value => (value === 1 ? 0.9 : 0.8))
    const test = binary.metric('accuracy', { min: 0.99, notWorseThan: 'champion' }) as MetricTest
    const at = (threshold: number, champion: number) =>
      metricTest(test, 'm', judged('binary', y, own, { threshold }), { scores: its, threshold: champion }, 1).map(
        ({ status }) => status,
      )
    expect(at(0.2, 0.85)).toEqual(['pass', 'pass'])
    expect(at(0.5, 0.85)).toEqual(['fail', 'fail'])
    expect(at(0.2, 0.5)).toEqual(['pass', 'pass'])
    expect(measureAll(judged('binary', y, own, { threshold: 0.2 })).accuracy).toBe(1)
    expect(measureAll(judged('binary', y, own)).accuracy).toBe(0.5)
  })

  it('without a champion it is not judged, and the bound beside it is', () => {
    const checks = judge(binary.metric('auc', { min: 0.9, notWorseThan: 'champion' }), labels, shares(0.1))
    expect(checks.map(({ id, status }) => [id, status])).toEqual([
      ['auc', 'pass'],
      ['auc-vs-champion', 'skipped'],
    ])
    expect(checks[1]?.message).toBe('there is no champion yet')
    const test = binary.metric('auc', { notWorseThan: 'champion' }) as MetricTest
    const scores = Float32Array.from(shares(0.1))
    const [unlike] = metricTest(
      test,
      'm',
      judged('binary', labels, scores),
      { reason: 'it reads rides.km, which is gone' },
      1,
    )
    // one that there is and that was not compared is no pass
    expect(unlike).toMatchObject({ status: 'error', bad: 1 })
    expect(unlike?.message).toContain('it reads rides.km, which is gone')
  })

  it('a challenger or champion that cannot be measured does not pass', () => {
    const test = binary.metric('logLoss', { notWorseThan: 'champion' })
    const broken = labels.map(() => Number.NaN)
    expect(judge(test, labels, broken, shares(1))[0]).toMatchObject({ status: 'error', bad: 1 })
    expect(judge(test, labels, shares(1), broken)[0]).toMatchObject({ status: 'error' })
  })
})

it('tells every metric of its task', () => {
  const [y, scores] = [
    [0, 0, 1, 1],
    [0.1, 0.4, 0.35, 0.8],
  ]
  const found = measureAll(judged('binary', y, scores))
  expect(found).toMatchObject({ auc: 0.75, accuracy: 0.75 })
  expect(Object.keys(found)).toEqual(metricsOfTask.binary)
  expect(found.brier).toBeCloseTo((0.01 + 0.16 + 0.65 ** 2 + 0.04) / 4, 6)
  const numbers = measureAll(judged('regression', [1, 2, 3], [2, 1, 5]))
  expect(Object.keys(numbers)).toEqual(['rmse', 'mae', 'r2'])
  expect(numbers.rmse).toBeCloseTo(Math.SQRT2, 6)
  expect(numbers.mae).toBeCloseTo(4 / 3, 6)
  expect(numbers.r2).toBeCloseTo(1 - 6 / 2, 6)
})

describe('every task has its metrics, and no other', () => {
  it.each(['binary', 'multiclass', 'regression', 'quantile', 'count'] as const)('%s', task => {
    const build = modelTests<'x'>('m', { task, inputs: [{ name: 'x', type: 'float' }] })
    for (const name of Object.values(metricsOfTask).flat()) {
      const asked = () => build.metric(name, { max: 0.9 })
      if (metricsOfTask[task].includes(name)) expect(asked()).toMatchObject({ kind: 'metric', metric: name })
      else expect(asked).toThrow(new RegExp(`m: ${name}: is of .* models; ${task} has `))
    }
    expect(() => build.metric('auk' as never, { max: 1 })).toThrow("metric must be 'auc'")
  })
})

describe('of several outputs', () => {
  const y = Array.from({ length: 300 }, (_, i) => i % 3)
  /** The truth's class gets so much, the others the rest of it. */
  const sure = (share: number) => y.flatMap(k => [0, 1, 2].map(other => (other === k ? share : (1 - share) / 2)))
  const build = modelTests<'x'>('m', { task: 'multiclass', inputs: [{ name: 'x', type: 'float' }] })
  const test = (name: MetricName) => build.metric(name, { notWorseThan: 'champion' }) as MetricTest

  it('a challenger that is surer of the truth passes, and the other way round it does not', () => {
    const against = (own: number, its: number) =>
      metricTest(test('logLoss'), 'm', judged('multiclass', y, sure(own)), { scores: Float32Array.from(sure(its)) }, 1)
    expect(against(0.9, 0.6)[0]).toMatchObject({ status: 'pass' })
    expect(against(0.6, 0.9)[0]).toMatchObject({ status: 'fail' })
  })

  it('a champion of other classes is not compared', () => {
    const [check] = metricTest(
      test('accuracy'),
      'm',
      judged('multiclass', y, sure(0.9)),
      { scores: new Float32Array(600) },
      1,
    )
    expect(check).toMatchObject({ status: 'error', message: 'not compared with the champion: it has other classes' })
  })

  it('coverage is the better the nearer it is to its level', () => {
    const values = Array.from({ length: 400 }, (_, i) => i)
    const at = (level: number) =>
      judged(
        'quantile',
        values,
        values.map(() => 400 * level - 0.5),
        { level: 0.9 },
      )
    const quantile = modelTests<'x'>('m', { task: 'quantile', inputs: [{ name: 'x', type: 'float' }] })
    const near = quantile.metric('coverage', { notWorseThan: 'champion' }) as MetricTest
    expect(metricTest(near, 'm', at(0.9), { scores: at(0.99).scores }, 1)[0]).toMatchObject({ status: 'pass' })
    expect(metricTest(near, 'm', at(0.99), { scores: at(0.9).scores }, 1)[0]).toMatchObject({ status: 'fail' })
  })
})

it('calibration holds at the error that is allowed and fails just below', () => {
  // 1,000 rows at 0.3 of which 40 % are true: 0.1 apart
  const y = Float32Array.from({ length: 1_000 }, (_, i) => (i % 10 < 4 ? 1 : 0))
  const scores = new Float32Array(1_000).fill(0.3)
  const within = (maxEce: number) =>
    calibrationTest(binary.calibration({ maxEce }) as never, {
      name: 'm',
      judged: judged('binary', y, scores),
      classes: [],
      seed: 1,
    })
  expect(within(0.101)).toMatchObject({ status: 'pass', bad: 0, severity: 'warning' })
  expect(within(0.099)).toMatchObject({ status: 'fail', bad: 1 })
  expect(within(0.099).message).toContain('differ by 0.1000')
})

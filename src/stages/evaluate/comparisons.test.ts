import { describe, expect, it } from 'vitest'
import {
  formulaOf,
  judgedBy,
  tableOf,
  trainedOn,
  type Row,
  type Table,
  type TableOptions,
  type Truth,
} from '../../../test/support/random-models.ts'
import { modelTests, type ModelTest, type ModelTestBuilder } from '../../define/model-test/index.ts'
import { gbt } from '../../define/trainer.ts'
import { normalQuantile } from '../../math/special/normal.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { memoryTest } from './memory-test.ts'
import type { SuiteInput } from './suite.ts'

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
const n = (value: Row[string] | undefined): number => value as number
const inputs = ['x', 'y', 'z'].map(name => ({ name, type: 'float' as const }))
const truth: Truth = row => sigmoid(n(row.x) + n(row.y))
const drawn: TableOptions = {
  task: 'binary',
  inputs,
  truth,
  train: 2_000,
  test: 2_000,
  drawRow: random => Object.fromEntries(inputs.map(({ name }) => [name, Math.fround(random.normal())])),
}
const table: Table = tableOf(2, {
  ...drawn,
  slices: { sex: row => (n(row.z) > 0 ? 'f' : 'm'), few: row => (n(row.z) > 2 ? 'odd' : 'even') },
})

const verdict = async (
  model: Truth | Awaited<ReturnType<typeof trainedOn>>,
  build: (m: ModelTestBuilder<string>) => ModelTest,
  over: Partial<SuiteInput> = {},
  of: Table = table,
) => {
  const subject = typeof model === 'function' ? formulaOf(of, model) : model
  const checks = await judgedBy(of, subject, m => [build(m)], over)
  const found = checks.find(one => !['bounds', 'batchConsistent', 'leak'].includes(one.kind))
  if (!found) throw new Error('no check')
  return found
}

describe('calibration', () => {
  const sure =
    (by: number): Truth =>
    row =>
      sigmoid(by * (n(row.x) + n(row.y)))

  it('tells scores that are too sure from those that are not sure enough', async () => {
    const asked = (model: Truth) => verdict(model, m => m.calibration({ slope: [0.8, 1.25], severity: 'critical' }))
    expect(await asked(truth)).toMatchObject({ status: 'pass' })
    const over = await asked(sure(2))
    expect(over).toMatchObject({ status: 'fail', observed: { slope: expect.closeTo(0.5, 1) as number } })
    expect(over.message).toContain('the scores are too sure')
    const under = await asked(sure(0.5))
    expect(under).toMatchObject({ status: 'fail', observed: { slope: expect.closeTo(2, 0) as number } })
    expect(under.message).toContain('the scores are not sure enough')
  })

  it('an error that scores which are right may show by chance is a warning, no failure', async () => {
    const few: Table = {
      ...table,
      test: {
        ...table.test,
        rows: 150,
        labels: table.test.labels.subarray(0, 150),
        inputs: table.test.inputs.map(one => (one as Float32Array).subarray(0, 150)),
      },
    }
    const found = await verdict(truth, m => m.calibration({ maxEce: 0.02 }), {}, few)
    expect(found).toMatchObject({ status: 'warn' })
    expect(found.message).toContain('which may be chance')
    expect(found.observed.ece as number).toBeGreaterThan(0.02)
    expect(await verdict(sure(4), m => m.calibration({ maxEce: 0.02 }), {}, few)).toMatchObject({ status: 'fail' })
  })

  it('of several classes is that of each', async () => {
    const shares =
      (off: number): Truth =>
      row => {
        const p = n(truth(row) as number)
        return [p, (1 - p) * (0.5 + off), (1 - p) * (0.5 - off)]
      }
    const of = tableOf(6, {
      task: 'multiclass',
      classes: ['a', 'b', 'c'],
      inputs,
      truth: shares(0),
      test: 3_000,
      drawRow: random => Object.fromEntries(inputs.map(({ name }) => [name, Math.fround(random.normal())])),
    })
    expect(await verdict(shares(0), m => m.calibration({ maxEce: 0.05 }), {}, of)).toMatchObject({ status: 'pass' })
    const found = await verdict(shares(0.3), m => m.calibration({ maxEce: 0.05 }), {}, of)
    expect(found).toMatchObject({ status: 'fail', bad: 2 })
    expect(found.message).toMatch(/of class [bc] differ by/)
  })

  it('is refused where it checks nothing', () => {
    const m = modelTests<'x'>('m', { task: 'binary', inputs })
    expect(() => m.calibration({})).toThrow('checks nothing: it needs maxEce or slope')
    expect(() => m.calibration({ slope: [2, 1] })).toThrow('slope must be two numbers')
    expect(() => modelTests('m', { task: 'count', inputs }).calibration({ maxEce: 0.1 })).toThrow(
      'is of binary and multiclass models',
    )
  })
})

describe('a simple model', () => {
  it('is beaten by one that knows more', async () => {
    expect(await verdict(truth, m => m.beatsSimpleModel())).toMatchObject({ status: 'pass', kind: 'simpleModel' })
    const found = await verdict(
      row => sigmoid(0.3 * n(row.z)),
      m => m.beatsSimpleModel(),
    )
    expect(found).toMatchObject({ status: 'fail', severity: 'critical' })
    expect(found.message).toMatch(/of [xy] alone/)
    expect(
      await verdict(
        () => 0.5,
        m => m.beatsSimpleModel(),
      ),
    ).toMatchObject({ status: 'fail' })
  })

  it('by the share of its loss that is asked', async () => {
    expect(await verdict(truth, m => m.beatsSimpleModel({ by: 0.01 }))).toMatchObject({ status: 'pass' })
    expect(await verdict(truth, m => m.beatsSimpleModel({ by: 0.5 }))).toMatchObject({ status: 'fail' })
  })

  it('as good as one input is told and does not fail', async () => {
    expect(
      await verdict(
        row => sigmoid(0.8 * n(row.x)),
        m => m.beatsSimpleModel(),
      ),
    ).toMatchObject({ status: 'warn' })
  })
})

describe('overfit', () => {
  it('is what is far better on the training rows', async () => {
    expect(await verdict(truth, m => m.overfit())).toMatchObject({ status: 'pass', severity: 'warning' })
    const deep = await trainedOn(table, gbt({ trees: 60, minLeaf: 1, leaves: 64, learningRate: 0.8 }))
    const found = await verdict(deep, m => m.overfit())
    expect(found).toMatchObject({ status: 'fail' })
    expect(found.observed.train as number).toBeGreaterThan(0.99)
    expect(await verdict(deep, m => m.overfit({ maxGap: 0.5 }))).toMatchObject({ status: 'pass' })
  })

  it('is not judged without training rows', async () => {
    const { train: _, ...rest } = table
    const found = await verdict(truth, m => m.overfit(), {}, { ...rest, train: undefined } as never)
    expect(found).toMatchObject({ status: 'warn', message: 'not judged: the training rows are not there' })
  })
})

it('rows are fresh to the last microsecond', async () => {
  const day = 86_400_000_000
  const asked = (now: number) => verdict(truth, m => m.fresh({ maxAge: '2d' }), { clock: manualClock(now) })
  const newest = table.train.rows - 1
  expect(await asked(newest + 2 * day)).toMatchObject({ status: 'pass' })
  const late = await asked(newest + 2 * day + 1)
  expect(late).toMatchObject({ status: 'fail', threshold: 'the newest row is at most 2 days old' })
  expect(late.message).toContain('2.0 days ago')
  const timeless = { ...table, train: { ...table.train, at: undefined }, test: { ...table.test, at: undefined } }
  expect(await verdict(truth, m => m.fresh({ maxAge: '2d' }), {}, timeless as never)).toMatchObject({
    status: 'error',
    message: 'the rows have no time',
  })
})

describe('memory', () => {
  const context = { name: 'm', subject: formulaOf(table, truth), frame: table.test } as never
  const test = (maxBytes: number) => modelTests<string>('m', { task: 'binary', inputs }).memory({ maxBytes }) as never
  /** Bytes at the beginning and the end of each block. */
  const played =
    (...bytes: number[]) =>
    () =>
      bytes.shift() ?? 0

  it('that is kept for ever is found, what comes and goes is not', async () => {
    const grows = [0, 900, 900, 1_000, 1_000, 1_100, 1_100, 1_200]
    expect(await memoryTest(test(100), context, played(...grows))).toMatchObject({
      status: 'pass',
      observed: { grown: 100 },
    })
    expect(await memoryTest(test(99), context, played(...grows))).toMatchObject({
      status: 'fail',
      message: 'the process grows by 100 bytes in 1,000 calls',
    })
    expect(await memoryTest(test(1), context, played(0, 900, 900, 5_000, 5_000, 400, 400, 9_000))).toMatchObject({
      status: 'pass',
      observed: { grown: 0 },
    })
  })

  it('of a real process is read', async () => {
    expect(await verdict(truth, m => m.memory({ maxBytes: 1e9 }))).toMatchObject({ status: 'pass', evaluated: 3_000 })
  })
})

describe('fairness', () => {
  const by = (name: string) => ({ node: { op: 'column', name, type: 'text' } }) as never
  const asked = (model: Truth, options: object = {}, over = {}) =>
    verdict(model, m => m.fairness({ of: by('sex'), severity: 'critical', ...options }), over)
  const shifted =
    (by_: number): Truth =>
    row =>
      sigmoid(n(row.x) + n(row.y) + (n(row.z) > 0 ? by_ : 0))

  it('holds of a model that treats groups alike', async () => {
    expect(await asked(truth)).toMatchObject({ status: 'pass', kind: 'fairness', observed: { groups: 2, unfair: 0 } })
  })

  it('names what is unfair, with its interval', async () => {
    const found = await asked(shifted(1.5))
    expect(found).toMatchObject({ status: 'fail' })
    expect((found.sample ?? []).filter(one => one.verdict === 'unfair').map(one => one.what)).toEqual(
      expect.arrayContaining([
        'ratio of the shares called positive',
        'difference of the rates of true positives',
        'difference of the rates of false positives',
        'distance of mean score and truth',
      ]),
    )
    expect(found.message).toMatch(
      /sex = [fm]: ratio of the shares called positive 0\.\d+ \(0\.\d+ to 0\.\d+\), limit 0\.8/,
    )
  })

  it('judges what is asked, by the limits that are asked', async () => {
    expect(await asked(shifted(1.5), { criteria: ['parity'], minParity: 0.3 })).toMatchObject({
      status: 'pass',
      evaluated: 2,
    })
    expect(await asked(shifted(1.5), { criteria: ['odds'], maxOdds: 0.8 })).toMatchObject({ status: 'pass' })
    expect(await asked(shifted(1.5), { criteria: ['calibration'], maxCalibration: 0.6 })).toMatchObject({
      status: 'pass',
    })
    expect(await asked(shifted(0.5), { criteria: ['parity'], minParity: 0.95 })).toMatchObject({ status: 'fail' })
  })

  it('a difference that may be chance is told, and a group with too few rows', async () => {
    const statuses: string[] = []
    for (let by = 0; by <= 1.2; by += 0.1)
      statuses.push((await asked(shifted(by), { criteria: ['parity'], minParity: 0.8 })).status)
    // the further from alike, the surer: nothing is said before something is seen, and nobody is refused by what may be chance
    expect(statuses.filter((status, i) => status !== statuses[i - 1])).toEqual(['pass', 'warn', 'fail'])
    const few = await verdict(truth, m => m.fairness({ of: by('few'), minRows: 60 }))
    expect(few).toMatchObject({ status: 'warn' })
    expect(few.message).toContain('fewer than 60 rows: few = odd')
    expect(
      await verdict(truth, m =>
        m.fairness({ of: by('few'), minRows: 20, criteria: ['calibration'], maxCalibration: 0.4 }),
      ),
    ).toMatchObject({ status: 'pass' })
  })

  it('shares its error rate over all that is compared: the more groups and criteria, the wider each interval', async () => {
    const halfOf = async (groups: Readonly<Record<string, number>>, criteria: readonly string[]) => {
      const slices = Object.fromEntries(
        Object.entries(groups).map(([name, count]) => [name, (_: Row, i: number) => `${name}${i % count}`]),
      )
      const found = await verdict(
        truth,
        m => m.fairness({ of: Object.keys(groups).map(by), criteria, minRows: 50, severity: 'critical' } as never),
        {},
        tableOf(2, { ...drawn, slices: slices as never }),
      )
      const one = (found.sample ?? []).find(
        ({ what, group }) => String(what).startsWith('ratio') && group === 'half = half0',
      )
      return Math.log(Number(one?.value) / Number(one?.lower))
    }
    // two groups are two comparisons; ten more are twelve; odds compare two rates, so that three criteria are four figures
    const two = await halfOf({ half: 2 }, ['parity'])
    const z = (comparisons: number): number => -normalQuantile(0.025 / comparisons)
    expect((await halfOf({ half: 2, tenth: 10 }, ['parity'])) / two).toBeCloseTo(z(12) / z(2), 3)
    expect((await halfOf({ half: 2 }, ['parity', 'odds', 'calibration'])) / two).toBeCloseTo(z(8) / z(2), 3)
  })

  it('of numbers compares means in deviations of the label', async () => {
    const mean: Truth = row => n(row.x) + n(row.y)
    const of = tableOf(6, {
      task: 'regression',
      inputs,
      truth: mean,
      noise: () => 1,
      test: 2_000,
      drawRow: random => Object.fromEntries(inputs.map(({ name }) => [name, Math.fround(random.normal())])),
      slices: { sex: row => (n(row.z) > 0 ? 'f' : 'm') },
    })
    const judge = (model: Truth) => verdict(model, m => m.fairness({ of: by('sex') }), {}, of)
    expect(await judge(mean)).toMatchObject({ status: 'pass' })
    expect(await judge(row => n(mean(row) as number) + (n(row.z) > 0 ? 1 : 0))).toMatchObject({
      status: 'fail',
      bad: 3,
    })
    expect(() =>
      modelTests('m', { task: 'regression', inputs }).fairness({ of: by('sex'), criteria: ['odds'] }),
    ).toThrow('odds are of binary and multiclass models')
    expect(() =>
      modelTests('m', { task: 'binary', inputs }).fairness({ of: by('sex'), criteria: ['odds'], minParity: 1 }),
    ).toThrow('minParity has no effect')
  })
})

it('every kind of test has the name and the severity that it is given', async () => {
  const given = { id: 'own', severity: 'info' } as const
  const kinds: ((m: ModelTestBuilder<string>) => ModelTest)[] = [
    m => m.noLeak(given),
    m => m.slices(given),
    m => m.fairness({ ...given, of: { node: { op: 'column', name: 'sex', type: 'text' } } as never }),
    m => m.matters('x', given),
    m => m.stable(given),
    m =>
      m.relation('r', { ...given, change: x => ({ x: x['x'] as never }), holds: (before, after) => after.gte(before) }),
    m => m.calibration({ ...given, maxEce: 0.1 }),
    m => m.beatsSimpleModel(given),
    m => m.overfit(given),
    m => m.fresh({ ...given, maxAge: '1d' }),
    m => m.memory({ ...given, maxBytes: 1e9 }),
  ]
  for (const build of kinds) {
    const checks = await judgedBy(table, formulaOf(table, truth), m => [build(m)])
    const own = checks.filter(check => check.id.startsWith('own'))
    expect(own.length, String(build)).toBeGreaterThan(0)
    expect(own.every(check => check.severity === 'info')).toBe(true)
  }
})

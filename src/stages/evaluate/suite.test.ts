import { describe, expect, it } from 'vitest'
import type { Model } from '../../define/model.ts'
import { type ModelTest, type ModelTestBuilder, modelTests } from '../../define/model-test/index.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import type { FrameRows } from '../../ports/trainer.ts'
import type { Subject } from './subject.ts'
import { runSuite } from './suite.ts'

const rows = 500
const x = Float32Array.from({ length: rows }, (_, i) => i / rows)
const labels = x.map((value, i) => (value > 0.5 !== (i % 10 === 0) ? 1 : 0))
const frame: FrameRows = { rows, at: new Float64Array(rows), labels, inputs: [x], slices: new Map() }
const builder = modelTests<'x'>('m', { task: 'binary', inputs: [{ name: 'x', type: 'float' }] })

type Score = (x: number, batch: number) => number
const subjectOf = (score: Score): Subject => ({
  inputs: [{ name: 'x', kind: 'number' }],
  loaded: {
    run: async ({ rows: n, features }: { rows: number; features: Float32Array }) => ({
      scores: Float32Array.from({ length: n }, (_, i) => score(features[i] as number, n)),
    }),
  } as unknown as Subject['loaded'],
})

function suite(
  score: Score,
  tests: (m: ModelTestBuilder<'x'>) => readonly ModelTest[] = () => [],
  over: { champion?: Score; task?: 'binary' | 'regression'; further?: never } = {},
) {
  const model = { name: 'm', task: over.task ?? 'binary', tests: tests(builder) } as unknown as Model
  return runSuite({
    model,
    name: 'm@3',
    subject: subjectOf(score),
    bytes: 1_000,
    frame,
    seed: 1,
    clock: manualClock(),
    ...(over.champion ? { champion: { scores: x.map(value => (over.champion as Score)(value, rows)) } } : {}),
    ...(over.further ? { further: over.further } : {}),
  })
}
const statuses = async (made: ReturnType<typeof suite>) =>
  Object.fromEntries((await made).report.checks.map(({ id, status }) => [id, status]))

/** As often as it says: nine of ten above the middle, one of ten below. */
const good: Score = value => (value > 0.5 ? 0.9 : 0.1) + (value - 0.5) / 50

describe('what every model must pass', () => {
  it('a sound one does', async () => {
    const { report, metrics } = await suite(good)
    expect(report).toMatchObject({ kind: 'model', subject: 'm@3', status: 'pass', evidence: { rows, seed: 1 } })
    expect(report.checks.map(({ id, kind, status, severity }) => [id, kind, status, severity])).toEqual([
      ['bounds', 'bounds', 'pass', 'critical'],
      ['steady', 'batchConsistent', 'pass', 'critical'],
    ])
    expect(metrics.auc).toBeGreaterThan(0.8)
  })

  it.each<[string, Score, number]>([
    ['above 1', value => (value > 0.991 ? 1.001 : value), 4],
    ['below 0', value => (value < 0.002 ? -0.001 : value), 1],
    ['no number', value => (value > 0.991 ? Number.NaN : value), 4],
    ['infinite', value => (value > 0.991 ? Number.POSITIVE_INFINITY : value), 4],
  ])('scores %s are out of range', async (_, score, bad) => {
    const { report } = await suite(score)
    const bounds = report.checks.find(({ id }) => id === 'bounds')
    expect(bounds).toMatchObject({
      status: 'fail',
      bad,
      evaluated: rows,
      message: `${bad} scores are not finite or out of range`,
    })
    expect(report.status).toBe('fail')
  })

  it('just 0 and just 1 are in range, and any finite number is for a regression', async () => {
    expect(await statuses(suite(value => (value > 0.5 ? 1 : 0)))).toMatchObject({ bounds: 'pass' })
    expect(await statuses(suite(value => 1e6 * value, undefined, { task: 'regression' }))).toMatchObject({
      bounds: 'pass',
    })
    expect(await statuses(suite(() => Number.NaN, undefined, { task: 'regression' }))).toMatchObject({ bounds: 'fail' })
  })

  it('scores alone, in company, and again are the same, but for rounding', async () => {
    const moved =
      (by: number, when: (batch: number) => boolean): Score =>
      (value, batch) =>
        value * 0.9 + (when(batch) ? by : 0)
    const alone = (batch: number) => batch === 1
    expect(await statuses(suite(moved(1e-3, alone)))).toMatchObject({ steady: 'fail' })
    expect(await statuses(suite(moved(5e-6, alone)))).toMatchObject({ steady: 'pass' })
    // 64 rows together, beside all of them
    expect(await statuses(suite(moved(1e-3, batch => batch === 64)))).toMatchObject({ steady: 'fail' })
    let calls = 0
    expect(await statuses(suite(value => value * 0.9 + (calls++ % 7) * 1e-3))).toMatchObject({ steady: 'fail' })
  })
})

it('every declared test is judged, under its name, in order', async () => {
  const all = (m: ModelTestBuilder<'x'>) => [
    m.metric('auc', { min: 0.7, notWorseThan: 'champion' }),
    m.calibration({ maxEce: 0.5 }),
    m.slices(),
    m.latency({ p99: '5ms' }),
    m.size({ maxBytes: 1_000 }),
    m.monotone('x', 'increasing'),
    m.invariant('x', { maxDelta: 1 }),
    m.directional('x', 0.1, 'up'),
  ]
  const { report } = await suite(good, all, { champion: good })
  expect(report.checks.map(({ id, status }) => `${id} ${status}`)).toEqual([
    'bounds pass',
    'steady pass',
    'auc pass',
    'auc-vs-champion pass',
    'calibration pass',
    'slices pass',
    'latency pass',
    'size pass',
    'monotone-x pass',
    'invariant-x pass',
    'directional-x pass',
  ])
  expect(report.checks.filter(({ target }) => target.model !== 'm@3')).toEqual([])
  expect(report.checks.slice(2).every(({ durationMs }) => durationMs !== undefined)).toBe(true)
})

it('is measured on the rows of the frame, and the champion on the same', async () => {
  const worse = await suite(
    () => 0.5,
    m => [m.metric('auc', { notWorseThan: 'champion' })],
    { champion: good },
  )
  expect(worse.report.checks.find(({ id }) => id === 'auc-vs-champion')).toMatchObject({
    status: 'fail',
    evaluated: rows,
    observed: { challenger: 0.5 },
  })
  expect(worse.metrics.auc).toBe(0.5)
})

it('checks made elsewhere belong to the verdict', async () => {
  const bad = {
    id: 'parity',
    kind: 'parity',
    target: {},
    severity: 'critical',
    status: 'fail',
    observed: {},
    evaluated: 1,
    bad: 1,
    threshold: '',
    message: '',
  }
  const { report } = await suite(good, undefined, { further: [bad] as never })
  expect(report.status).toBe('fail')
  expect(report.checks[0]?.id).toBe('parity')
})

it('a failed warning makes a warning, a failed critical test a failure', async () => {
  const asked = (severity: 'critical' | 'warning' | 'info') => suite(good, m => [m.size({ maxBytes: 999, severity })])
  expect((await asked('critical')).report.status).toBe('fail')
  expect((await asked('warning')).report.status).toBe('warn')
  expect((await asked('info')).report.status).toBe('pass')
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seeded } from '../../../math/random/seeded.ts'
import { alarmRate } from '../evaluate.ts'
import { belowFloor, type Cohort, RealisedPerformance } from './performance.ts'

const hour = 3_600_000_000

describe('a cohort of predictions', () => {
  /** Ten predictions of the first hour; `labels` of them have theirs. */
  const published = (labels: number, now: number): boolean | undefined => {
    const tracker = new RealisedPerformance({ task: 'binary', cohort: '1h', horizon: '2h' })
    for (let i = 0; i < 10; i++) tracker.predicted(`p${i}`, i, i / 10)
    for (let i = 0; i < labels; i++) tracker.labelled(`p${i}`, i % 2, i + 1)
    return tracker.cohorts(now)[0]?.published
  }

  it.each([
    ['that is still open, with every label', 10, hour - 1, false],
    ['that is just over, with every label', 10, hour, true],
    ['with four of five labels', 8, hour, true],
    ['with fewer, while labels may still come', 7, hour, false],
    ['the same just before the horizon', 7, 3 * hour - 1, false],
    ['the same at the horizon', 7, 3 * hour, true],
    ['without any label, however late', 0, 99 * hour, false],
  ])('%s', (_, labels, now, wanted) => {
    expect(published(labels, now)).toBe(wanted)
  })
})

describe('labels of a cohort', () => {
  type Said = readonly [id: string, label: number, at: number]
  /** The first cohort after labels came in that order, to sixty predictions of which some come after their labels. */
  const after = (said: readonly Said[], late: ReadonlySet<string> = new Set()): Cohort => {
    const tracker = new RealisedPerformance({ task: 'binary', cohort: '1h', horizon: '2h' })
    const ids = Array.from({ length: 60 }, (_, i) => `p${i}`)
    const predict = (id: string): unknown =>
      tracker.predicted(id, Number(id.slice(1)), ((Number(id.slice(1)) * 7) % 60) / 60)
    for (const id of ids) if (!late.has(id)) predict(id)
    for (const [id, label, at] of said) tracker.labelled(id, label, at)
    for (const id of late) predict(id)
    return tracker.cohorts(3 * hour)[0] as Cohort
  }
  /** To nine digits: rows are added up in the order in which they came. */
  const figures = ({ auc, loss, labelled, coverage, meanDelay }: Cohort): unknown =>
    JSON.parse(
      JSON.stringify({ auc, loss, labelled, coverage, meanDelay }, (_, value: unknown) =>
        typeof value === 'number' ? Number(value.toPrecision(9)) : value,
      ),
    )

  it('count as they were said last, in whichever order they and their predictions came', () => {
    const label = fc.tuple(
      fc.nat(59).map(i => `p${i}`),
      fc.constantFrom(0, 1),
      fc.integer({ min: 100, max: 2 * hour }),
    )
    fc.assert(
      fc.property(fc.array(label, { minLength: 1, maxLength: 90 }), fc.uniqueArray(fc.nat(59)), (said, places) => {
        const last = [...new Map(said.map(one => [one[0], one])).values()]
        const found = after(said, new Set(places.map(i => `p${i}`)))
        expect(figures(found)).toEqual(figures(after(last)))
        expect(found.labelled).toBe(last.length)
      }),
      { numRuns: 100 },
    )
  })

  it('that correct earlier ones state the figures anew, and are no new labels', () => {
    const tracker = new RealisedPerformance({ task: 'regression', cohort: '1h' })
    tracker.predicted('a', 0, 1)
    tracker.predicted('b', 0, 1)
    expect([tracker.labelled('a', 1, 5), tracker.labelled('b', 1, 5), tracker.labelled('a', 3, 9)]).toEqual([
      true,
      true,
      false,
    ])
    expect(tracker.cohorts(hour)[0]).toMatchObject({ labelled: 2, revision: 3, loss: { value: 2 }, meanDelay: 7 })
  })
})

describe('predictions beyond those that are kept', () => {
  it('are a sample by their ids: its figures are those of all, of each cohort, and rows stay few', () => {
    const options = { task: 'binary', cohort: '1h', horizon: '2h' } as const
    const [all, some] = [
      new RealisedPerformance(options),
      new RealisedPerformance(options, { maxRows: 2000, maxBytes: 1e9 }),
    ]
    const random = seeded(5)
    const sent = [20_000, 500].flatMap((count, cohort) =>
      Array.from({ length: count }, (_, i) => {
        const score = random.next()
        return { id: `${cohort}-${i}`, at: cohort * hour + i, score, label: random.next() < score ? 1 : 0 }
      }),
    )
    for (const tracker of [all, some]) for (const { id, at, score } of sent) tracker.predicted(id, at, score)
    for (const tracker of [all, some])
      for (const [i, { id, label }] of sent.entries()) if (i % 10 > 0) tracker.labelled(id, label, 2 * hour)
    const [whole, sample] = [all.cohorts(3 * hour), some.cohorts(3 * hour)]
    expect(sample.map(one => one.predictions)).toEqual([20_000, 500])
    expect(whole.map(one => one.labelled)).toEqual([18_000, 450])
    expect(sample[0]?.labelled).toBeGreaterThan(700)
    expect(sample.reduce((sum, one) => sum + one.labelled, 0)).toBeLessThanOrEqual(2000)
    // The small cohort is whole
    expect(sample[1]?.labelled).toBe(450)
    expect(sample[1]).toEqual(whole[1])
    expect(Math.abs((sample[0]?.coverage ?? 0) - 0.9)).toBeLessThan(0.05)
    const { auc, loss } = sample[0] as Cohort
    for (const [own, truth] of [
      [auc, whole[0]?.auc],
      [loss, whole[0]?.loss],
    ] as const) {
      expect(own?.lower).toBeLessThan(truth?.value ?? Number.NaN)
      expect(own?.upper).toBeGreaterThan(truth?.value ?? Number.NaN)
    }
    some.drop(99 * hour)
    expect(some.cohorts(99 * hour)).toEqual([])
  })
})

describe('the rate of false alarms', () => {
  it.each([
    ['30d', 1, 1 / 30],
    ['30d', 24, 1 / 720],
    ['90d', 1 / 7, 1 / (90 / 7)],
    // never more than one window in twenty
    ['7d', 1, 0.05],
    ['30d', 1 / 7, 0.05],
  ] as const)('of one per %s is shared out over %d tests a day', (falseAlarms, perDay, wanted) => {
    expect(alarmRate(falseAlarms, perDay)).toBeCloseTo(Math.min(0.05, wanted), 12)
  })
})

describe('the floor of a cohort', () => {
  const interval = (value: number, half: number) => ({ value, lower: value - half, upper: value + half })
  const cohort = (auc: number | null, loss: number): Cohort => ({
    from: 0,
    to: hour,
    predictions: 10,
    labelled: 10,
    coverage: 1,
    published: true,
    revision: 1,
    auc: auc === null ? null : interval(auc, 0.01),
    loss: interval(loss, 0.01),
    r2: null,
    accuracy: null,
    meanDelay: 0,
  })
  const exact = { error: 0, natural: null }

  // each is held with its whole interval: AUC by its upper end, loss by its lower one
  it.each([
    ['2 % of the baseline', exact, 0.784],
    ['three standard errors', { error: 0.02, natural: null }, 0.74],
    ['three natural standard deviations', { error: 0.02, natural: 0.03 }, 0.71],
  ])('lies %s below its AUC', (_, { error, natural }, floor) => {
    const baseline = {
      task: 'binary' as const,
      rows: 1_000,
      quality: { value: 0.8, error, natural },
      loss: { value: 0.5, ...exact },
    }
    expect(belowFloor(baseline, cohort(floor - 0.011, 0.5))).toMatchObject({ below: true, metric: 'auc' })
    expect(belowFloor(baseline, cohort(floor - 0.009, 0.5)).below).toBe(false)
  })

  it.each([
    ['2 % of the baseline', exact, 0.51],
    ['three standard errors', { error: 0.02, natural: null }, 0.56],
    ['three natural standard deviations', { error: 0.02, natural: 0.03 }, 0.59],
  ])('lies %s above its loss', (_, { error, natural }, ceiling) => {
    for (const task of ['binary', 'regression'] as const) {
      const baseline = { task, rows: 1_000, quality: { value: 0.8, ...exact }, loss: { value: 0.5, error, natural } }
      expect(belowFloor(baseline, cohort(null, ceiling + 0.011))).toMatchObject({ below: true, metric: 'loss' })
      expect(belowFloor(baseline, cohort(null, ceiling + 0.009)).below).toBe(false)
    }
  })
})

import { describe, expect, it } from 'vitest'
import { type Change, hasGone, judgeColumn, type DirectionObservation, remembered, unlikeTraining } from './changes.ts'
import type { Measures } from './column-drift.ts'
import { smallestChange, smallestOf } from './sensitivity.ts'
import type { Variation } from '../windows/variation.ts'
import { type ColumnMeasurement, nameOf, told, verdictOf } from './verdict.ts'

// From what each direction of a column says to the verdict of a window: the arithmetic by hand, the words as people get them.

const variation = (between: number): Variation => ({
  means: [0],
  windows: 100,
  between,
  total: between,
  freedom: 99,
  sampling: 0,
  correlation: 0,
})

/** A direction that has `current` where `expected` was. */
const observed = (over: Partial<DirectionObservation> = {}): DirectionObservation => ({
  name: 'level',
  kind: 'level',
  words: 'mean',
  expected: 0,
  byLevel: false,
  current: 0,
  sampling: 0.001,
  baseline: 0.0001,
  smallest: 0.14,
  variation: undefined,
  tests: 1,
  ...over,
})

describe('a change', () => {
  it('is sure when it is beyond what matters by several standard deviations of its noise', () => {
    const p = (current: number, over: Partial<DirectionObservation> = {}) =>
      judgeColumn([observed({ current, ...over })], {})
    // below half of what matters nothing is tested
    expect(p(0.07)).toMatchObject({ p: 1, pWarn: 1 })
    // the deviation of the noise is √0.0011 ≈ 0.0332: 0.14 more than what matters is 4.2 of them, one-sided 1.2e-5
    expect(p(0.28).p).toBeCloseTo(1.23e-5, 6)
    expect(p(-0.28).p).toBeCloseTo(1.23e-5, 6)
    expect(p(0.28, { tests: 10 }).p).toBeCloseTo(1.23e-4, 5)
    // just what matters is beyond it by chance every other time
    expect(p(0.14).p).toBeCloseTo(0.5, 3)
    expect(p(0.14).pWarn).toBeCloseTo(0.0175, 3)
    expect(p(0.1, { tests: 50 })).toMatchObject({ p: 1 })
    // where days differ, so much more is needed
    expect(p(0.28, { variation: variation(0.01) }).p).toBeGreaterThan(0.05)
    expect(p(0.6, { variation: variation(0.01) }).p).toBeLessThan(1e-4)
    // without any noise it is a matter of size alone
    const exact = { sampling: 0, baseline: 0 }
    expect([p(0.1401, exact).p, p(0.14, exact).p, p(0.14, exact).pWarn]).toEqual([0, 1, 0])
  })

  it('that is small and stays is sure over several windows, long before one shows it', () => {
    const small = observed({ current: 0.19, sampling: 0.002 })
    const past = { level: Array.from({ length: 13 }, () => remembered(small)) }
    const [alone, together] = [judgeColumn([small], {}), judgeColumn([small], past)]
    expect(alone.p).toBeGreaterThan(0.05)
    expect(together.p).toBeLessThan(1e-3)
    expect(together.change).toMatchObject({ windows: 14, text: 'mean +0.19 sd over 14 windows', from: 0 })
    expect(together.change?.to).toBeCloseTo(0.19, 6)
    expect(together.change?.times).toBeCloseTo(0.19 / 0.14, 6)
    // of another direction nothing is known
    expect(judgeColumn([small], { spread: past.level })).toEqual(alone)
    expect(remembered(observed({ current: 1 / 3, sampling: 1 / 3 }))).toEqual([0.333333, 0.3333])
  })

  it('of one odd window, however great, is clipped among others', () => {
    const calm = remembered(observed())
    const odd = remembered(observed({ current: 50 }))
    const judged = judgeColumn([observed()], { level: [calm, calm, calm, calm, calm, odd] })
    expect(judged.p).toBeGreaterThan(0.1)
    expect(Math.abs(judged.change?.to ?? 1)).toBeLessThan(0.14)
  })

  it('is the surest one, and among those beyond doubt the greatest', () => {
    const which = (...all: Partial<DirectionObservation>[]) => judgeColumn(all.map(observed), {}).change?.direction
    expect(which({ current: 0.3 }, { name: 'spread', current: 0.5 })).toBe('spread')
    expect(which({ current: 0.5 }, { name: 'spread', current: 0.3 })).toBe('level')
    const exact = { sampling: 0, baseline: 0 }
    expect(which({ current: 1, ...exact }, { name: 'spread', current: -2, ...exact })).toBe('spread')
    expect(which({ current: 2, ...exact }, { name: 'spread', current: 1, ...exact })).toBe('level')
    expect(judgeColumn([], {})).toEqual({ p: 1, pWarn: 1, change: null })
    // neither alerts, one warns
    expect(which({ current: 0.08, tests: 99 }, { name: 'spread', current: 0.1, tests: 9 })).toBe('spread')
  })

  it.each([
    [{}, 0.314, 'mean +0.31 sd'],
    [{}, -0.314, 'mean −0.31 sd'],
    // a deviation of 1.5: (1.5² − 1) / √2
    [{ kind: 'spread', words: 'spread' }, 1.25 / Math.SQRT2, 'spread +50 %'],
    [{ kind: 'spread', words: 'spread' }, -0.75 / Math.SQRT2, 'spread −50 %'],
    [{ kind: 'share', words: 'share of ORD', expected: 0.4 }, 0.1, 'share of ORD 40.0 % → 50.0 %'],
    [{ kind: 'share', words: 'share of ORD', expected: 0.95 }, 0.1, 'share of ORD 95.0 % → 100.0 %'],
    [{ kind: 'presence', words: 'missing', expected: 0.02 }, -0.03, 'missing 2.0 % → 0.0 %'],
    [
      { kind: 'share', words: 'share of 1', byLevel: true },
      0.123,
      'share of 1 12.3 points above what its mean explains',
    ],
    [
      { kind: 'share', words: 'share of 1', byLevel: true },
      -0.2,
      'share of 1 20.0 points below what its mean explains',
    ],
  ] as const)('%j by %d is told as %s', (over, change, text) => {
    const one = observed({ ...over, sampling: 0, baseline: 0, smallest: 0.01 })
    expect(judgeColumn([{ ...one, current: one.expected + change }], {}).change?.text).toBe(text)
  })

  it('is over where the window has less than half of it, and not known where nothing is seen of it', () => {
    const change = { direction: 'level', from: 0, to: 0.4 } as Change
    const now = (current: number) => hasGone([observed({ current })], change)
    expect([now(0.199), now(0.2), now(-3)]).toEqual([true, false, true])
    expect(hasGone([observed({ current: -0.3 })], { ...change, to: -0.4 })).toBe(false)
    expect(hasGone([observed({ current: -0.1 })], { ...change, to: -0.4 })).toBe(true)
    expect(hasGone([observed({ name: 'spread' })], change)).toBeUndefined()
  })

  it('matters by its kind and the sensitivity, half as much warns', () => {
    expect(smallestChange).toEqual({
      low: { deviations: 0.3, share: 0.1, presence: 0.05 },
      normal: { deviations: 0.14, share: 0.04, presence: 0.01 },
      high: { deviations: 0.07, share: 0.02, presence: 0.005 },
    })
    const of = (kind: Parameters<typeof smallestOf>[0]) => smallestOf(kind, smallestChange.normal)
    expect([of('level'), of('spread'), of('share'), of('presence')]).toEqual([0.14, 0.14, 0.04, 0.01])
  })
})

describe('values unlike those of training', () => {
  const known = (over: Partial<DirectionObservation> = {}) => observed({ variation: variation(0.01), ...over })
  it('lie or spread certainly otherwise than windows did, at the rate that is given', () => {
    expect(unlikeTraining([known()], 0.01)).toBe(false)
    expect(unlikeTraining([known({ current: 0.5 })], 0.01)).toBe(true)
    expect(unlikeTraining([known({ current: -0.5 })], 0.01)).toBe(true)
    expect(unlikeTraining([known(), known({ name: 'spread', kind: 'spread', current: 0.5 })], 0.01)).toBe(true)
    // 0.25 is 2.4 of its deviations: seldom, not certain
    expect([0.01, 0.05].map(rate => unlikeTraining([known({ current: 0.25 })], rate))).toEqual([false, true])
    const fixed = { variation: variation(0), sampling: 0, baseline: 0 }
    expect(unlikeTraining([observed({ ...fixed, current: 0.001 })], 0.01)).toBe(true)
    expect(unlikeTraining([observed(fixed)], 0.01)).toBe(false)
  })

  it('is not known without windows, and shares say nothing of it', () => {
    expect(unlikeTraining([observed({ current: 9 })], 0.01)).toBeUndefined()
    expect(unlikeTraining([known({ kind: 'share', current: 9 })], 0.01)).toBeUndefined()
    expect(unlikeTraining([known({ kind: 'presence', current: 9 })], 0.01)).toBeUndefined()
  })
})

describe('the verdict of a window', () => {
  interface Column {
    readonly name: string
    readonly p?: number
    readonly pWarn?: number
    readonly importance?: number
    readonly times?: number
    readonly direction?: string
    readonly down?: boolean
    readonly error?: string
    readonly few?: boolean
  }
  const measured = ({
    name,
    p = 1,
    pWarn = 1,
    times = 1,
    importance,
    direction,
    down,
    error,
    few,
  }: Column): ColumnMeasurement => ({
    measures: { name, kind: 'number', output: name === 'score', importance: importance ?? null } as Measures,
    judged:
      few || error
        ? undefined
        : {
            p,
            pWarn: Math.min(p, pWarn),
            change: {
              direction: direction ?? 'level',
              kind: 'level',
              from: 0,
              to: down ? -1 : 1,
              times,
              windows: 1,
              text: `${direction ?? 'mean'} ${times}`,
            },
          },
    ...(error === undefined ? {} : { error }),
  })
  const sure = { p: 1e-9 }
  const judge = (...columns: Column[]) => verdictOf(columns.map(measured), 0.02)
  const calm = { name: 'score' }

  it.each<[string, Column[], string, string]>([
    ['nothing moved', [{ name: 'a' }, calm], 'ok', ''],
    ['one of no known importance', [{ name: 'a', ...sure }, calm], 'drift', 'a: mean 1'],
    ['one that counts for a twentieth', [{ name: 'a', ...sure, importance: 0.05 }, calm], 'drift', 'a: mean 1'],
    [
      'one for less',
      [{ name: 'a', ...sure, importance: 0.049 }, calm],
      'warn',
      'a: mean 1; the model hardly uses what moved',
    ],
    [
      'many for a quarter together',
      [...'abcdefg'].map((name): Column => ({ name, ...sure, importance: 0.04 })).concat(calm),
      'drift',
      'a: mean 1, b: mean 1, c: mean 1, d: mean 1, e: mean 1 and 2 more',
    ],
    [
      'many for less together',
      [...'abcdef'].map((name): Column => ({ name, ...sure, importance: 0.04 })).concat(calm),
      'warn',
      'a: mean 1, b: mean 1, c: mean 1, d: mean 1, e: mean 1 and 1 more; the model hardly uses what moved',
    ],
    [
      'the score alone',
      [
        { name: 'a', importance: 1 },
        { name: 'score', ...sure },
      ],
      'drift',
      "the model's score: mean 1",
    ],
    [
      'the score, beside what does not count; worst first',
      [
        { name: 'a', ...sure, importance: 0.01, times: 3 },
        { name: 'score', ...sure, times: 4 },
      ],
      'drift',
      "the model's score: mean 4, a: mean 3",
    ],
    ['something less than what alerts', [{ name: 'a', pWarn: 1e-9 }, calm], 'warn', 'a: mean 1: less than what alerts'],
    [
      'one that cannot be compared',
      [{ name: 'a', error: 'broken' }, calm],
      'error',
      'some columns could not be compared',
    ],
    [
      'that, and another that moved',
      [{ name: 'a', error: 'broken' }, { name: 'b', ...sure }, calm],
      'drift',
      'b: mean 1',
    ],
    [
      'too few rows of all',
      [
        { name: 'a', few: true },
        { ...calm, few: true },
      ],
      'insufficient',
      'too few rows',
    ],
  ])('%s', (_, columns, verdict, reason) => {
    const found = judge(...columns)
    expect(found.verdict).toBe(verdict)
    if (reason !== '') expect(found.reason).toBe(reason)
    expect(found.columns.map(one => one.name)).toEqual(columns.map(one => one.name))
    if (verdict !== 'drift') expect(found.drifted).toEqual([])
  })

  it('shares its rate: half for the inputs together, half for the score', () => {
    const verdicts = (...columns: Column[]) => judge(...columns).columns.map(one => one.verdict)
    // one test each: 1 %
    expect(verdicts({ name: 'a', p: 0.01 }, { name: 'score', p: 0.01 })).toEqual(['drift', 'drift'])
    expect(verdicts({ name: 'a', p: 0.0101 }, { name: 'score', p: 0.0101 })).toEqual(['ok', 'ok'])
    // of two, one alone needs half of it; two together do not
    const b = { name: 'b' }
    expect(verdicts({ name: 'a', p: 0.005 }, b, calm)).toEqual(['drift', 'ok', 'ok'])
    expect(verdicts({ name: 'a', p: 0.0051 }, b, calm)).toEqual(['ok', 'ok', 'ok'])
    expect(verdicts({ name: 'a', p: 0.0099 }, { name: 'b', p: 0.0099 }, calm)).toEqual(['drift', 'drift', 'ok'])
    // what has too few rows is no test
    expect(verdicts({ name: 'a', p: 0.01 }, { name: 'b', few: true }, calm)).toEqual(['drift', 'insufficient', 'ok'])
    expect(verdicts({ name: 'a', pWarn: 0.01 }, { name: 'b', error: 'broken' }, calm)).toEqual(['warn', 'error', 'ok'])
    expect(judge({ name: 'b', error: 'broken' }, calm).columns[0]).toMatchObject({ error: 'broken', p: 1, times: 0 })
  })

  it('begins with the inputs that are missing more often, where they are half of them and more than one', () => {
    const missing = (name: string, down = false): Column => ({ name, ...sure, direction: 'missing', down })
    const reason = (...columns: Column[]) => judge(...columns, calm).reason
    expect(reason(missing('a'), missing('b'), { name: 'c' }, { name: 'd' })).toMatch(
      /^2 of 4 inputs are missing more often: a: missing 1, b/,
    )
    expect(reason(missing('a'), missing('b'), { name: 'c' }, { name: 'd' }, { name: 'e' })).toMatch(/^a: missing/)
    expect(reason(missing('a'), { name: 'b' })).toMatch(/^a: missing/)
    expect(reason(missing('a', true), missing('b', true))).toMatch(/^a: missing/)
    expect(reason({ name: 'a', ...sure }, { name: 'b', ...sure })).toMatch(/^a: mean/)
  })

  it('names what nothing is known of all the same', () => {
    const [column] = judge({ name: 'a', error: 'x' }, calm).columns
    if (!column) throw new Error('a column was expected')
    expect([told([column]), nameOf(column), nameOf({ ...column, output: true })]).toEqual([
      'a: changed',
      'a',
      "the model's score",
    ])
  })
})

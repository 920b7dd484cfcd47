import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seeded } from '../../math/random/seeded.ts'
import { buildProfile } from './build-profile.ts'
import { baselineCounters, directionsOf, meansOf } from './directions.ts'
import { measureColumn } from '../watch/column-drift.ts'
import type { NumberProfile, TextProfile } from './profile.ts'
import { quartilesOf, unitEdges, unitFits } from './unit-edges.ts'
import { fewestWindows, varianceOfMean, variationOf, type WindowMean } from './variation.ts'
import { createWindow } from './window.ts'

// Baselines, windows and measures against counting by hand.

const numbers = (values: readonly number[]): NumberProfile => {
  const filled = Float32Array.from(values)
  return buildProfile({
    columns: [{ name: 'x', kind: 'number', values: filled }],
    scores: filled.map(() => 0),
  }).columns[0] as NumberProfile
}
const texts = (values: readonly string[]): TextProfile =>
  buildProfile({ columns: [{ name: 'x', kind: 'text', values }], scores: new Float32Array(values.length) })
    .columns[0] as TextProfile

const count = <T>(list: readonly T[], holds: (one: T) => boolean): number => list.filter(holds).length
const meanOf = (list: readonly number[]): number => list.reduce((sum, x) => sum + x, 0) / list.length
const deviationOf = (list: readonly number[]): number => Math.sqrt(meanOf(list.map(x => (x - meanOf(list)) ** 2)))

describe('the baseline of a number', () => {
  const value = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: -500, max: 500 }).map(x => Math.fround(x / 8)) },
    { weight: 1, arbitrary: fc.constantFrom(Number.NaN, Infinity, -Infinity, 0, -0) },
  )

  it('counts every value once: in its bin, or as missing or infinite', () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 2, maxLength: 400 }), values => {
        const found = numbers(values)
        const finite = values.filter(Number.isFinite)
        expect(found.missing).toBe(count(values, Number.isNaN))
        expect(found.positiveInfinity).toBe(count(values, x => x === Infinity))
        expect(found.negativeInfinity).toBe(count(values, x => x === -Infinity))
        const distinct = [...new Set(finite.map(x => x + 0))].sort((a, b) => a - b)
        expect(found.form).toBe(distinct.length <= 20 ? 'points' : 'bins')
        if (found.form === 'points') {
          expect(found.edges).toEqual(distinct)
          expect(found.counts).toEqual(distinct.map(point => count(finite, x => x === point)))
          expect(found.coarse).toEqual(distinct.map((_, i) => i))
        } else {
          expect(found.edges).toHaveLength(found.counts.length + 1)
          expect([found.edges[0], found.edges.at(-1)]).toEqual([distinct[0], distinct.at(-1)])
          found.counts.forEach((own, bin) => {
            const [low, high] = [found.edges[bin] as number, found.edges[bin + 1] as number]
            expect(own).toBe(count(finite, x => x <= high && (bin === 0 ? x >= low : x > low)))
          })
        }
        if (finite.length > 0) {
          expect(found.mean).toBeCloseTo(meanOf(finite), 5)
          expect(found.std).toBeCloseTo(deviationOf(finite), 5)
        } else expect([found.mean, found.std]).toEqual([0, 0])
      }),
      { numRuns: 150 },
    )
  })

  it('has bins from the 21st value on', () => {
    const of = (distinct: number) => numbers(Array.from({ length: 420 }, (_, i) => i % distinct)).form
    expect([of(20), of(21)]).toEqual(['points', 'bins'])
  })
})

describe('the baseline of a text', () => {
  it('has the fifty most frequent values, the first in the alphabet among equals, and counts the others', () => {
    const names = Array.from({ length: 60 }, (_, i) => `v${String(i).padStart(2, '0')}`)
    // v59 three times, v58 twice, the others once; four are missing
    const found = texts([...names, 'v59', 'v59', 'v58', '', '', '', ''])
    expect(found.categories).toEqual(['v59', 'v58', ...names.slice(0, 48)])
    expect(found.counts).toEqual([3, 2, ...Array.from({ length: 48 }, () => 1)])
    expect(found).toMatchObject({ other: 10, others: names.slice(48, 58), missing: 4 })
  })

  it('keeps the names of two thousand others, and of no more', () => {
    const of = (others: number) => texts(Array.from({ length: 50 + others }, (_, i) => `v${i}`)).others?.length
    expect([of(2_000), of(2_001)]).toEqual([2_000, undefined])
  })

  it('tells unseen values from others where it knows their names', () => {
    const slots = (others: number, value: string): number[] => {
      const made = buildProfile({
        columns: [{ name: 'x', kind: 'text', values: Array.from({ length: 50 + others }, (_, i) => `v${1_000 + i}`) }],
        scores: new Float32Array(50 + others),
      })
      const window = createWindow(made)
      window.add(new Float32Array(0), 0, [value], 0)
      return [...window.column(0).subarray(50)]
    }
    // other, unseen, missing
    expect(slots(10, 'v1055')).toEqual([1, 0, 0])
    expect(slots(10, 'new')).toEqual([0, 1, 0])
    expect(slots(10, '')).toEqual([0, 0, 1])
    expect(slots(2_001, 'new')).toEqual([1, 0, 0])
  })
})

it('numbers come before texts, each with its importance; the score is its own', () => {
  const values = Float32Array.of(1, 2, 3, 4)
  const made = buildProfile({
    columns: [
      { name: 't', kind: 'text', values: ['a', 'b', 'a', ''] },
      { name: 'n', kind: 'number', values, importance: 0.25 },
    ],
    scores: Float32Array.of(5, 5, 6, 7),
    heldOutScores: Float32Array.of(8, 9),
    at: Float64Array.of(1, 2, 3, 4),
  })
  expect(made.columns.map(one => [one.name, one.importance])).toEqual([
    ['n', 0.25],
    ['t', undefined],
  ])
  expect('importance' in (made.columns[1] as object)).toBe(false)
  expect(made).toMatchObject({ version: 1, rows: 4, naturalWindow: '7d', score: { edges: [8, 9], counts: [1, 1] } })
  expect(made.performance).toBeUndefined()
  const without = buildProfile({ columns: [], scores: values, naturalWindow: '1d' })
  // without times nothing is known of windows
  expect([without.naturalWindow, without.score.variation]).toEqual([undefined, undefined])
  const wrong = { columns: [], scores: values } as const
  expect(() => buildProfile({ ...wrong, at: Float64Array.of(1) })).toThrow(/at has 1 rows, the scores have 4/)
  expect(() => buildProfile({ ...wrong, labels: Float32Array.of(1) })).toThrow(/labels has 1 rows/)
})

describe('a window', () => {
  const spread = Float32Array.from({ length: 401 }, (_, i) => i - 200)
  const profile = buildProfile({
    columns: [
      { name: 'wide', kind: 'number', values: spread },
      { name: 'few', kind: 'number', values: spread.map(x => Math.sign(x)) },
    ],
    scores: spread,
  })
  const value = fc.oneof(
    fc.integer({ min: -3_000, max: 3_000 }).map(x => x / 2),
    fc.constantFrom(Number.NaN, Infinity, -Infinity, -1, 0, 1),
  )

  it('counts what is missing, infinite, unseen, beside the range and far away, as going through the rows does', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(value, value), { minLength: 1, maxLength: 60 }), pairs => {
        const window = createWindow(profile)
        const batch = { rows: pairs.length, features: Float32Array.from(pairs.flat()) }
        window.addBatch(batch, new Float32Array(pairs.length).fill(3))
        const deviation = deviationOf([...spread])
        for (const column of [0, 1]) {
          const own = pairs.map(pair => pair[column] as number)
          const finite = own.filter(Number.isFinite)
          const { counts } = profile.columns[column] as NumberProfile
          const slots = window.column(column)
          const [low, high] = column === 0 ? [-200, 200] : [-1, 1]
          const std = column === 0 ? deviation : deviationOf([...spread].map(Math.sign))
          const extras = [...slots.subarray(counts.length, counts.length + 7)]
          expect(extras).toEqual([
            count(own, Number.isNaN),
            count(own, x => x === Infinity),
            count(own, x => x === -Infinity),
            column === 0 ? 0 : count(finite, x => ![-1, 0, 1].includes(x)),
            count(finite, x => x < low),
            count(finite, x => x > high),
            count(finite, x => Math.abs(x) > 8 * std),
          ])
          const said = window.scaling(column)
          expect(said).toMatchObject({
            rows: pairs.length,
            finite: finite.length,
            missing: extras[0],
            far: extras[6],
            other: column === 0 ? undefined : extras[3],
          })
          if (finite.length === 0) continue
          // one row counts for at most 256 deviations
          expect(said.mean).toBeCloseTo(meanOf(finite.map(x => Math.max(-256 * std, Math.min(256 * std, x)))), 1)
          // raw values are for those that a scaler made: beyond 16 deviations they count as 16
          const raw = finite.map(x => Math.max(-16, Math.min(16, x)))
          expect(said.raw.mean).toBeCloseTo(meanOf(raw), 2)
          expect(said.raw.std).toBeCloseTo(deviationOf(raw), 1)
        }
        expect(window.rows).toBe(pairs.length)
        expect(window.moments(2)).toMatchObject({ mean: expect.closeTo(3, 1), std: 0 })
      }),
      { numRuns: 100 },
    )
  })

  it('takes each row of a batch with its own texts, and those that are not given as missing', () => {
    const words = (last: string): string[] => Array.from({ length: 4 }, (_, i) => (i < 2 ? 'a' : i < 3 ? 'b' : last))
    const made = buildProfile({
      columns: [
        { name: 's', kind: 'text', values: words('c') },
        { name: 't', kind: 'text', values: words('d') },
      ],
      scores: new Float32Array(4),
    })
    const window = createWindow(made)
    const features = new Float32Array(0)
    window.addBatch({ rows: 3, features, categories: ['c', 'a', 'a', 'd', 'b', 'd'] }, [0, 0, 0])
    // a b c, other, unseen, missing
    expect([...window.column(0)]).toEqual([1, 1, 1, 0, 0, 0])
    expect([...window.column(1)]).toEqual([1, 0, 2, 0, 0, 0])
    window.addBatch({ rows: 1, features }, [0])
    expect([window.column(0)[5], window.column(1)[5], window.rows]).toEqual([1, 1, 4])
    expect(() => window.merge(createWindow(profile))).toThrow(/two windows with different baselines/)
  })

  it('of the far ones has those beyond eight deviations, and no sum grows without bounds', () => {
    const window = createWindow(profile)
    const std = deviationOf([...spread])
    const add = (x: number): void => window.add(Float32Array.of(x, 0), 0, undefined, 0)
    add(8 * std * 0.999)
    expect(window.scaling(0).far).toBe(0)
    add(8 * std * 1.001)
    add(-8 * std * 1.001)
    expect(window.scaling(0).far).toBe(2)
    add(3e38)
    add(-3e38)
    expect(Math.abs(window.moments(0).mean)).toBeLessThan(1e3)
    expect(Number.isFinite(window.scaling(0).raw.std)).toBe(true)
  })
})

describe('measures', () => {
  it('are those of the shares in both, by hand', () => {
    const column = numbers([...Array.from({ length: 60 }, () => 1), ...Array.from({ length: 40 }, () => 3)])
    const slots = new Float64Array(2 + 7)
    slots.set([30, 70])
    const seen = measureColumn(column, slots, false)
    const kl = 0.3 * Math.log(0.3 / 0.6) + 0.7 * Math.log(0.7 / 0.4)
    expect(seen).toMatchObject({ name: 'x', kind: 'number', output: false, rows: 100, unseen: 0, importance: null })
    expect(seen.tvd).toBeCloseTo(0.3, 10)
    expect(seen.ks).toBeCloseTo(0.3, 10)
    // three tenths of the rows moved by 2; the deviation is √(0.6 · 0.4) · 2
    expect(seen.wasserstein).toBeCloseTo(0.6 / (2 * Math.sqrt(0.24)), 6)
    expect(seen.kl).toBeCloseTo(kl, 2)
    expect(seen.psi).toBeCloseTo(kl + 0.6 * Math.log(0.6 / 0.3) + 0.4 * Math.log(0.4 / 0.7), 1)
    expect(seen.corrected).toBeLessThan(seen.psi)
  })

  it('tell missing, infinite and unseen values as shares of all rows', () => {
    const column = numbers([...Array.from({ length: 75 }, (_, i) => i % 3), ...Array.from({ length: 25 }, () => NaN)])
    const slots = new Float64Array(3 + 7)
    slots.set([10, 20, 10, 40, 5, 5, 10])
    const seen = measureColumn(column, slots, true)
    expect(seen).toMatchObject({ rows: 100, output: true, unseen: 0.1 })
    expect(seen.missing).toMatchObject({ reference: 0.25, current: 0.4, change: expect.closeTo(0.15, 10) })
    // of 75 + 25 rows: 25 25 25 | 25 missing; now 10 20 10 | 40 missing, 5, 5, 10 elsewhere
    expect(seen.tvd).toBeCloseTo((15 + 5 + 15 + 15 + 5 + 5 + 10) / 200, 10)
    const named = measureColumn(texts(['a', 'a', 'b', '']), Float64Array.of(2, 2, 0, 4, 2), false)
    expect(named).toMatchObject({ rows: 10, unseen: 0.4, missing: { reference: 0.25, current: 0.2 }, ks: null })
    expect(named.wasserstein).toBeNull()
  })

  it('of no rows are nothing', () => {
    const seen = measureColumn(numbers([1, 2, 3]), new Float64Array(10), false)
    expect(seen).toMatchObject({ rows: 0, psi: 0, corrected: 0, kl: 0, js: 0, tvd: 0, ks: null, wasserstein: null })
    expect(seen).toMatchObject({ unseen: 0, missing: { reference: 0, current: 0, change: 0 } })
    // what is always the same has no deviation to measure by
    const one = measureColumn(numbers([1, 1]), Float64Array.of(3, 0, 0, 0, 0, 0, 0, 0), false)
    expect([one.ks, one.wasserstein]).toEqual([0, null])
  })
})

describe('directions', () => {
  const named = (column: NumberProfile | TextProfile): string[] =>
    directionsOf(column).map(one => `${one.kind}: ${one.words}`)
  const absences = ['missing', '+∞', '-∞', 'values that training did not have'].map(one => `presence: ${one}`)

  it('of a number are its mean, its spread, its shares and what is absent', () => {
    expect(named(numbers([1, 1, 2, 2, 3]))).toEqual([
      'level: mean',
      'spread: spread',
      'share: share of 1',
      'share: share of 2',
      'share: share of 3',
      ...absences,
    ])
    // the only value has no share to change
    expect(named(numbers([7, 7, 7]))).toEqual(absences)
  })

  it('of bins are a share for each test bin, named by its ends', () => {
    const column = numbers(Array.from({ length: 1_000 }, (_, i) => i))
    const shares = directionsOf(column).filter(one => one.kind === 'share')
    expect(shares).toHaveLength(new Set(column.coarse).size)
    expect(shares[0]?.words).toMatch(/^share of 0 to \d+/)
    expect(shares.at(-1)?.words).toMatch(/ to 999$/)
    // together they are all values, each once
    const together = column.counts.map((_, bin) => shares.reduce((sum, one) => sum + (one.scores[bin] as number), 0))
    expect(new Set(together)).toEqual(new Set([1]))
    for (const { mean } of meansOf(shares, baselineCounters(column))) expect(mean).toBeCloseTo(1 / shares.length, 1)
  })

  it('of a text are its twenty most frequent values, the rest, and what is absent', () => {
    const column = texts(Array.from({ length: 25 }, (_, i) => Array.from({ length: 30 - i }, () => `v${i}`)).flat())
    const found = named(column)
    expect(found.slice(0, 3)).toEqual(['share: share of v0', 'share: share of v1', 'share: share of v2'])
    expect(found.slice(19)).toEqual([
      'share: share of v19',
      'share: share of any other value',
      'presence: values that training did not have',
      'presence: missing',
    ])
    const rest = meansOf(directionsOf(column), baselineCounters(column))[20]
    expect(rest?.mean).toBeCloseTo((10 + 9 + 8 + 7 + 6) / column.counts.reduce((sum, x) => sum + x, 0), 10)
  })

  it('have means over their rows; what is absent is a share of all', () => {
    const column = numbers([1, 1, 2, 2, Number.NaN])
    const means = Object.fromEntries(
      meansOf(directionsOf(column), Float64Array.of(1, 3, 4, 0, 0, 2)).map((one, i) => [
        directionsOf(column)[i]?.name,
        one,
      ]),
    )
    expect(means['share 2']).toMatchObject({ mean: 0.75, rows: 4 })
    expect(means.missing).toMatchObject({ mean: 0.4, rows: 10 })
    expect(means['values that training did not have']).toMatchObject({ mean: 0.2, rows: 10 })
    expect(means.level?.mean).toBeGreaterThan(0)
    expect(meansOf(directionsOf(column), new Float64Array(6)).every(one => Number.isNaN(one.mean))).toBe(true)
  })

  it('of shares know what a shift of the mean makes of them: that of a normal variable', () => {
    const random = seeded(8)
    const before = Array.from({ length: 40_000 }, () => random.normal())
    const column = numbers(before)
    const window = createWindow(
      buildProfile({
        columns: [{ name: 'x', kind: 'number', values: Float32Array.from(before) }],
        scores: new Float32Array(before.length),
      }),
    )
    for (const x of before) window.add(Float32Array.of(x + 0.5), 0, undefined, 0)
    const base = meansOf(directionsOf(column), baselineCounters(column))
    meansOf(directionsOf(column), window.column(0)).forEach((one, i) => {
      const { kind } = directionsOf(column)[i] as { kind: string }
      if (kind !== 'share' && kind !== 'spread') return
      const explained = (base[i]?.mean as number) + one.byLevel
      expect(Math.abs(one.mean - explained)).toBeLessThan(kind === 'share' ? 0.02 : 0.08)
    })
  })
})

describe('quartiles and units', () => {
  it('are linear within bins, the value itself of points, and none where nothing varies', () => {
    const found = quartilesOf(numbers(Array.from({ length: 1_001 }, (_, i) => i)))
    found?.forEach((quartile, i) => expect(quartile).toBeCloseTo(250 * (i + 1), -1))
    expect(quartilesOf(numbers([1, 1, 2, 3, 3, 3, 4, 4]))).toEqual([1, 3, 3])
    expect(quartilesOf(numbers([1, 5, 5, 5, 5, 5]))).toBeUndefined()
    expect(quartilesOf(numbers([Number.NaN, Number.NaN]))).toBeUndefined()
    expect(unitEdges(numbers([1, 5, 5, 5, 5, 5]))).toEqual({ edges: new Float64Array(0), bands: [] })
  })

  it.each([
    ['the same', 1],
    ['kilometres for miles', 1.609344],
    ['thousandths for wholes', 1_000],
    ['hours for minutes', 1 / 60],
  ])('%s fits, and no other unit', (_, factor) => {
    const random = seeded(3)
    const base = Array.from({ length: 5_000 }, () => Math.exp(random.normal()))
    const made = buildProfile({
      columns: [{ name: 'x', kind: 'number', values: Float32Array.from(base) }],
      scores: new Float32Array(base.length),
    })
    const window = createWindow(made)
    for (const x of base) window.add(Float32Array.of(x * factor), 0, undefined, 0)
    const { units } = window.scaling(0)
    expect(units).toHaveLength(15)
    expect(units.filter(one => one.fits).map(one => one.factor)).toEqual([expect.closeTo(factor, 9)])
    for (const one of units) expect(one.fits ? one.miss < 0.02 : one.miss > 0.02).toBe(true)
    expect(unitFits(unitEdges(made.columns[0] as NumberProfile), new Float64Array(200))).toEqual([])
  })
})

describe('the variation between windows', () => {
  const windows = (means: readonly number[], sampling = 0): WindowMean[] =>
    means.map((mean, index) => ({ index, mean, sampling }))

  it('needs four of them', () => {
    expect(fewestWindows).toBe(4)
    expect(variationOf(windows([1, 2, 3]), [])).toBeUndefined()
    expect(variationOf(windows([1, 2, 3, 4]), [])).toMatchObject({ windows: 4, means: [2.5], freedom: 3 })
  })

  it('is the variance about the mean, less what the number of rows explains', () => {
    const means = [1, 3, 2, 6, 4, 2]
    const found = variationOf(windows(means, 0.5), [])
    const variance = means.reduce((sum, x) => sum + (x - 3) ** 2, 0) / 5
    expect(found).toMatchObject({ total: expect.closeTo(variance, 10), sampling: 0.5, freedom: 5 })
    expect(found?.between).toBeGreaterThanOrEqual(variance - 0.5)
    // as much as rows explain is nothing
    expect(variationOf(windows(means, 5), [])).toMatchObject({ between: 0, total: 0, correlation: 0 })
    expect(variationOf(windows([2, 2, 2, 2]), [])).toMatchObject({ between: 0, total: 0 })
  })

  it('has a week where one shows in every place at least twice, and none where chance would do', () => {
    const random = seeded(6)
    const weekly = Array.from({ length: 35 }, (_, i) => (i % 7 === 6 ? 5 : 0) + 0.1 * random.normal())
    const found = variationOf(windows(weekly), [7])
    expect(found?.means).toHaveLength(7)
    found?.means.forEach((mean, i) => expect(mean).toBeCloseTo(i === 6 ? 5 : 0, 0))
    expect(found?.freedom).toBe(28)
    expect(found?.total).toBeLessThan(0.03)
    expect(variationOf(windows(weekly.slice(0, 13)), [7])?.means).toHaveLength(1)
    expect(variationOf(windows(weekly.slice(0, 14)), [7])?.means).toHaveLength(7)
    expect(variationOf(windows(weekly.slice(0, 8)), [7])?.means).toHaveLength(1)
    expect(variationOf(windows(weekly.map(() => random.normal())), [7])?.means).toHaveLength(1)
  })

  it('knows where windows hang together', () => {
    const random = seeded(7)
    let state = 0
    const wandering = Array.from({ length: 300 }, () => (state = 0.7 * state + random.normal()))
    expect(variationOf(windows(wandering), [])?.correlation).toBeCloseTo(0.7, 0)
    expect(variationOf(windows(wandering.map(() => random.normal())), [])?.correlation).toBeLessThan(0.15)
    // of windows with gaps between them nothing is known
    const apart = wandering.map((mean, i) => ({ index: 2 * i, mean, sampling: 0 }))
    expect(variationOf(apart, [])?.correlation).toBe(0)
  })

  it('makes a mean over several windows surer, and what rows alone explain is surest', () => {
    expect(varianceOfMean(undefined, 3, 0.2, 0.1)).toEqual({ variance: expect.closeTo(0.3, 10), freedom: Infinity })
    const known = variationOf(windows([1, 3, 2, 6, 4, 2]), [])
    if (!known) throw new Error('a variation was expected')
    const found = { ...known, correlation: 0 }
    const [one, four] = [1, 4].map(spans => varianceOfMean(found, spans, 0, 0))
    // one window, and the baseline's mean of six
    expect(one?.variance).toBeCloseTo(found.between * (1 + 1 / 6), 6)
    expect(four?.variance).toBeLessThan((one?.variance as number) / 2)
    expect(one?.freedom).toBeGreaterThan(4)
    const more = varianceOfMean(found, 1, 1, 0)
    expect(more.variance - (one?.variance as number)).toBeCloseTo(1, 10)
    // what is known exactly adds to the freedom
    expect(more.freedom).toBeGreaterThan(one?.freedom as number)
    expect(varianceOfMean({ ...found, total: 0 }, 1, 1, 0).freedom).toBe(Infinity)
  })
})

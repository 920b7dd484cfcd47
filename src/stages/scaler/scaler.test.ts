import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CheckResult } from '../../define/report.ts'
import { digestBytes } from '../../internal/digest.ts'
import { seeded } from '../../math/random/seeded.ts'
import { fitScaler, type ScalerKind } from '../../math/scaler/index.ts'
import { buildProfile } from '../windows/build-profile.ts'
import { unitFactors } from '../windows/unit-edges.ts'
import { createWindow } from '../windows/window.ts'
import { mergeAssociativity, roundTrip } from './arithmetic.ts'
import { type ScalerArtifact, scalerArtifact } from './artifact.ts'
import { constantFeatures } from './constant.ts'
import { hashChain } from './hash-chain.ts'
import { namesAndOrder } from './names.ts'
import { float32Precision } from './precision.ts'
import { type ColumnStatistics, fittedOnTraining } from './refit.ts'
import { unitChange } from './units-of-versions.ts'
import { scalerOfWindow } from '../watch/watched-scaler.ts'

type Columns = Readonly<Record<string, Float32Array>>

const frame = digestBytes('frame')

function artifactOf(columns: Columns, kind: ScalerKind | readonly ScalerKind[] = 'standard'): ScalerArtifact {
  const inputs = Object.keys(columns).map(name => ({ name, kind: 'number' as const }))
  return scalerArtifact(fitScaler(kind, Object.values(columns)), inputs, frame, {})
}

const normal = (rows: number, mean: number, deviation: number, seed = 1): Float32Array => {
  const random = seeded(seed)
  return Float32Array.from({ length: rows }, () => mean + deviation * random.normal())
}

/** The streaming checks on `now` after training on `before`, by id. */
function window(before: Columns, now: Columns, missingHandled = true): Map<string, CheckResult> {
  const columns = Object.entries(before).map(([name, values]) => ({ name, kind: 'number' as const, values }))
  const rows = columns[0]?.values.length ?? 0
  const profile = buildProfile({ columns, scores: normal(rows, 0.5, 0.1, 9) })
  const seen = createWindow(profile)
  const values = Object.values(now)
  for (let row = 0; row < (values[0]?.length ?? 0); row++)
    seen.add(
      Float32Array.from(values, column => column[row] as number),
      0,
      undefined,
      0.5,
    )
  const checks = scalerOfWindow('api', { artifact: artifactOf(before), missingHandled }, profile, seen)
  return new Map(checks.map(check => [check.id, check]))
}

const status = (checks: ReadonlyMap<string, CheckResult>, id: string): string | undefined => checks.get(id)?.status

describe('S1 names and order', () => {
  const artifact = artifactOf({ distance: normal(9, 0, 1), hour: normal(9, 0, 1) })
  test.each([
    [['distance', 'hour'], 'pass', /one name and place everywhere/],
    [['hour', 'distance'], 'fail', /has hour where the scaler has distance \(input 1 of 2\)/],
    [['distance'], 'fail', /lacks hour/],
    [['distance', 'hour', 'rain'], 'fail', /has rain, which the scaler does not know/],
    [undefined, 'fail', /names no inputs/],
  ] as const)('%s: %s', (names, wanted, said) => {
    const check = namesAndOrder('m', artifact, { 'the ONNX file': names })
    expect([check.status, check.severity]).toEqual([wanted, 'critical'])
    expect(check.message).toMatch(said)
  })
})

describe('S2 refit and S3 leak', () => {
  const train = normal(4000, 10, 2)
  const all = Float32Array.from([...train, ...normal(1000, 40, 2, 2)])
  const statistics = (values: Float32Array): ColumnStatistics => {
    const { count, mean, var: variance, min, max, median, iqr } = artifactOf({ x: values }).features[0] as never
    return { count, mean, variance, min, max, median, iqr }
  }
  const found = [{ train: statistics(train), all: statistics(all) }]
  test.each(['standard', 'minmax', 'robust'] as const)('%s', kind => {
    const own = fittedOnTraining('m', artifactOf({ x: train }, kind), found)
    expect(own.map(check => check.status)).toEqual(['pass', 'pass'])
    const leaked = fittedOnTraining('m', artifactOf({ x: all }, kind), found)
    expect(leaked.map(check => check.status)).toEqual(['pass', 'fail'])
    const stale = fittedOnTraining('m', artifactOf({ x: normal(4000, 10.1, 2) }, kind), found)
    expect(stale.map(check => check.status)).toEqual(['fail', 'pass'])
  })
  test('any part of the training rows refits to itself', () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 2 }),
        fc.constantFrom('standard', 'minmax', 'robust' as const),
        (list, kind) => {
          const values = Float32Array.from(list)
          const same = [{ train: statistics(values), all: statistics(values) }]
          expect(fittedOnTraining('m', artifactOf({ x: values }, kind), same)[0]?.status).toBe('pass')
        },
      ),
    )
  })
})

describe('S4 constants', () => {
  const before = { fixed: new Float32Array(600).fill(14.62), x: normal(600, 3, 2) }
  test('are told at fit', () => {
    expect(constantFeatures('m', artifactOf(before))).toMatchObject({
      status: 'warn',
      message: 'fixed is 14.62 in every training row: it is not scaled',
    })
    expect(constantFeatures('m', artifactOf({ gone: new Float32Array(3).fill(NaN) })).message).toMatch(/no value/)
  })
  test('and may not move at serving, not in a single row', () => {
    expect(status(window(before, before), 'scaler-constant-moved')).toBe('pass')
    const moved = before.fixed.slice()
    moved[17] = 15
    const check = window(before, { ...before, fixed: moved }).get('scaler-constant-moved')
    expect(check).toMatchObject({ status: 'fail', target: { columns: ['fixed'] } })
    expect(check?.message).toMatch(/another value in 1 row:/)
  })
})

describe('S5 float32 precision', () => {
  test.each([
    ['years', 2000, 10, 'pass'],
    ['a large origin', 1e6, 300, 'warn'],
    ['epoch seconds within an hour', 1.7e9, 3600, 'fail'],
  ] as const)('%s', (name, mean, deviation, wanted) => {
    expect(float32Precision('m', artifactOf({ [name]: normal(500, mean, deviation) })).status).toBe(wanted)
  })
  test('bounds what float32 does to a value of the training range', () => {
    fc.assert(
      fc.property(fc.double({ min: 1, max: 1e7 }), fc.double({ min: 0.01, max: 1e4 }), (mean, deviation) => {
        const artifact = artifactOf({ x: normal(50, mean, deviation) })
        const feature = artifact.features[0]
        const worst = Number(float32Precision('m', artifact).observed.worst)
        if (!feature || feature.constant) return
        // A double inside the range, as the caller has it, and what is left of it in float32
        const value = feature.min + (feature.max - feature.min) * 0.37
        expect(Math.abs(Math.fround(value) - value) / feature.scale).toBeLessThanOrEqual(worst)
      }),
    )
  })
  test('of what is not scaled nothing is asked', () => {
    expect(float32Precision('m', artifactOf({ x: normal(9, 1e9, 1) }, 'none')).status).toBe('skipped')
  })
})

describe('S7 ranges, S8 double scaling, S10 missing values', () => {
  const before = { miles: normal(3000, 700, 500), rate: normal(3000, 0, 1, 3) }
  test('traffic like training passes everything', () => {
    const checks = window(before, { miles: normal(2000, 700, 500, 5), rate: normal(2000, 0, 1, 6) })
    expect([...checks.values()].map(check => check.status)).toEqual(['skipped', 'pass', 'pass', 'pass', 'pass'])
  })
  test.each([
    [700 + 0.7 * 500, 500, 'warn'],
    [700 + 3 * 500, 500, 'fail'],
    [700, 2.5 * 500, 'warn'],
    [700, 12 * 500, 'fail'],
  ])('mean %d and deviation %d', (mean, deviation, wanted) => {
    const checks = window(before, { miles: normal(2000, mean, deviation, 5), rate: normal(2000, 0, 1, 6) })
    expect(status(checks, 'scaler-serving-range')).toBe(wanted)
  })
  test('too few rows give no verdict', () => {
    const few = { miles: normal(100, 7000, 500, 5), rate: normal(100, 0, 1, 6) }
    expect([...window(before, few).values()].map(check => check.status).slice(0, 4)).toEqual(
      Array.from({ length: 4 }, () => 'skipped'),
    )
  })
  test('what arrives scaled already is told apart from what was like that in training', () => {
    const checks = window(before, { miles: normal(2000, 0, 1, 5), rate: normal(2000, 0, 1, 6) })
    expect(checks.get('scaler-double')).toMatchObject({ status: 'fail', target: { columns: ['miles'] } })
    // However small the scaled values are beside the training deviation
    const wide = window({ price: normal(3000, 3e5, 1e5) }, { price: normal(2000, 0, 1, 5) })
    expect(status(wide, 'scaler-double')).toBe('fail')
  })
  test('missing values need a graph that answers for them', () => {
    const holes = { ...before, miles: before.miles.map((x, row) => (row % 50 === 0 ? NaN : x)) }
    expect(status(window(before, holes), 'scaler-nan-path')).toBe('pass')
    expect(window(before, holes, false).get('scaler-nan-path')).toMatchObject({ status: 'fail', bad: 1 })
    expect(status(window(before, before, false), 'scaler-nan-path')).toBe('pass')
  })
})

describe('S9 unit change', () => {
  const skewed = (rows: number, seed: number, factor = 1): Float32Array => {
    const random = seeded(seed)
    return Float32Array.from({ length: rows }, () => 250 * Math.exp(0.6 * random.normal()) * factor)
  }
  test.each(unitFactors)('a window says %d: %s', (factor, words) => {
    const check = window({ x: skewed(20_000, 1) }, { x: skewed(2_000, 2, factor) }).get('scaler-window-unit')
    expect(check).toMatchObject({ status: 'warn', target: { columns: ['x'] } })
    expect(check?.message).toContain(`${factor.toPrecision(4)} times what it was in training`)
    expect(check?.message).toContain(words)
  })
  test('and nothing of windows that only vary', () => {
    for (let seed = 0; seed < 60; seed++) {
      const moved = skewed(1_000, 100 + seed, 1 + (seed % 13) / 40)
      expect(status(window({ x: skewed(20_000, 1) }, { x: moved }), 'scaler-window-unit')).toBe('pass')
    }
  })
  test('one of a whole number in 1.609 or 1.609344, and of values on both sides of zero', () => {
    const whole = skewed(20_000, 1).map(Math.round)
    const kilometres = skewed(2_000, 2).map(x => Math.round(x) * 1.609)
    expect(window({ x: whole }, { x: kilometres }).get('scaler-window-unit')?.message).toContain('1.609 times')
    const both = window({ x: normal(20_000, 0, 1) }, { x: normal(3_000, 0, 60, 5) })
    expect(both.get('scaler-window-unit')?.message).toContain('60.00 times')
  })
  test('between two scalers by their medians and interquartile ranges', () => {
    const scaled = artifactOf
    const [before, now] = [scaled({ x: skewed(900, 1) }), scaled({ x: skewed(900, 1, 1.609344) })]
    expect(unitChange('m', now, before)).toMatchObject({
      status: 'fail',
      severity: 'critical',
      message:
        'x is 1.609 times what it was: kilometres for miles? Where it is meant, name its unit in units: { x: … }',
    })
    expect(unitChange('m', before, before).status).toBe('pass')
    // by name, whatever else the two models read and in which order
    const wider = scaled({ y: skewed(900, 2), x: skewed(900, 1, 1.609344) })
    expect(unitChange('m', wider, before)).toMatchObject({ status: 'fail', evaluated: 1 })
    expect(unitChange('m', scaled({ y: skewed(900, 1, 1.609344) }), before)).toMatchObject({
      status: 'skipped',
      evaluated: 0,
    })
    // What is declared is said, and passes
    expect(unitChange('m', now, before, new Set(['x']))).toMatchObject({
      status: 'pass',
      message: '1 input are in the units they were in; x is 1.609 times what it was: kilometres for miles, as declared',
    })
  })
  const warm = (rows: number, seed: number): Float32Array => normal(rows, 12, 7, seed)
  const curve = (of: (x: number) => number) => (x: number) => of(x)
  test.each<[string, (x: number) => number, string, ('fail' | 'warn')?]>([
    ['pounds', x => x * 2.204623, 'pounds for kilograms'],
    ['thousandths', x => x * 1000, 'thousandths for wholes'],
    ['inches', x => x / 2.54, 'inches for centimetres'],
    ['stones', x => x / 6.350293, 'stones for kilograms'],
    ['Fahrenheit', x => 1.8 * x + 32, 'degrees Fahrenheit for Celsius'],
    ['kelvins', x => x + 273.15, 'kelvins for degrees Celsius'],
    ['the other sign', x => -x, 'the sign is turned round'],
    ['nautical miles', x => x * 0.868976, 'nautical miles for miles', 'warn'],
    ['scaled already', x => (x - 12) / 7, 'scaled already'],
  ])('a retrain on other rows in %s is told', (_, of, words, wanted = 'fail') => {
    const [before, now] = [artifactOf({ x: warm(4_000, 1) }), artifactOf({ x: warm(4_000, 2).map(of) })]
    const check = unitChange('m', now, before)
    expect([check.status, check.message]).toEqual([wanted, expect.stringContaining(words)])
    // and the way back
    if (_ !== 'scaled already') expect(unitChange('m', before, now).status).toBe(wanted)
  })
  test.each<[string, (x: number) => number, string]>([
    ['logarithms', curve(Math.log), 'its natural logarithm'],
    ['decimal logarithms', curve(Math.log10), 'its decimal logarithm'],
  ])('a retrain on other rows in %s is told, and back', (_, of, words) => {
    const [before, now] = [artifactOf({ x: skewed(4_000, 1) }), artifactOf({ x: skewed(4_000, 2).map(of) })]
    expect(unitChange('m', now, before)).toMatchObject({ status: 'fail', message: expect.stringContaining(words) })
    expect(unitChange('m', before, now).status).toBe('fail')
  })
  test('columns that are swapped are told, and those that are alike are not', () => {
    const before = artifactOf({ a: warm(3_000, 1), b: skewed(3_000, 2) })
    const now = artifactOf({ a: skewed(3_000, 3), b: warm(3_000, 4) })
    expect(unitChange('m', now, before)).toMatchObject({ status: 'fail', message: 'a and b are swapped', bad: 1 })
    const alike = [1, 3].map(seed => artifactOf({ a: warm(3_000, seed), b: warm(3_000, seed + 1) }))
    expect(unitChange('m', alike[1] as never, alike[0] as never).status).toBe('pass')
  })
  test('what only moves or spreads, or grows by less than units differ, is let pass', () => {
    let told = 0
    for (let seed = 0; seed < 200; seed++) {
      const random = seeded(1_000 + seed)
      const [shift, spread] = [2 * random.normal(), Math.exp(0.3 * random.normal())]
      const before = artifactOf({ x: normal(1_500, 50, 10, seed), y: skewed(1_500, seed) })
      const now = artifactOf({
        x: normal(1_500, 50 + 10 * shift, 10 * spread, seed + 500),
        y: skewed(1_500, seed + 500, Math.exp(0.1 * random.normal())),
      })
      const check = unitChange('m', now, before)
      if (check.status === 'fail') told++
    }
    expect(told).toBe(0)
  })
})

describe('S11 merge and S12 round trip', () => {
  const columns = [normal(5000, 1e6, 3), normal(5000, -2, 1e-3, 4), new Float32Array(5000).fill(7)]
  const artifact = artifactOf({
    a: columns[0] as Float32Array,
    b: columns[1] as Float32Array,
    c: columns[2] as Float32Array,
  })
  test('hold on real rows', () => {
    expect(mergeAssociativity('m', artifact, columns, 1)).toMatchObject({ status: 'pass', evaluated: 3 })
    expect(roundTrip('m', artifact, columns)).toMatchObject({ status: 'pass', evaluated: 3 })
  })
  test('a scale that loses its values is found', () => {
    const broken = { ...artifact, features: artifact.features.map(one => ({ ...one, scale: Number.MIN_VALUE })) }
    expect(roundTrip('m', broken, columns).status).toBe('fail')
  })
})

test('S13: every link of the chain must name the scaler that is served', () => {
  const [one, other] = [digestBytes('one'), digestBytes('other')]
  const whole = { registered: one, served: one, onnx: one, graph: undefined }
  expect(hashChain('m', whole).status).toBe('pass')
  expect(hashChain('m', { ...whole, registered: other }).message).toMatch(/^the registry names the scaler sha256:/)
  expect(hashChain('m', { ...whole, onnx: undefined }).message).toBe('the ONNX file names no scaler')
  expect(hashChain('m', { ...whole, graph: 'feature 0 has offset 1' })).toMatchObject({ status: 'fail', bad: 1 })
})

test('parts merged give what one pass gives; values that the last digits of their mean hide do not', () => {
  const judged = (other: number) => {
    const column = Float32Array.from({ length: 300_000 }, (_, i) => (i % 150_000 === 7 ? other : 0.1))
    return mergeAssociativity('m', { features: [{ name: 'km' }] } as never, [column], 1)
  }
  expect(judged(0.2)).toMatchObject({ id: 'scaler-merge', status: 'pass', evaluated: 1, bad: 0 })
  // two of three hundred thousand rows, one step of float32 away from all others
  const hidden = judged(0.10000001)
  expect(hidden).toMatchObject({ status: 'fail', bad: 1 })
  expect(hidden.message).toMatch(/^km merged from 8 parts differs from one pass by 1\.\d+e-9/)
})

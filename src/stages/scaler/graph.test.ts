import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openNative } from '../../adapters/inference/onnx-native/open.ts'
import { digestBytes } from '../../internal/digest.ts'
import { seeded } from '../../math/random/seeded.ts'
import { fitScaler } from '../../math/scaler/index.ts'
import {
  graph,
  type GraphBuilder,
  type GraphScaling,
  type InputScale,
  type ModelBinding,
  writeModel,
} from '../../onnx/index.ts'
import { scalerArtifact, type ScaledFile } from './artifact.ts'
import type { ColumnOfParts } from './column-statistics.ts'
import { constantFeatures } from './constant.ts'
import { fittedInGraph, scalingInGraph, unscaledWords } from './graph.ts'
import { scalerParity } from './parity.ts'
import { float32Precision } from './precision.ts'
import type { ColumnStatistics } from './refit.ts'

const statistics = (values: Float32Array): ColumnStatistics => {
  const [one] = fitScaler('none', [values]).features
  const { count = 0, mean = 0, var: variance = 0, min = 0, max = 0, median = 0, iqr = 0 } = one ?? {}
  return { count, mean, variance, min, max, median, iqr }
}
const drawn = (rows: number, mean: number, deviation: number, seed: number): Float32Array => {
  const random = seeded(seed)
  return Float32Array.from({ length: rows }, () => mean + deviation * random.normal())
}
const partsOf = (train: Float32Array, test: Float32Array): ColumnOfParts => ({
  train: statistics(train),
  test: statistics(test),
  all: statistics(Float32Array.from([...train, ...test])),
})
const [miles, kilograms] = [
  partsOf(drawn(3000, 10, 2, 1), drawn(1000, 10.5, 4, 2)),
  partsOf(drawn(3000, 70, 12, 3), drawn(1000, 71, 20, 4)),
]
const scale = (input: string, offset: number, unit: number): InputScale => ({
  input,
  // As a graph has it
  offset: Math.fround(offset),
  scale: 1 / Math.fround(1 / unit),
  value: 'z',
  width: 2,
  place: 0,
})
const judged = (...scales: readonly InputScale[]) =>
  fittedInGraph(
    'm',
    { scales, unscaled: [] },
    scales.map(one => (one.input === 'miles' ? miles : kilograms)),
  )

/** The ways to scale that libraries have, as centre and scale. */
const ways: readonly (readonly [string, (rows: ColumnStatistics) => readonly [number, number]])[] = [
  ['standard', rows => [rows.mean, Math.sqrt(rows.variance)]],
  ['by the deviation of a sample', rows => [rows.mean, Math.sqrt((rows.variance * rows.count) / (rows.count - 1))]],
  ['centred alone', rows => [rows.mean, 1]],
  ['divided alone', rows => [0, Math.sqrt(rows.variance)]],
  ['0 to 1', rows => [rows.min, rows.max - rows.min]],
  ['−1 to 1', rows => [(rows.min + rows.max) / 2, (rows.max - rows.min) / 2]],
  ['0.1 to 0.9', rows => [rows.min - (rows.max - rows.min) / 8, (rows.max - rows.min) / 0.8]],
  ['by the largest', rows => [0, Math.max(-rows.min, rows.max)]],
  ['robust', rows => [rows.median, rows.iqr]],
]

describe('S2 and S3 of a scaler in a graph', () => {
  test.each(ways)('%s: training rows, all rows, test rows, other rows', (_, learn) => {
    const of = (rows: ColumnStatistics) => judged(scale('miles', ...learn(rows))).map(check => check.status)
    expect(of(miles.train)).toEqual(['pass', 'pass'])
    expect(of(miles.all)).toEqual(['pass', 'fail'])
    expect(of(miles.test as ColumnStatistics)).toEqual(['pass', 'fail'])
    const others = statistics(drawn(3000, 11, 2.2, 9))
    expect(of(others)).toEqual(['warn', 'pass'])
  })
  test('says which rows, and what the training rows are where nothing fits', () => {
    const said = (offset: number, unit: number) => judged(scale('miles', offset, unit)).map(check => check.message)
    const { train, all, test: held } = miles as Required<ColumnOfParts>
    expect(said(all.mean, Math.sqrt(all.variance))[1]).toBe('miles was fitted on training and test rows together')
    expect(said(held.mean, Math.sqrt(held.variance))[1]).toBe('miles was fitted on the test rows')
    expect(said(3, 7)[0]).toMatch(
      /^miles is centred at 3 and divided by 7, the training rows have mean (9\.9|10\.0)\d* and deviation (1\.9|2\.0)\d*: fitted on other rows/,
    )
    expect(said(train.mean, Math.sqrt(train.variance))[0]).toBe(
      'the training rows give what the graph scales 1 input by',
    )
  })
  test('two columns that were given to each other are told, and fail', () => {
    const standard = ({ mean, variance }: ColumnStatistics) => [mean, Math.sqrt(variance)] as const
    const [fit, leak] = judged(
      scale('miles', ...standard(kilograms.train)),
      scale('kilograms', ...standard(miles.train)),
    )
    expect(fit?.status).toBe('fail')
    expect(fit?.message).toBe(
      'miles is scaled by the figures of kilograms: are the two swapped?; kilograms is scaled by the figures of miles: are the two swapped?',
    )
    expect(leak?.status).toBe('pass')
  })
  test('where nothing is scaled it is said why', () => {
    const unscaled = ['a', 'b', 'c', 'd'].map(input => ({ input, reason: 'goes into MatMul as it comes' }))
    const scaling: GraphScaling = { scales: [], unscaled: [...unscaled, { input: 'e', reason: 'passes Log' }] }
    const checks = fittedInGraph('m', scaling, [])
    expect(checks.map(check => check.status)).toEqual(['skipped', 'skipped'])
    expect(checks[0]?.message).toBe('not scaled: a, b, c and 1 more (goes into MatMul as it comes), e (passes Log)')
    expect(unscaledWords({ scales: [], unscaled: [] })).toBe('')
  })
})

const [rows, width] = [60, 3]
const names = ['a', 'b', 'c']
const columns = names.map((_, at) => drawn(rows, 10 * at, 1 + at, at))
columns[1]?.set([Number.NaN, Number.NaN], 5)
const artifact = scalerArtifact(
  fitScaler('none', columns),
  names.map(name => ({ name, kind: 'number' })),
  digestBytes('frame'),
  {},
  true,
)

function fileOf(make: (builder: GraphBuilder) => { readonly value: string; readonly width: number }): ScaledFile {
  const builder = graph('some')
  builder.input('x', 'float', ['N', width])
  const made = make(builder)
  builder.node('ml.LinearRegressor', [made.value], 'score', {
    coefficients: { floats: Array.from({ length: made.width }, () => 1) },
    intercepts: { floats: [0] },
  })
  builder.output('score', 'float', ['N', 1])
  const binding: ModelBinding = {
    version: 1,
    task: 'regression',
    inputs: names.map(name => ({ name, type: 'float' })),
    feeds: [{ input: 'x', of: names }],
    scores: { output: 'score', form: 'tensor', width: 1, columns: [0] },
  }
  const inputs = names.map(name => ({ name, kind: 'number' as const }))
  return { model: 'm', artifact, onnx: writeModel(builder.build(), {}, '', 'elsewhere'), inputs, binding }
}

/** A random step from a value of so many columns to another, as a program would chain them. */
type Step = (builder: GraphBuilder, value: string, columns: number, at: number) => { value: string; width: number }
const figure = fc.integer({ min: -40, max: 40 }).map(n => n / 8)
const factor = fc.integer({ min: 1, max: 40 }).map(n => n / 8)
const step = fc.oneof(
  fc.tuple(fc.constantFrom('Add', 'Sub'), figure, fc.boolean()).map(
    ([op, value, first]): Step =>
      (b, from, wide, at) => {
        const constant = b.constant(
          `c${at}`,
          'float',
          [wide],
          Array.from({ length: wide }, (_, i) => value + i),
        )
        return { value: b.node(op, first ? [constant, from] : [from, constant], `v${at}`), width: wide }
      },
  ),
  fc.tuple(fc.constantFrom('Mul', 'Div'), factor).map(
    ([op, value]): Step =>
      (b, from, wide, at) => {
        const constant = b.constant(`c${at}`, 'float', [1, 1], [value])
        return { value: b.node(op, [from, constant], `v${at}`), width: wide }
      },
  ),
  fc.tuple(figure, factor).map(
    ([offset, scaled]): Step =>
      (b, from, wide, at) => ({
        value: b.node('ml.Scaler', [from], `v${at}`, {
          offset: { floats: Array.from({ length: wide }, (_, i) => offset - i) },
          // ONNX Runtime wants as many of them
          scale: { floats: Array.from({ length: wide }, () => scaled) },
        }),
        width: wide,
      }),
  ),
  figure.map(
    (value): Step =>
      (b, from, wide, at) => ({
        value: b.node('ml.Imputer', [from], `v${at}`, {
          imputed_value_floats: { floats: [value] },
          replaced_value_float: { float: Number.NaN },
        }),
        width: wide,
      }),
  ),
  fc.array(fc.nat(9), { minLength: 1, maxLength: 5 }).map(
    (places): Step =>
      (b, from, wide, at) => {
        const taken = places.map(place => place % wide)
        const constant = b.constant(`c${at}`, 'int64', [taken.length], taken)
        return { value: b.node('ml.ArrayFeatureExtractor', [from, constant], `v${at}`), width: taken.length }
      },
  ),
  fc.constant<Step>((b, from, wide, at) => ({
    value: b.node('Concat', [from, 'x'], `v${at}`, { axis: { int: 1 } }),
    width: wide + width,
  })),
  fc.constantFrom('Neg', 'Identity', 'Flatten').map(
    (op): Step =>
      (b, from, wide, at) => ({ value: b.node(op, [from], `v${at}`), width: wide }),
  ),
)

describe('S4, S5 and S6 of a scaler in a graph', () => {
  test('whatever a chain of steps is, ONNX Runtime gives what was read of it', async () => {
    const runtime = await openNative()
    let compared = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 7 }), fc.boolean(), async (steps, cut) => {
        const file = fileOf(b => {
          const last = steps.reduce((from, next, at) => next(b, from.value, from.width, at), { value: 'x', width })
          if (!cut) return last
          const ends = [b.constant('least', 'float', [], [-1]), b.constant('most', 'float', [], [2])]
          return { value: b.node('Clip', [last.value, ...ends], 'cut'), width: last.width }
        })
        const check = await scalerParity(file, runtime, { rows, inputs: columns })
        const read = scalingInGraph(file)?.scales.length ?? 0
        expect(check.status, check.message).toBe(read === 0 ? 'skipped' : 'pass')
        compared += read
      }),
      { numRuns: 150 },
    )
    expect(compared).toBeGreaterThan(200)
  })
  test('a graph that does something else than was read is found', async () => {
    const file = fileOf(b => ({ value: b.node('Div', ['x', b.constant('c', 'float', [1], [4])], 'z'), width }))
    const swapped = { ...file, inputs: [file.inputs[1], file.inputs[0], file.inputs[2]] as ScaledFile['inputs'] }
    const check = await scalerParity(swapped, await openNative(), { rows, inputs: columns })
    expect(check.status).toBe('fail')
    expect(check.message).toMatch(/^a is scaled wrongly in \d+ rows: row 0 gives/)
  })
  test('divided by 0 fails, a constant divided by next to nothing warns, epoch seconds in float32 fail', () => {
    const still = {
      ...artifact,
      features: artifact.features.map((one, at) => (at > 0 ? one : { ...one, constant: true, mean: 5 })),
    }
    const scaling = (unit: number): GraphScaling => ({ scales: [{ ...scale('a', 5, 1), scale: unit }], unscaled: [] })
    expect(constantFeatures('m', still, scaling(1e-8))).toMatchObject({
      status: 'warn',
      message: 'a is 5 in every training row: the graph divides what differs from that by 1e-8',
    })
    expect(constantFeatures('m', still, scaling(1)).message).toBe('a is 5 in every training row: it is not scaled')
    const broken = {
      scales: [],
      unscaled: [{ input: 'b', reason: 'is divided by 0 in the graph', broken: true as const }],
    }
    expect(constantFeatures('m', artifact, broken)).toMatchObject({
      status: 'fail',
      message: 'b is divided by 0 in the graph',
    })
    const seconds = { ...artifact, features: artifact.features.map(one => ({ ...one, min: 1.7e9, max: 1.7e9 + 1e5 })) }
    expect(float32Precision('m', seconds, scaling(3600)).status).toBe('fail')
    expect(
      float32Precision('m', seconds, { scales: [{ ...scale('a', 5, 3600), wide: true }], unscaled: [] }),
    ).toMatchObject({ status: 'skipped', message: 'the graph scales in float64' })
    expect(float32Precision('m', artifact, scaling(2)).status).toBe('pass')
  })
})

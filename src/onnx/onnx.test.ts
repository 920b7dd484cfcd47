import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import type { CheckResult } from '../define/report.ts'
import { isMillraceError } from '../errors/index.ts'
import { fitScaler } from '../math/scaler/index.ts'
import { type SampleModel, sampleModel, sampleNames } from '../testing/inference-models.ts'
import {
  exportModel,
  graph,
  inspectModel,
  type OnnxCheck,
  parity,
  readEstimator,
  readModel,
  verifyModel,
  writeModel,
} from './index.ts'

// The schema that this folder restates is the project's.
const asCheckResult = (check: OnnxCheck): CheckResult => check

const failing = (bytes: Uint8Array, options = {}): string[] =>
  verifyModel(bytes, options)
    .map(asCheckResult)
    .filter(check => check.status === 'fail')
    .map(check => check.id)

describe.each(sampleNames)('an exported %s model', name => {
  let sample: SampleModel
  beforeAll(async () => {
    sample = await sampleModel(name)
  })

  test('passes every check', () => {
    const checks = verifyModel(sample.bytes)
    expect(checks.filter(check => check.status !== 'pass')).toEqual([])
    expect(checks.length).toBeGreaterThan(10)
  })

  test('reads back as what was written', () => {
    const summary = inspectModel(sample.bytes)
    expect(summary).toMatchObject({
      irVersion: 8,
      producer: 'millrace 1',
      opsets: { 'ai.onnx': 17, 'ai.onnx.ml': /codes|count/.test(name) ? 5 : 3 },
      metadata: { 'millrace.a': '1', 'millrace.sample': name },
      bytes: sample.bytes.length,
    })
    const { estimator } = readEstimator(readModel(sample.bytes))
    expect(estimator.kind).toBe(/linear|logistic|multinomial|poisson/.test(name) ? 'linear' : 'trees')
  })
})

/** A small graph with one thing wrong. */
function broken(change: (builder: ReturnType<typeof graph>) => void, width = 2): Uint8Array {
  const builder = graph('broken')
  builder.input('features', 'float', ['N', width])
  change(builder)
  return writeModel(builder.build(), {}, '')
}

const stump = {
  nodes_treeids: { ints: [0, 0, 0] },
  nodes_nodeids: { ints: [0, 1, 2] },
  nodes_featureids: { ints: [0, 0, 0] },
  nodes_modes: { strings: ['BRANCH_LEQ', 'LEAF', 'LEAF'] },
  nodes_values: { floats: [0.5, 0, 0] },
  nodes_truenodeids: { ints: [1, 0, 0] },
  nodes_falsenodeids: { ints: [2, 0, 0] },
  target_ids: { ints: [0, 0] },
  target_nodeids: { ints: [1, 2] },
  target_treeids: { ints: [0, 0] },
  target_weights: { floats: [1, 2] },
  n_targets: { int: 1 },
}
const forest = (change: object): Uint8Array =>
  broken(builder => {
    builder.node('ml.TreeEnsembleRegressor', ['features'], 'scores', { ...stump, ...change })
    builder.output('scores', 'float', ['N', 1])
  })
const scaling = (offset: number[], scale: number[]): Uint8Array =>
  broken(builder => {
    builder.node('ml.Scaler', ['features'], 'scores', { offset: { floats: offset }, scale: { floats: scale } })
    builder.output('scores', 'float', ['N', 2])
  })

describe('the verifier finds', () => {
  test('nothing in a sound small model', () => expect(failing(forest({}))).toEqual([]))
  test.each([
    ['onnx.tree-shape', { nodes_falsenodeids: { ints: [7, 0, 0] } }],
    ['onnx.tree-roots', { nodes_falsenodeids: { ints: [1, 0, 0] } }],
    ['onnx.tree-endless', { nodes_truenodeids: { ints: [0, 0, 0] } }],
    ['onnx.tree-missing', { nodes_missing_value_tracks_true: { ints: [1] } }],
    ['onnx.tree-outputs', { n_targets: { int: 0 } }],
    ['onnx.tree-outputs', { base_values: { floats: [1, 2] } }],
    ['onnx.ml-attribute', { post_transform: { string: 'LOGIT' } }],
    ['onnx.attribute', { n_targets: { float: 1 } }],
    ['onnx.attribute', { n_target: { int: 1 } }],
    ['onnx.tree-shape', { nodes_truenodeids: { ints: [0, 0, 0] } }],
    ['onnx.tree-shape', { nodes_nodeids: { ints: [0, 1, 1] } }],
    ['onnx.tree-feature', { nodes_featureids: { ints: [2, 0, 0] } }],
    ['onnx.tree-finite', { nodes_values: { floats: [NaN, 0, 0] } }],
    ['onnx.tree-finite', { target_weights: { floats: [1, Infinity] } }],
    ['onnx.tree-target', { target_ids: { ints: [0, 1] } }],
    ['onnx.tree-target', { target_nodeids: { ints: [0, 2] } }],
    ['onnx.tree-target', { n_targets: { int: 1_000_000_000 } }],
    ['onnx.tree-arrays', { nodes_values: { floats: [0.5] } }],
    ['onnx.tree-arrays', { nodes_modes: { strings: ['BRANCH_LEQ', 'LEAF', 'TWIG'] } }],
  ])('%s: %j', (id, change) => expect(failing(forest(change))).toContain(id))

  test.each([
    ['onnx.scaler-length', [0, 0, 0], [1, 1]],
    ['onnx.scaler-finite', [0, NaN], [1, 1]],
    ['onnx.scaler-zero', [0, 0], [1, 0]],
  ])('%s', (id, offset, scale) => expect(failing(scaling(offset, scale))).toEqual([id]))

  test('a scaler that is not the one of training, or not of this data', () => {
    const scaler = fitScaler('minmax', [Float32Array.from([0, 2]), Float32Array.from([1, 5])])
    expect(failing(scaling([0, 1], [0.5, 0.25]), { scaler })).toEqual([])
    expect(failing(scaling([0, 1], [0.5, 0.5]), { scaler })).toEqual(['onnx.scaler-parity'])
    const profile = [0, 1].map(min => ({ min, max: 5 }))
    expect(failing(scaling([0, 9], [0.5, 0.25]), { profile })).toEqual(['onnx.scaler-range'])
  })

  test('values used before they exist, made twice or missing', () => {
    const scores = ['N', 2] as const
    const early = broken(b => {
      b.node('Sigmoid', ['later'], 'scores')
      b.output('scores', 'float', scores)
    })
    expect(failing(early)).toEqual(['onnx.topology'])
    expect(failing(broken(b => void b.node('Sigmoid', ['features'], 'features')))).toEqual([
      'onnx.topology',
      'onnx.servable-rows',
    ])
    expect(failing(broken(b => void b.output('scores', 'float', [4, 2])))).toEqual(['onnx.topology'])
  })

  test('a constant of the wrong size, an unknown domain, a repeated key', async () => {
    const wrong = broken(b => {
      b.constant('half', 'float', [2], [0.5])
      b.node('Add', ['features', 'half'], 'scores')
      b.output('scores', 'float', ['N', 2])
    })
    expect(failing(wrong)).toEqual(['onnx.tensor'])
    const { bytes } = await sampleModel('linear')
    // The last field is an entry of the metadata: once more.
    const entry = new TextEncoder().encode('\x0a\x0fmillrace.sample\x12\x06linear')
    const twice = Uint8Array.from([...bytes, 0x72, entry.length, ...entry])
    expect(failing(twice)).toEqual(['onnx.metadata-props-duplicate-key'])
  })
})

test('what Millrace did not write is not evaluated by it, and parts that do not fit are not written', async () => {
  const coded = (code: string): Error => expect.objectContaining({ code }) as Error
  const foreign = graph('bend')
  foreign.input('features', 'float', ['N', 2])
  foreign.node('Tanh', ['features'], 'scores')
  foreign.output('scores', 'float', ['N', 2])
  expect(() => readEstimator(readModel(writeModel(foreign.build(), {}, '')))).toThrow(coded('MR4002'))
  const { bytes } = await sampleModel('linear')
  const { estimator } = readEstimator(readModel(bytes))
  if (estimator.kind !== 'linear') throw new Error('not linear')
  const width = estimator.model.replacements.length
  const inputs = Array.from({ length: width }, (_, i) => ({ name: `x${i}`, kind: 'number' as const }))
  const scaler = fitScaler(
    'standard',
    inputs.map(() => Float32Array.from([1, 2])),
  )
  const written = { inputs, scaler, estimator }
  expect(() => exportModel(written)).not.toThrow()
  expect(() => exportModel({ ...written, inputs: inputs.slice(1) })).toThrow(coded('MR4003'))
})

describe('hostile bytes', () => {
  test('every truncation gives a finding or a catalogued error', async () => {
    const { bytes } = await sampleModel('logistic')
    for (let size = 0; size < bytes.length; size++) {
      const cut = bytes.subarray(0, size)
      expect(verifyModel(cut).some(check => check.status === 'fail' || check.status === 'pass')).toBe(true)
      try {
        readEstimator(readModel(cut))
      } catch (error) {
        expect(isMillraceError(error)).toBe(true)
      }
    }
  })

  test('flipped bits never hang, crash or escape the catalogue', async () => {
    const { bytes } = await sampleModel('mixed')
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(7)), { minLength: 1, maxLength: 8 }), flips => {
        const changed = bytes.slice()
        for (const [at, bit] of flips) changed[at] = (changed[at] ?? 0) ^ (1 << bit)
        const checks = verifyModel(changed)
        expect(checks.length).toBeGreaterThan(0)
        if (checks.some(check => check.status === 'fail')) return
        try {
          readEstimator(readModel(changed))
        } catch (error) {
          expect(isMillraceError(error)).toBe(true)
        }
      }),
      { numRuns: 400 },
    )
  })

  test('random bytes and deep nesting are refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
        expect(verifyModel(bytes).length).toBeGreaterThan(0)
      }),
    )
    let nested = new Uint8Array(0)
    const wrap = (tag: number, inner: Uint8Array): Uint8Array<ArrayBuffer> => {
      const size = [(inner.length & 127) | 128, ((inner.length >> 7) & 127) | 128, inner.length >> 14]
      return Uint8Array.from([tag, ...size, ...inner])
    }
    // graph { node { attribute { g: graph { … } } } }
    for (let depth = 0; depth < 200; depth++) nested = wrap(0x0a, wrap(0x2a, wrap(0x32, nested)))
    expect(failing(wrap(0x3a, nested))).toEqual(['onnx.structure'])
  })
})

test('what another framework converted may be off in one row of twenty, as a warning; a row that is decided otherwise is none of them', async () => {
  const rows = 40
  const reference = Float32Array.from({ length: rows }, (_, i) => (i + 0.5) / rows)
  const judged = async (change: (score: number, row: number) => number, foreign = true) => {
    const scores = reference.map(change)
    const batch = { rows, features: new Float32Array(rows) }
    const { status, severity, bad } = await parity(
      'binary',
      reference,
      { run: async () => ({ scores }) },
      batch,
      0.5,
      foreign,
    )
    return { status, severity, bad }
  }
  const off = (count: number) => (score: number, row: number) => (row < count ? score + 0.001 : score)
  expect(await judged(off(0))).toMatchObject({ status: 'pass' })
  expect(await judged(off(2))).toMatchObject({ status: 'warn', severity: 'warning' })
  expect(await judged(off(3))).toMatchObject({ status: 'fail', severity: 'critical' })
  expect(await judged(off(2), false)).toMatchObject({ status: 'fail', severity: 'critical' })
  // the two rows on either side of the threshold change sides
  for (const flipped of [19, 20])
    expect(await judged((score, row) => (row === flipped ? 1 - score : score))).toMatchObject({
      status: 'fail',
      severity: 'critical',
    })
  expect(await judged((score, row) => (row === 0 ? Number.NaN : score))).toMatchObject({ status: 'fail' })
})

test('parity fails for other scores and flipped decisions', async () => {
  const reference = Float32Array.from([0.4, 0.6])
  const runtime = (scores: number[]) => ({ run: async () => ({ scores: Float32Array.from(scores) }) })
  const batch = { rows: 2, features: new Float32Array(2) }
  expect(await parity('binary', reference, runtime([0.4, 0.6]), batch)).toMatchObject({ status: 'pass' })
  expect(await parity('binary', reference, runtime([0.4, 0.61]), batch)).toMatchObject({ status: 'fail', bad: 1 })
  expect(await parity('binary', reference, runtime([0.6, 0.4]), batch)).toMatchObject({ observed: { flips: 2 } })
  // decided by the threshold of the model, within the tolerance of scores
  const near = runtime([0.4, 0.600002])
  expect(await parity('binary', reference, near, batch, 0.600001)).toMatchObject({
    status: 'fail',
    observed: { flips: 1 },
  })
  expect(await parity('binary', reference, near, batch)).toMatchObject({ status: 'pass' })
  expect(await parity('binary', reference, runtime([0.4, NaN]), batch)).toMatchObject({ status: 'fail' })
  expect(await parity('binary', reference, runtime([0.4]), batch)).toMatchObject({ status: 'fail' })
  // of a regression nothing is decided: that a score is none has to tell by itself, wherever it stands
  expect(await parity('regression', reference, runtime([0.4, 0.6]), batch)).toMatchObject({ status: 'pass' })
  for (const scores of [
    [NaN, 0.6],
    [0.4, NaN],
    [NaN, NaN],
  ])
    expect(await parity('regression', reference, runtime(scores), batch)).toMatchObject({ status: 'fail', bad: 1 })
})

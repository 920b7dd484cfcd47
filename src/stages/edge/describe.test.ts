import { expect, test } from 'vitest'
import { csv, dataset, entity, features, gbt, model, t } from '../../index.ts'
import { defaultBinding, graph, readModel, signatureOf, writeModel } from '../../onnx/index.ts'
import type { ModelCard } from '../../ports/trainer.ts'
import { describeForEdge } from './describe.ts'
import { declarations, readMe } from './pages.ts'
import { edgeModel } from './scorer.ts'
import { openNative } from '../../adapters/inference/onnx-native/open.ts'

const trips = dataset('trips', {
  source: csv('data/*.csv'),
  columns: { at: t.timestamp('UTC'), stop: t.text(), seats: t.int(), full: t.bool(), late: t.bool() },
  eventTime: 'at',
})
const stops = features('stops', {
  entity: entity('stop', { stop: t.text() }),
  from: trips,
  compute: f => ({ trips_1h: f.count('1h') }),
})
const lateness = model('lateness', {
  task: 'binary',
  from: trips,
  label: c => c.late,
  features: [stops],
  inputs: c => ({ recent: stops.all.trips_1h, seats: c.seats, full: c.full, stop: c.stop }),
  split: { by: 'time', train: '20d', test: '5d' },
  train: gbt({ trees: 2 }),
  threshold: 0.4,
})

/** A graph of typed inputs of its own order, in fixed batches of three, whose classes come as a ZipMap. */
function foreign(): Uint8Array {
  const builder = graph('foreign')
  const column = (name: string): string => builder.node('Cast', [name], `${name}_float`, { to: { int: 1 } })
  builder.input('seats', 'int64', [3, 1])
  builder.input('full', 'bool', [3, 1])
  builder.input('recent', 'float', [3, 1])
  const stop = builder.node('ml.LabelEncoder', [builder.input('stop', 'string', [3, 1])], 'code', {
    keys_strings: { strings: ['north', 'south'] },
    values_floats: { floats: [1, 2] },
    default_float: { float: 0 },
  })
  const x = builder.node('Concat', [column('seats'), column('full'), 'recent', stop], 'x', { axis: { int: 1 } })
  builder.node('ml.LinearClassifier', [x], ['label', 'p'], {
    coefficients: { floats: [-0.1, -1, -0.5, -0.25, 0.1, 1, 0.5, 0.25] },
    intercepts: { floats: [1, -1] },
    classlabels_ints: { ints: [0, 1] },
    post_transform: { string: 'LOGISTIC' },
  })
  builder.node('ml.ZipMap', ['p'], 'probability', { classlabels_int64s: { ints: [0, 1] } })
  const float = { kind: 'tensor', elementType: 1, shape: undefined } as const
  builder.otherOutput({
    name: 'probability',
    kind: 'sequence',
    elementType: 0,
    shape: undefined,
    of: { kind: 'map', elementType: 7, shape: undefined, of: float },
  })
  return writeModel(builder.build(), {}, '', 'elsewhere')
}

test('a foreign graph is fed by its binding, and the features of views are given by the caller', async () => {
  const bytes = foreign()
  const binding = defaultBinding(signatureOf(readModel(bytes)), {
    inputs: lateness.inputs.map(({ name, type }) => ({
      name,
      type: type === 'timestamp' || type === 'vector' ? 'int' : type,
    })),
    task: 'binary',
  })
  const record = { model: 'lateness', version: 3, digest: 'sha256:00' } as const
  const card = { classes: [] as string[], binding } as unknown as ModelCard
  const { description, onnx } = describeForEdge(record, lateness, card, bytes)
  expect(description.columns).toEqual([
    { name: 'seats', type: 'int', nullable: false, feature: false },
    { name: 'full', type: 'bool', nullable: false, feature: false },
    { name: 'stop', type: 'text', nullable: false, feature: false },
    { name: 'stops.trips_1h', type: 'float', nullable: true, feature: true },
  ])
  expect(declarations(description)).toContain('readonly "stops.trips_1h": number | null')
  expect(readMe(description, 'web')).toContain('- `stops.trips_1h`')

  const model = await edgeModel(
    await import('onnxruntime-node'),
    JSON.parse(JSON.stringify(description)) as never,
    onnx,
  )
  const rows = [
    { seats: 4, full: true, stop: 'south', 'stops.trips_1h': 3 },
    { seats: 1, full: false, stop: 'elsewhere', 'stops.trips_1h': 0 },
    { seats: 9n, full: true, stop: 'north', 'stops.trips_1h': 1 },
    // between the threshold and a half
    { seats: 1, full: false, stop: 'elsewhere', 'stops.trips_1h': 1.2 },
    { seats: 2, full: false, stop: 'north', 'stops.trips_1h': 9 },
  ]
  const margins = [0.4 + 1 + 1.5 + 0.5 - 1, 0.1 - 1, 0.9 + 1 + 0.5 + 0.25 - 1, 0.1 + 0.6 - 1, 0.2 + 4.5 + 0.25 - 1]
  const scores = await model.score(rows)
  margins.forEach((margin, at) => {
    const wanted = 1 / (1 + Math.exp(-margin))
    expect(scores[at]?.score).toBeCloseTo(wanted, 6)
    expect(scores[at]?.label).toBe(wanted >= 0.4)
  })
  await expect(model.score([{ ...rows[0], 'stops.trips_1h': undefined }])).rejects.toThrow(
    'row 1, "stops.trips_1h": it is missing',
  )
  // as the server's runtime scores the same
  const loaded = await (await openNative()).load(bytes, binding)
  const { scores: served } = await loaded.run({
    rows: 5,
    features: Float64Array.from([3, 4, 1, 0, 1, 0, 1, 9, 1, 1.2, 1, 0, 9, 2, 0]),
    categories: ['south', 'elsewhere', 'north', 'elsewhere', 'north'],
  })
  expect(scores.map(one => one.score)).toEqual([...served])
  await loaded.close()
})

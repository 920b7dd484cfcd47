import { fitLogistic, fitRidge } from '../math/linear/index.ts'
import { fitScaler, leaveUnscaled, scaleFloat32 } from '../math/scaler/index.ts'
import { compileTrees, type TreeTask, trainTrees } from '../math/trees/index.ts'
import { predictLinear } from '../math/linear/index.ts'
import { categoryEncoder, type Estimator, exportModel, graphOrder, type ModelInput } from '../onnx/index.ts'

/** A trained and exported model with rows and the scores that the trainer's own arithmetic gives for them. */
export interface SampleModel {
  readonly bytes: Uint8Array
  readonly task: TreeTask
  readonly rows: number
  readonly features: Float32Array
  readonly categories?: readonly string[]
  readonly scores: Float32Array
}

const airports = ['AUS', 'BOS', 'CDG', 'DEN']

/** Text in the middle on purpose: the graph puts numbers first. */
const mixed: readonly ModelInput[] = [
  { name: 'distance', kind: 'number' },
  { name: 'origin', kind: 'text', categories: airports },
  { name: 'hour', kind: 'number' },
  { name: 'destination', kind: 'text', categories: [...airports].reverse() },
]
const numbersOnly: readonly ModelInput[] = ['a', 'b', 'c'].map(name => ({ name, kind: 'number' }))

export const sampleNames = ['binary', 'multiclass', 'regression', 'mixed', 'linear', 'logistic'] as const
export type SampleName = (typeof sampleNames)[number]

function noise(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return (state >>> 0) / 2 ** 32
  }
}

const made = new Map<SampleName, Promise<SampleModel>>()

/** Trains the sample of that name on 3,000 rows, once a process; seeded, so always the same bytes. */
export function sampleModel(name: SampleName): Promise<SampleModel> {
  const model = made.get(name) ?? makeSample(name)
  made.set(name, model)
  return model
}

async function makeSample(name: SampleName): Promise<SampleModel> {
  const inputs = name === 'mixed' || name === 'logistic' ? mixed : numbersOnly
  const random = noise(sampleNames.indexOf(name) + 1)
  const rows = 3000
  const texts = inputs.map(input =>
    input.kind === 'number'
      ? undefined
      : Array.from({ length: rows }, () => (random() < 0.1 ? 'unseen' : (airports[Math.floor(random() * 4)] ?? ''))),
  )
  const raw = inputs.map((input, at) => {
    if (input.kind === 'text') return Float32Array.from(texts[at] ?? [], categoryEncoder(input.categories))
    return Float32Array.from({ length: rows }, () => (random() < 0.05 ? NaN : (random() - 0.3) * 10 ** (at + 1)))
  })
  const value = (row: number): number => raw.reduce((sum, column, at) => sum + (column[row] || 0) / 10 ** (at + 1), 0)
  const multiclass = name === 'multiclass'
  const real = name === 'regression' || name === 'linear'
  const labels = Float32Array.from({ length: rows }, (_, row) => {
    const y = value(row) + random() * 0.2
    return real ? y : multiclass ? (y > 0.8 ? 2 : y > 0.2 ? 1 : 0) : y > 0.4 ? 1 : 0
  })
  const textPlaces = inputs.flatMap((input, at) => (input.kind === 'text' ? [at] : []))
  const scaler = leaveUnscaled(fitScaler(name === 'regression' ? 'none' : 'standard', raw), textPlaces)
  const scaled = scaleFloat32(scaler, raw)
  const { estimator, scores, task } = await fit(name, { rows, columns: scaled, labels })
  const order = graphOrder(inputs)
  const numbers = order.filter(at => inputs[at]?.kind === 'number')
  const metadata = { 'millrace.sample': name, 'millrace.a': '1' }
  return {
    bytes: exportModel({ inputs, scaler, estimator, metadata, version: '1' }),
    task,
    rows,
    features: rowMajor(
      numbers.map(at => raw[at] as Float32Array),
      rows,
    ),
    ...(textPlaces.length > 0
      ? { categories: Array.from({ length: rows }, (_, row) => textPlaces.map(at => texts[at]?.[row] ?? '')).flat() }
      : {}),
    scores,
  }
}

interface Matrix {
  readonly rows: number
  readonly columns: readonly Float32Array[]
  readonly labels: Float32Array
}

async function fit(
  name: SampleName,
  matrix: Matrix,
): Promise<{ estimator: Estimator; scores: Float32Array; task: TreeTask }> {
  const features = rowMajor(matrix.columns, matrix.rows)
  if (name === 'linear' || name === 'logistic') {
    const model = name === 'linear' ? fitRidge(matrix) : fitLogistic(matrix)
    const scores = new Float32Array(matrix.rows)
    predictLinear(model, features, matrix.rows, scores)
    return { estimator: { kind: name, model }, scores, task: model.task }
  }
  const task = name === 'mixed' ? 'binary' : name
  const ensemble = await trainTrees({ ...matrix, classes: 3 }, { task, trees: 20, leaves: 15 })
  const compiled = compileTrees(ensemble)
  const scores = new Float32Array(matrix.rows * compiled.outputs)
  compiled.predict(features, matrix.rows, scores)
  return { estimator: { kind: 'trees', ensemble }, scores, task }
}

function rowMajor(columns: readonly Float32Array[], rows: number): Float32Array {
  const out = new Float32Array(rows * columns.length)
  columns.forEach((column, at) => {
    for (let row = 0; row < rows; row++) out[row * columns.length + at] = column[row] as number
  })
  return out
}

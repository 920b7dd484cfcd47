import { fitLinear, type LinearTask, predictLinear } from '../math/linear/index.ts'
import { fitScaler, leaveUnscaled, scaleFloat32 } from '../math/scaler/index.ts'
import type { Task } from '../math/task.ts'
import { compileTrees, trainTrees } from '../math/trees/index.ts'
import { categoryEncoder, codesOf, type Estimator, exportModel, graphOrder, type ModelInput } from '../onnx/index.ts'

/** A trained and exported model with rows and the scores that the trainer's own arithmetic gives for them. */
export interface SampleModel {
  readonly bytes: Uint8Array
  readonly task: Task
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

interface Kind {
  readonly task: Task
  /** Linear, or trees. */
  readonly linear?: true
  /** With text inputs. */
  readonly mixed?: true
  /** Trees that divide texts into two groups. */
  readonly codes?: true
}

const kinds = {
  binary: { task: 'binary' },
  multiclass: { task: 'multiclass' },
  regression: { task: 'regression' },
  mixed: { task: 'binary', mixed: true },
  linear: { task: 'regression', linear: true },
  logistic: { task: 'binary', linear: true, mixed: true },
  multinomial: { task: 'multiclass', linear: true, mixed: true },
  codes: { task: 'binary', mixed: true, codes: true },
  'codes-multiclass': { task: 'multiclass', mixed: true, codes: true },
  'codes-regression': { task: 'regression', mixed: true, codes: true },
  quantile: { task: 'quantile' },
  count: { task: 'count', mixed: true, codes: true },
  poisson: { task: 'count', linear: true, mixed: true },
} as const satisfies Record<string, Kind>
export type SampleName = keyof typeof kinds
export const sampleNames = Object.keys(kinds) as readonly SampleName[]

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
  const kind: Kind = kinds[name]
  const { task } = kind
  const inputs = kind.mixed ? mixed : numbersOnly
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
  // Texts count by whether their code is even, which is no order
  const part = (column: Float32Array, row: number, at: number): number =>
    inputs[at]?.kind === 'text' ? ((column[row] as number) % 2) * 0.3 : (column[row] || 0) / 10 ** (at + 1)
  const value = (row: number): number => raw.reduce((sum, column, at) => sum + part(column, row, at), 0)
  const labels = Float32Array.from({ length: rows }, (_, row) => {
    const y = value(row) + random() * 0.2
    if (task === 'multiclass') return y > 0.8 ? 2 : y > 0.2 ? 1 : 0
    if (task === 'count') return Math.floor(Math.max(0, y) * 4)
    return task === 'binary' ? (y > 0.4 ? 1 : 0) : y
  })
  const textPlaces = inputs.flatMap((input, at) => (input.kind === 'text' ? [at] : []))
  const scaler = leaveUnscaled(fitScaler(name === 'regression' ? 'none' : 'standard', raw), textPlaces)
  const scaled = scaleFloat32(scaler, raw)
  const { estimator, scores } = await fit(kind, { rows, columns: scaled, codes: inputs.map(codesOf), labels })
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
  readonly codes: readonly number[]
  readonly labels: Float32Array
}

async function fit(
  { task, linear, codes }: Kind,
  matrix: Matrix,
): Promise<{ estimator: Estimator; scores: Float32Array }> {
  const features = rowMajor(matrix.columns, matrix.rows)
  if (linear) {
    const model = fitLinear(matrix, { task: task as LinearTask, classes: 3 })
    const scores = new Float32Array(matrix.rows * model.intercepts.length)
    predictLinear(model, features, matrix.rows, scores)
    return { estimator: { kind: 'linear', model }, scores }
  }
  const { codes: counts, ...numbers } = matrix
  const ensemble = await trainTrees(
    { ...numbers, ...(codes ? { codes: counts } : {}), classes: 3 },
    { task, trees: 20, leaves: 15 },
  )
  const compiled = compileTrees(ensemble)
  const scores = new Float32Array(matrix.rows * compiled.outputs)
  compiled.predict(features, matrix.rows, scores)
  return { estimator: { kind: 'trees', ensemble }, scores }
}

function rowMajor(columns: readonly Float32Array[], rows: number): Float32Array {
  const out = new Float32Array(rows * columns.length)
  columns.forEach((column, at) => {
    for (let row = 0; row < rows; row++) out[row * columns.length + at] = column[row] as number
  })
  return out
}

import { describe, expect, it } from 'vitest'
import { openWasm } from '../../adapters/inference/onnx-wasm/open.ts'
import { openTrees } from '../../adapters/inference/trees/open.ts'
import { fit } from '../../adapters/trainer/own/fit.ts'
import { gbt, linear } from '../../index.ts'
import { seeded } from '../../math/random/seeded.ts'
import type { Task } from '../../math/task.ts'
import { defaultBinding, exportModel, graph, readModel, signatureOf, writeModel } from '../../onnx/index.ts'
import type { FrameRows, ModelCard, OwnTrainer } from '../../ports/trainer.ts'
import { explanationBasis } from './basis.ts'
import { type ExplainedRow, Explainer } from './explainer.ts'

const rows = 400
const zones = ['north', 'south', 'east']
const random = seeded(5)
const draws = Array.from({ length: rows }, () => ({
  km: Math.fround(random.normal() * 10),
  zone: zones[random.below(3)] as string,
  age: random.next() < 0.1 ? Number.NaN : random.below(80),
}))
const columns = [
  Float32Array.from(draws, row => row.km),
  draws.map(row => row.zone),
  Float32Array.from(draws, row => row.age),
]
const frame = (label: (row: (typeof draws)[number]) => number): FrameRows => ({
  rows,
  inputs: columns,
  labels: Float32Array.from(draws, label),
  slices: new Map(),
})
const inputs = [
  { name: 'km', type: 'float' },
  { name: 'zone', type: 'text' },
  { name: 'age', type: 'float' },
] as const
const some = { rows: 3, inputs: columns.map(column => column.slice(0, 3)) as FrameRows['inputs'] }

const labels: Readonly<Record<'binary' | 'multiclass' | 'regression', (row: (typeof draws)[number]) => number>> = {
  binary: row => Number(row.km + (row.zone === 'south' ? 5 : 0) > 2),
  multiclass: row => (row.km > 5 ? 2 : row.zone === 'south' ? 1 : 0),
  regression: row => row.km * 3 + (row.zone === 'south' ? 20 : 0),
}

async function explainOwn(task: keyof typeof labels, trainer: OwnTrainer): Promise<[Explainer, ExplainedRow[]]> {
  const classes = task === 'multiclass' ? ['a', 'b', 'c'] : []
  const training = frame(labels[task])
  const request = { model: 'm', task, classes, inputs, scale: 'standard', trainer, threshold: 0.5, seed: 0 } as const
  const fitted = await fit(request as never, training, undefined, () => {})
  const onnx = exportModel(fitted)
  const card: ModelCard = {
    kind: 'model card',
    schema: 1,
    task,
    classes,
    inputs: fitted.inputs,
    trainer: trainer.kind,
    reproducible: 'bitwise',
    importance: [],
  }
  const loaded = await (await openTrees()).load(onnx)
  const basis = await explanationBasis({ loaded, inputs: card.inputs }, card, onnx, training)
  // As it is kept
  const kept = JSON.parse(JSON.stringify(basis)) as typeof basis
  const explainer = await Explainer.open({ task, loaded, card, onnx, basis: kept, runtime: openTrees })
  return [explainer, await explainer.explain(some)]
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
const addsUp = ({ answers }: ExplainedRow): void => {
  for (const { expected, answer, contributions } of answers)
    expect(contributions.reduce((sum, one) => sum + one.contribution, expected)).toBeCloseTo(answer, 9)
}

describe('own models', () => {
  it.each<[keyof typeof labels, OwnTrainer, string, string]>([
    ['binary', gbt({ trees: 20, depth: 3 }), 'tree-paths', 'log odds'],
    ['multiclass', gbt({ trees: 6, depth: 3 }), 'tree-paths', 'log odds before softmax'],
    ['regression', gbt({ trees: 20, depth: 3 }), 'tree-paths', 'score'],
    ['binary', linear(), 'linear', 'log odds'],
    ['multiclass', linear(), 'linear', 'log odds before softmax'],
    ['regression', linear(), 'linear', 'score'],
    ['binary', gbt({ trees: 8, calibrate: 'isotonic' }), 'tree-paths', 'log odds before calibration'],
    ['binary', gbt({ trees: 8, calibrate: 'platt' }), 'tree-paths', 'log odds'],
  ])('%s of %o are explained by their margins, whose link is the score', async (task, trainer, method, unit) => {
    const [explainer, found] = await explainOwn(task, trainer)
    expect(explainer.method).toBe(method)
    for (const one of found) {
      addsUp(one)
      const [first] = one.answers
      expect(first?.unit).toBe(unit)
      if (unit === 'score') expect(first?.answer).toBeCloseTo(one.score as number, 3)
      if (unit === 'log odds') expect(sigmoid(first?.answer ?? 0)).toBeCloseTo(one.score as number, 5)
      if (task !== 'multiclass') continue
      const score = one.score as readonly number[]
      expect(one.answers.map(answer => answer.class)).toEqual(
        ['a', 'b', 'c'].sort((x, y) => (score['abc'.indexOf(y)] ?? 0) - (score['abc'.indexOf(x)] ?? 0)),
      )
      const margins = one.answers.map(answer => Math.exp(answer.answer))
      const sum = margins.reduce((a, b) => a + b, 0)
      expect((margins[0] ?? 0) / sum).toBeCloseTo(Math.max(...score), 5)
    }
    // What the label does not depend on hardly adds anything, what it does depend on leads
    const [top] = found[0]?.answers[0]?.contributions ?? []
    expect(top?.input).not.toBe('age')
    const values = new Map(found[0]?.answers[0]?.contributions.map(one => [one.input, one.value]))
    expect(values.get('zone')).toBe(draws[0]?.zone)
    expect(values.get('km')).toBe(draws[0]?.km)
  })
})

interface Foreign {
  readonly trees: object
  readonly op?: 'Classifier' | 'Regressor'
  readonly task?: Task
  readonly classes?: readonly string[]
  /** Whatever comes between inputs and trees. */
  readonly prepare?: 'one-hot' | 'mixed'
  /** Numbers go through a function behind the trees. */
  readonly bent?: boolean
}

/** A graph in the form of skl2onnx: numbers scaled, texts one-hot, then trees. */
async function foreign(form: Foreign) {
  const { trees, op = 'Classifier', task = 'binary', classes = [], prepare = 'one-hot', bent = false } = form
  const builder = graph('elsewhere')
  const km = builder.input('km', 'float', ['N', 1])
  const age = builder.input('age', 'float', ['N', 1])
  const zone = builder.input('zone', 'string', ['N', 1])
  const both = builder.node('Concat', [km, age], 'numbers', { axis: { int: 1 } })
  const scaled =
    prepare === 'mixed'
      ? builder.node('ml.Normalizer', [both], 'normalised', { norm: { string: 'L2' } })
      : builder.node('ml.Scaler', [both], 'scaled', { offset: { floats: [0, 40] }, scale: { floats: [0.1, 0.05] } })
  const codes = builder.node('ml.OneHotEncoder', [zone], 'codes', {
    cats_strings: { strings: zones },
    zeros: { int: 1 },
  })
  const shape = builder.constant('shape', 'int64', [2], [-1, 3])
  const flat = builder.node('Reshape', [codes, shape], 'flat')
  const x = builder.node('Concat', [scaled, flat], 'x', { axis: { int: 1 } })
  if (op === 'Classifier') {
    builder.node('ml.TreeEnsembleClassifier', [x], ['decided', 'chances'], trees as never)
    builder.output('decided', 'int64', ['N']).output('chances', 'float', ['N', undefined])
  } else {
    builder.node('ml.TreeEnsembleRegressor', [x], bent ? 'straight' : 'variable', trees as never)
    if (bent) builder.node('Tanh', ['straight'], 'variable')
    builder.output('variable', 'float', ['N', 1])
  }
  const onnx = writeModel(builder.build(), {}, '', 'elsewhere')
  const binding = defaultBinding(signatureOf(readModel(onnx)), { inputs, task, classes })
  const card: ModelCard = {
    kind: 'model card',
    schema: 1,
    task,
    classes,
    inputs: inputs.map(({ name, type }) => ({ name, kind: type === 'text' ? 'text' : 'number' })),
    binding,
    trainer: 'onnx',
    reproducible: 'bitwise',
    importance: [],
  }
  const runtime = await openWasm()
  const loaded = await runtime.load(onnx, binding)
  const basis = await explanationBasis({ loaded, inputs: card.inputs }, card, onnx, frame(labels.binary))
  const explainer = await Explainer.open({ task, loaded, card, onnx, basis, runtime: async () => runtime })
  const found = await explainer.explain(some)
  await explainer.close()
  await loaded.close()
  return { explainer, found }
}

/** One tree: km (column 0) above 0.2, then south (column 3) or age (column 1). */
const nodes = {
  nodes_treeids: { ints: [0, 0, 0, 0, 0, 0, 0] },
  nodes_nodeids: { ints: [0, 1, 2, 3, 4, 5, 6] },
  nodes_featureids: { ints: [0, 3, 1, 0, 0, 0, 0] },
  nodes_modes: { strings: ['BRANCH_GT', 'BRANCH_GTE', 'BRANCH_LT', 'LEAF', 'LEAF', 'LEAF', 'LEAF'] },
  nodes_values: { floats: [0.2, 1, 0, 0, 0, 0, 0] },
  nodes_truenodeids: { ints: [1, 3, 5, 0, 0, 0, 0] },
  nodes_falsenodeids: { ints: [2, 4, 6, 0, 0, 0, 0] },
  nodes_missing_value_tracks_true: { ints: [0, 0, 1, 0, 0, 0, 0] },
}
const leafNodes = { treeids: { ints: [0, 0, 0, 0] }, nodeids: { ints: [3, 4, 5, 6] } }
const leaves = (kind: 'class' | 'target', weights: readonly number[], ids = [0, 0, 0, 0]) => ({
  [`${kind}_treeids`]: leafNodes.treeids,
  [`${kind}_nodeids`]: leafNodes.nodeids,
  [`${kind}_ids`]: { ints: ids },
  [`${kind}_weights`]: { floats: weights },
})
const margins = [1.5, 0.25, -0.5, -2]
const logistic = {
  ...nodes,
  ...leaves('class', margins),
  classlabels_int64s: { ints: [0, 1] },
  post_transform: { string: 'LOGISTIC' },
}

/** Shapley values by their definition, of any function of rows against the training rows that stand for them. */
function defined(answer: (km: number, zone: string, age: number) => number, row: number): Record<string, number> {
  const others = draws.filter((_, at) => at % 4 === 0)
  const own = draws[row] as (typeof draws)[number]
  const value = (known: string): number =>
    others.reduce(
      (sum, other) =>
        sum +
        answer(
          (known.includes('k') ? own : other).km,
          (known.includes('z') ? own : other).zone,
          (known.includes('a') ? own : other).age,
        ),
      0,
    ) / others.length
  const of = (one: string, [two, three]: readonly [string, string]): number =>
    (value(one) - value('')) / 3 +
    (value(one + two) - value(two)) / 6 +
    (value(one + three) - value(three)) / 6 +
    (value('kza') - value(two + three)) / 3
  return { km: of('k', ['z', 'a']), zone: of('z', ['k', 'a']), age: of('a', ['k', 'z']) }
}
const tree = (km: number, zone: string, age: number): number =>
  (km * 0.1 > 0.2
    ? zone === 'south'
      ? margins[0]
      : margins[1]
    : Number.isNaN(age) || (age - 40) * 0.05 < 0
      ? margins[2]
      : margins[3]) as number

const expectDefined = (found: readonly ExplainedRow[], answer: typeof tree): void =>
  found.forEach((one, row) => {
    addsUp(one)
    const wanted = defined(answer, row)
    for (const { input, contribution } of one.answers[0]?.contributions ?? [])
      expect(contribution).toBeCloseTo(wanted[input] as number, 5)
  })

describe('models of other frameworks', () => {
  it('trees behind a scaler and a one-hot encoder are explained exactly, a text as one input', async () => {
    const { explainer, found } = await foreign({ trees: logistic })
    expect([explainer.method, explainer.background]).toEqual(['trees-and-background', 100])
    expect(found[0]?.answers[0]?.unit).toBe('log odds')
    expectDefined(found, tree)
  })
  it('forests that give probabilities, and softmax of two, are read by what fits their scores', async () => {
    const chances = [0.9, 0.6, 0.3, 0.2]
    const forest = {
      ...nodes,
      class_treeids: { ints: [0, 0, 0, 0, 0, 0, 0, 0] },
      class_nodeids: { ints: [3, 3, 4, 4, 5, 5, 6, 6] },
      class_ids: { ints: [0, 1, 0, 1, 0, 1, 0, 1] },
      class_weights: { floats: chances.flatMap(chance => [1 - chance, chance]) },
      classlabels_int64s: { ints: [0, 1] },
      post_transform: { string: 'NONE' },
    }
    const given = await foreign({ trees: forest })
    expect([given.explainer.method, given.found[0]?.answers[0]?.unit]).toEqual(['trees-and-background', 'score'])
    expectDefined(given.found, (...row) => chances[margins.indexOf(tree(...row))] as number)
    const soft = await foreign({ trees: { ...forest, post_transform: { string: 'SOFTMAX' } } })
    expect([soft.explainer.method, soft.found[0]?.answers[0]?.unit]).toEqual(['trees-and-background', 'log odds'])
    expectDefined(soft.found, (...row) => 2 * (chances[margins.indexOf(tree(...row))] as number) - 1)
  })
  it('numbers are explained as they are', async () => {
    const { explainer, found } = await foreign({
      op: 'Regressor',
      task: 'regression',
      trees: { ...nodes, ...leaves('target', margins), n_targets: { int: 1 }, base_values: { floats: [10] } },
    })
    expect([explainer.method, found[0]?.answers[0]?.unit]).toEqual(['trees-and-background', 'score'])
    expectDefined(found, (...row) => 10 + tree(...row))
  })
  it('where columns are mixed of several inputs only the answers tell, and all subsets of three inputs are exact', async () => {
    const { explainer, found } = await foreign({ trees: logistic, prepare: 'mixed' })
    expect([explainer.method, found[0]?.answers[0]?.unit]).toEqual(['all-subsets', 'score'])
    expectDefined(found, (km, zone, age) => {
      const size = Math.hypot(km, age)
      const unit = (value: number): number => Math.fround(value / size)
      const margin =
        unit(km) > Math.fround(0.2)
          ? margins[zone === 'south' ? 0 : 1]
          : margins[Number.isNaN(size) || unit(age) < 0 ? 2 : 3]
      return sigmoid(margin as number)
    })
  })
  it('trees whose sums do not explain the scores are not taken at their word', async () => {
    const { explainer } = await foreign({
      op: 'Regressor',
      task: 'regression',
      bent: true,
      trees: { ...nodes, ...leaves('target', margins), n_targets: { int: 1 } },
    })
    expect(explainer.method).toBe('all-subsets')
  })
})

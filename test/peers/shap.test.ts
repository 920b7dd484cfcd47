import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openWasm } from '../../src/adapters/inference/onnx-wasm/open.ts'
import { linearContributions, treeContributions } from '../../src/math/explain/index.ts'
import { seeded } from '../../src/math/random/seeded.ts'
import type { Task } from '../../src/math/task.ts'
import { trainTrees } from '../../src/math/trees/index.ts'
import { defaultBinding, readModel, signatureOf } from '../../src/onnx/index.ts'
import type { ModelCard } from '../../src/ports/trainer.ts'
import { explanationBasis } from '../../src/stages/explain/basis.ts'
import { Explainer } from '../../src/stages/explain/explainer.ts'

// What Millrace says of a row, held to the `shap` package: own trees by the rows that reached their nodes, linear models, the
// trees of other frameworks against background rows, and a model of which only the answers are known.

const python = 'test/interop/.venv-shap/bin/python'
const present = existsSync(python)
if (!present) console.warn('SKIPPED: shap; run scripts/interop-venv.sh shap first')

interface Told {
  readonly task: Task
  readonly classes: readonly string[]
  readonly inputs: readonly string[]
  readonly background: readonly (readonly number[])[]
  readonly rows: readonly (readonly number[])[]
  readonly expected: readonly number[]
  /** By output, row and input. */
  readonly values: readonly (readonly (readonly number[])[])[]
}

const folder = mkdtempSync(join(tmpdir(), 'millrace-shap-'))
afterAll(() => rmSync(folder, { recursive: true }))
beforeAll(() => {
  if (present) execFileSync(python, ['test/interop/shap_values.py', 'foreign', folder], { stdio: 'pipe' })
}, 120_000)

const names = {
  'sklearn-forest': 'trees-and-background',
  'sklearn-boosting': 'trees-and-background',
  lightgbm: 'trees-and-background',
  xgboost: 'trees-and-background',
  'lightgbm-3': 'trees-and-background',
  'xgboost-3': 'trees-and-background',
  'sklearn-forest-3': 'trees-and-background',
  'sklearn-forest-number': 'trees-and-background',
  'lightgbm-number': 'trees-and-background',
  'xgboost-number': 'trees-and-background',
  'sklearn-network': 'all-subsets',
} as const

const columnsOf = (rows: readonly (readonly number[])[]): Float32Array[] =>
  (rows[0] ?? []).map((_, at) => Float32Array.from(rows, row => row[at] as number))

async function explainerOf(name: string, told: Told): Promise<Explainer> {
  const onnx = readFileSync(join(folder, `${name}.onnx`))
  const { task, classes } = told
  const binding = defaultBinding(signatureOf(readModel(onnx)), {
    inputs: told.inputs.map(input => ({ name: input, type: 'float' })),
    task,
    ...(classes.length > 0 ? { classes } : {}),
  })
  const card: ModelCard = {
    kind: 'model card',
    schema: 1,
    task,
    classes,
    inputs: told.inputs.map(input => ({ name: input, kind: 'number' })),
    binding,
    trainer: 'python',
    reproducible: 'none',
    importance: [],
  }
  const runtime = await openWasm()
  const loaded = await runtime.load(onnx, binding)
  const inputs = columnsOf(told.background)
  const rows = told.background.length
  const training = { rows, inputs, labels: new Float32Array(rows), slices: new Map<string, Float32Array>() }
  const basis = await explanationBasis({ loaded, inputs: card.inputs }, card, onnx, training)
  return Explainer.open({ task, loaded, card, onnx, basis, runtime: async () => runtime })
}

test.skipIf(!present).each(Object.entries(names))('%s has the values of shap, by %s', async (name, method) => {
  const told = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as Told
  const explainer = await explainerOf(name, told)
  expect(explainer.method).toBe(method)
  const found = await explainer.explain({ rows: told.rows.length, inputs: columnsOf(told.rows) })
  const scale = Math.max(...told.values.flat(2).map(Math.abs))
  let worst = 0
  found.forEach(({ answers }, row) => {
    for (const answer of answers) {
      const output = answer.class === undefined ? 0 : told.classes.indexOf(answer.class)
      worst = Math.max(worst, Math.abs(answer.expected - (told.expected[output] as number)) / scale)
      for (const { input, contribution } of answer.contributions) {
        const wanted = told.values[output]?.[row]?.[told.inputs.indexOf(input)] as number
        worst = Math.max(worst, Math.abs(contribution - wanted) / scale)
      }
    }
  })
  // A network's answers are float32
  expect(worst).toBeLessThan(method === 'all-subsets' ? 2e-6 : 1e-6)
  await explainer.close()
})

test.skipIf(!present)('every model is among those that were written', () => {
  const written = readdirSync(folder).filter(one => one.endsWith('.onnx'))
  expect(written.map(one => one.slice(0, -'.onnx'.length)).sort()).toEqual(Object.keys(names).sort())
})

const asked = (kind: string, content: unknown): { expected: number; values: number[][] } => {
  const file = join(folder, `asked-${kind}.txt`)
  writeFileSync(file, JSON.stringify(content))
  return JSON.parse(execFileSync(python, ['test/interop/shap_values.py', kind, file], { encoding: 'utf8' })) as never
}
const random = seeded(8)
const made = Array.from({ length: 500 }, () =>
  Array.from({ length: 6 }, () => (random.next() < 0.05 ? Number.NaN : Math.fround(random.normal()))),
)

test.skipIf(!present)('own trees have the values of shap by the rows that reached the nodes', async () => {
  const labels = Float32Array.from(made, ([a = 0, b = 0, c = 0]) => (a || 0) * (b || 1) + Math.max(0, c || 0))
  const ensemble = await trainTrees(
    { rows: made.length, columns: columnsOf(made), labels },
    { task: 'regression', trees: 30, depth: 5, minLeaf: 5 },
  )
  const rows = made.slice(0, 50)
  const told = asked('trees', {
    trees: ensemble.trees.map(({ feature, threshold, left, right, missingLeft, value, count }) => ({
      feature,
      threshold,
      left,
      right,
      missing: feature.map((one, at) => (one < 0 ? -1 : missingLeft[at] ? left[at] : right[at])),
      value,
      count,
    })),
    base: ensemble.baseScore[0],
    rows: rows.map(row => row.map(value => (Number.isNaN(value) ? null : value))),
  })
  for (const [at, row] of rows.entries()) {
    const { expected, values } = await treeContributions(ensemble, row, async () => {})
    expect(Math.abs((expected[0] as number) - told.expected)).toBeLessThan(1e-6)
    values[0]?.forEach((value, input) =>
      expect(Math.abs(value - (told.values[at]?.[input] as number))).toBeLessThan(1e-6),
    )
  }
})

test.skipIf(!present)('linear models have the values of shap', () => {
  const rows = made.map(row => row.map(value => (Number.isNaN(value) ? 0 : value)))
  const [background, some] = [rows.slice(0, 100), rows.slice(100, 150)]
  const coefficients = [1.5, -2, 0, 0.25, 3, -0.125]
  const told = asked('linear', { coefficients, intercept: 0.5, background, rows: some })
  const model = {
    task: 'regression' as const,
    coefficients: [coefficients],
    intercepts: [0.5],
    replacements: coefficients.map(() => 0),
    effects: [],
  }
  some.forEach((row, at) => {
    const { expected, values } = linearContributions(model, row, { rows: 100, features: background.flat() })
    expect(Math.abs((expected[0] as number) - told.expected)).toBeLessThan(1e-9)
    values[0]?.forEach((value, input) =>
      expect(Math.abs(value - (told.values[at]?.[input] as number))).toBeLessThan(1e-9),
    )
  })
})

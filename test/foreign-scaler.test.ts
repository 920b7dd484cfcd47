import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { fitScaler } from '../src/math/scaler/index.ts'
import { seeded } from '../src/math/random/seeded.ts'
import { graph, type GraphBuilder, writeModel } from '../src/onnx/index.ts'
import { scalingOfVersions } from '../src/app/scaling-of-versions.ts'
import { withWorkspace } from '../src/app/with-workspace.ts'
import { inside } from './support/inside.ts'

// A model of another program with its scaler in its graph: held to the rows that it may have been fitted on, through the command line.

const root = mkdtempSync(join(tmpdir(), 'millrace-foreign-scaler-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

const random = seeded(5)
const count = 1_200
const trips = Array.from({ length: count }, (_, at) => {
  const held = at % 4 === 0
  // Later trips are longer: whoever saw them knows
  const miles = Math.fround(20 + 6 * random.normal() + (held ? 3 : 0))
  const mass = Math.fround(900 + 150 * random.normal())
  return { miles, mass, held, late: miles + 4 * random.normal() > 22 }
})
type Trip = (typeof trips)[number]
type Figures = readonly (readonly [centre: number, scale: number])[]

const figuresOf = (rows: readonly Trip[], factor = 1): Figures =>
  fitScaler('standard', [
    Float32Array.from(rows, row => row.miles * factor),
    Float32Array.from(rows, row => row.mass),
  ]).features.map(({ offset, scale }) => [offset, scale])
const training = trips.filter(row => !row.held)

/** Late where the scaled miles are large, as a linear model of another library has it. */
function fileOf(scaled: (builder: GraphBuilder) => string, slope = 1.5): Uint8Array {
  const builder = graph('scorer')
  builder.input('x', 'float', ['N', 2])
  builder.node('ml.LinearRegressor', [scaled(builder)], 'margins', {
    coefficients: { floats: [slope, 0] },
    intercepts: { floats: [-0.4] },
    targets: { int: 1 },
  })
  builder.node('Sigmoid', ['margins'], 'probabilities')
  builder.output('probabilities', 'float', ['N', 1])
  return writeModel(builder.build(), {}, '', 'elsewhere')
}
const scalerOf =
  (figures: Figures) =>
  (builder: GraphBuilder): string =>
    builder.node('ml.Scaler', ['x'], 'z', {
      offset: { floats: figures.map(([centre]) => centre) },
      scale: { floats: figures.map(([, scale]) => 1 / scale) },
    })

const file = (bytes: Uint8Array): void => writeFileSync(join(root, 'scorer.onnx'), bytes)
const table = (factor = 1): void =>
  writeFileSync(
    join(root, 'trips.csv'),
    `distance,mass,held,late\n${trips.map(({ miles, mass, held, late }) => `${Math.fround(miles * factor)},${mass},${held},${late}`).join('\n')}\n`,
  )
const config = (more = ''): void =>
  writeFileSync(
    join(root, 'millrace.config.ts'),
    `import { csv, dataset, deployment, model, onnx, project, t } from '${pathToFileURL(resolve('dist/index.js')).href}'
const trips = dataset('trips', { source: csv('trips.csv'), columns: { distance: t.float(), mass: t.float(), held: t.bool(), late: t.bool() } })
const late = model('late', {
  task: 'binary', from: trips, label: c => c.late, inputs: c => ({ distance: c.distance, mass: c.mass }),
  split: { by: 'column', test: c => c.held }, train: onnx('scorer.onnx'), ${more}
  test: m => [m.metric('auc', { min: 0.6 })],
})
export default project('trips', { trips, late, api: deployment('api', { model: late }) })
`,
  )

const train = (): ReturnType<typeof inside> => inside(root, ['train', 'late'])
interface Check {
  readonly id: string
  readonly status: string
  readonly message: string
  readonly observed: Readonly<Record<string, unknown>>
}
/** What `scaler check` says of each rule of a version. */
async function checks(version: string, ...more: readonly string[]): Promise<ReadonlyMap<string, Check>> {
  const { out } = await inside(root, ['scaler', 'check', version, '--json', ...more])
  const [report] = JSON.parse(out) as readonly { checks: readonly Check[] }[]
  return new Map(report?.checks.map(check => [check.id, check]))
}

beforeAll(() => {
  writeFileSync(join(root, 'package.json'), '{"type":"module"}')
  symlinkSync(resolve('node_modules'), join(root, 'node_modules'))
  table()
  config()
})

it('a scaler that learned from the training rows passes, and every rule says what it read in the graph', async () => {
  file(fileOf(scalerOf(figuresOf(training))))
  const { code, said } = await train()
  expect(code, said).toBe(0)
  const found = await checks('late@1')
  expect(found.get('scaler-refit')).toMatchObject({
    status: 'pass',
    message: 'the training rows give what the graph scales 2 inputs by',
  })
  expect(found.get('scaler-train-only')?.status).toBe('pass')
  expect(found.get('scaler-precision')?.message).toMatch(/the 2 scaled inputs by at most/)
  expect(found.get('scaler-onnx-parity')?.message).toMatch(/^the graph scales 300 rows within \S+ of float64$/)
  expect(found.get('scaler-round-trip')?.status).toBe('pass')
})

it('one that learned from the test rows as well is refused', async () => {
  file(fileOf(scalerOf(figuresOf(trips))))
  const { code, said } = await train()
  expect(code, said).toBe(1)
  expect(said).toContain('distance was fitted on training and test rows together')
  expect((await inside(root, ['models', 'list'])).said).not.toContain('late@2')
})

it('two columns in each other’s place are refused', async () => {
  file(fileOf(scalerOf(figuresOf(training).toReversed())))
  const { code, said } = await train()
  expect(code, said).toBe(1)
  expect(said).toContain('distance is scaled by the figures of mass: are the two swapped?')
})

it('what was fitted on other rows is told, and registered; what scales nothing says why', async () => {
  file(
    fileOf(
      scalerOf([
        [15, 5],
        [900, 150],
      ]),
    ),
  ) // prettier-ignore
  const { code, said } = await train()
  expect(code, said).toBe(0)
  const found = await checks('late@2')
  expect(found.get('scaler-refit')).toMatchObject({ status: 'warn' })
  expect(found.get('scaler-refit')?.message).toContain(
    'distance is centred at 15 and divided by 5, the training rows have mean',
  )
  file(fileOf(() => 'x', 0.1))
  expect((await train()).code).toBe(0)
  const plain = await checks('late@3')
  for (const rule of ['scaler-refit', 'scaler-train-only', 'scaler-onnx-parity'])
    expect(plain.get(rule)).toMatchObject({
      status: 'skipped',
      message: 'not scaled: distance, mass (goes into LinearRegressor as it comes)',
    })
})

it('a retrain in another unit is refused, whatever its graph scales by, unless it is declared', async () => {
  expect((await inside(root, ['deploy', 'api', '--version', '1'])).code).toBe(0)
  table(1.609344)
  file(fileOf(scalerOf(figuresOf(training, 1.609344))))
  const refused = await train()
  expect(refused.code, refused.said).toBe(1)
  expect(refused.said).toContain('distance is 1.609 times what it was: kilometres for miles?')
  config("units: { distance: 'km' },")
  const declared = await train()
  expect(declared.code, declared.said).toBe(0)
  const found = await checks('late@4', '--against', 'late@1')
  expect(found.get('scaler-unit-change')?.message).toContain('as declared')
  expect(found.get('scaler-refit')?.status).toBe('pass')
  // the champion is what a version is compared with where none is named; itself it is compared with none
  expect((await checks('late@4')).get('scaler-unit-change')).toEqual(found.get('scaler-unit-change'))
  expect((await checks('late@1')).has('scaler-unit-change')).toBe(false)
})

it('the page of a version shows what each input was, and was scaled by, from version to version', async () => {
  const scaling = await withWorkspace(root, async ({ store, artifacts }) => {
    const newest = await store.getModelVersion('late', 4)
    return newest ? scalingOfVersions({ store, artifacts }, newest) : []
  })
  expect(scaling.map(one => [one.version, one.status])).toEqual([
    [4, 'pass'],
    [3, 'pass'],
    [2, 'pass'],
    [1, 'skipped'],
  ])
  const of = (version: number) => scaling.find(one => one.version === version)?.inputs[0]
  const [[centre, scale]] = figuresOf(training) as [readonly [number, number]]
  expect(of(1)).toMatchObject({ name: 'distance', unit: null })
  expect(of(1)?.centre).toBeCloseTo(centre, 4)
  expect(of(1)?.scale).toBeCloseTo(scale, 4)
  expect(of(2)).toMatchObject({ centre: 15 })
  expect(of(3)).toMatchObject({ centre: 0, scale: 1 })
  expect(of(4)).toMatchObject({ unit: 'km' })
  expect((of(4)?.mean ?? 0) / (of(1)?.mean ?? 1)).toBeCloseTo(1.609344, 4)
})

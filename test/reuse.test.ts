import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openWorkspace } from '../src/config/workspace.ts'
import type { DatasetOptions } from '../src/define/dataset.ts'
import type { FeatureViewOptions } from '../src/define/features.ts'
import {
  csv,
  dataset,
  deployment,
  entity,
  expect as expected,
  features,
  gbt,
  linear,
  model,
  monitor,
  project,
  t,
  type Project,
} from '../src/index.ts'
import { explainStep } from '../src/engine/index.ts'
import { seeded } from '../src/math/random/seeded.ts'
import { lineageOf } from '../src/stages/version/lineage.ts'
import { startTraining } from '../src/stages/pipeline/run.ts'

// A project is trained, one thing in its definitions is changed, it is trained again where the results of the first run can
// be reused: what comes out must be what a folder that never saw the project before gives. The types of the lists below
// make a new option of a definition a compile error until it is here.

const root = mkdtempSync(join(tmpdir(), 'millrace-reuse-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

function writeData(folder: string): void {
  const random = seeded(11)
  const lines = Array.from({ length: 1_200 }, (_, i) => {
    const km = Math.round(random.next() * 400) / 10
    const at = new Date(Date.UTC(2026, 0, 1) + i * 3_600_000).toISOString().slice(0, 19)
    const shop = ['north', 'south', 'NA'][Math.floor(random.next() * 3)] as string
    return `${i},${at},${shop},${i === 700 ? 4_000 : km},${random.next() < 1 / (1 + Math.exp((20 - km) / 4))}`
  })
  mkdirSync(join(folder, 'data'))
  writeFileSync(join(folder, 'millrace.config.ts'), '')
  writeFileSync(join(folder, 'data', 'a.csv'), `id,at,shop,km,late\n${lines.slice(0, 1_100).join('\n')}\n`)
  writeFileSync(join(folder, 'data', 'b.csv'), `id,at,shop,km,late\n${lines.slice(1_100).join('\n')}\n`)
}

const columns = { id: t.int(), at: t.timestamp('UTC'), shop: t.text(), km: t.float(), late: t.bool() }
type Columns = typeof columns

const baseDataset = {
  source: csv('data/*.csv'),
  columns,
  eventTime: 'at',
  knownAt: { late: c => c.at.plus('2h') },
  key: ['id'],
  expect: c => [c.km.between(0, 100, { mostly: 0.99 })],
} satisfies DatasetOptions<Columns>

const shop = entity('shop', { shop: t.text() })
const compute = (f: Parameters<FeatureViewOptions<typeof shop.keys, Columns, never>['compute']>[0]) => ({
  orders_6h: f.count('6h'),
  late_1d: f.share(c => c.late, '1d'),
})

interface Overrides {
  readonly dataset?: Partial<DatasetOptions<Columns>>
  readonly view?: object
  readonly model?: object
  readonly monitor?: object
  readonly deployment?: object
}

function build(overrides: Overrides = {}): Project {
  const orders = dataset('orders', { ...baseDataset, ...overrides.dataset } as DatasetOptions<Columns>)
  const shops = features('shops', { entity: shop, from: orders, compute, ...overrides.view })
  const options = {
    task: 'binary' as const,
    from: orders,
    features: [shops],
    label: (c: { late: never }) => c.late,
    inputs: (c: { km: never }) => ({ ...shops.all, km: c.km }),
    split: { by: 'time', train: '30d', test: '10d' } as const,
    train: gbt({ trees: 4, leaves: 4 }),
    ...overrides.model,
  }
  const late = model('late', options as never)
  const api = deployment('api', { model: late, ...overrides.deployment } as never)
  const watch = monitor('watch', { deployment: api, ...overrides.monitor } as never)
  return project('reuse', { orders, shops, late, api, watch })
}

type Change<K extends string> = Readonly<Record<K, readonly Overrides[]>>

const ofDataset: Change<keyof Required<DatasetOptions<Columns>>> = {
  source: [{ dataset: { source: csv('data/a.csv') } }],
  columns: [
    { dataset: { columns: { ...columns, at: t.timestamp('Asia/Kolkata') } } },
    { dataset: { columns: { ...columns, shop: t.nullable(t.text({ treatAsNull: ['NA'] })) as never } } },
  ],
  eventTime: [{ dataset: { columns: { ...columns, at: t.timestamp('America/New_York') }, eventTime: 'at' } }],
  knownAt: [
    { dataset: { knownAt: { late: c => c.at.plus('12h') } } },
    { dataset: { knownAt: { late: c => c.at.plusMinutes(c.km) } } },
    { dataset: { knownAt: {} } },
  ],
  key: [{ dataset: { key: ['id', 'at'] } }],
  expect: [
    { dataset: { expect: c => [c.km.between(0, 30, { mostly: 0.1 })] } },
    { dataset: { expect: () => [expected.rowCount({ min: 10 })] } },
  ],
  treatAsNull: [{ dataset: { treatAsNull: ['north'], columns: { ...columns, shop: t.nullable(t.text()) as never } } }],
  quarantine: [{ dataset: { quarantine: false } }],
  // Sealed by a key of the project: `protect.test.ts` has it
  encryptWith: [],
}

type ViewOptions = keyof Required<FeatureViewOptions<typeof shop.keys, Columns, never>>
const ofView: Change<Exclude<ViewOptions, 'from'>> = {
  entity: [{ view: { entity: entity('order', { id: t.int() }) } }, { view: { entity: entity('branch', shop.keys) } }],
  ttl: [{ view: { ttl: '1h' } }],
  online: [{ view: { online: false } }],
  uncovered: [{ view: { uncovered: 'null' } }],
  // The frame is judged anew
  expect: [{ view: { expect: () => [expected.rowCount({ min: 1 })] } }],
  knownTime: [{ view: { knownTime: 'ignore' } }],
  // How a server keeps it up changes no value: `definitions.test.ts` of features has it
  freshness: [],
  materialise: [],
  verify: [],
  notify: [],
  derive: [{ view: { derive: (v: { late_1d: { neg(): unknown } }) => ({ early_1d: v.late_1d.neg() }) } }],
  compute: [
    {
      view: { compute: (f: never) => ({ ...compute(f), orders_6h: (f as { count(w: string): unknown }).count('3h') }) },
    },
    {
      view: {
        compute: (f: Parameters<typeof compute>[0]) => ({ ...compute(f), late_1d: f.share(c => c.km.gt(20), '1d') }),
      },
    },
  ],
}

type ModelKeys =
  | 'task'
  | 'from'
  | 'label'
  | 'inputs'
  | 'features'
  | 'split'
  | 'scale'
  | 'train'
  | 'threshold'
  | 'test'
  | 'encryptWith'
const ofModel: Change<ModelKeys> = {
  task: [
    {
      model: {
        task: 'regression',
        label: (c: { km: unknown }) => c.km,
        inputs: (c: { id: unknown }) => ({ id: c.id }),
        features: [],
      },
    },
  ],
  from: [{ dataset: { source: csv('data/b*.csv') }, model: { split: { by: 'time', train: '3d', test: '1d' } } }],
  label: [
    {
      model: {
        label: (c: { km: { gt(x: number): unknown } }) => c.km.gt(20),
        inputs: (c: { id: unknown }) => ({ id: c.id }),
      },
    },
  ],
  inputs: [{ model: { inputs: (c: { km: { div(x: number): unknown } }) => ({ km: c.km.div(1.609) }) } }],
  features: [{ model: { features: [], inputs: (c: { km: unknown }) => ({ km: c.km }) } }],
  split: [
    { model: { split: { by: 'time', train: '20d', test: '10d' } } },
    { model: { split: { by: 'time', train: '30d', test: '5d' } } },
    { model: { split: { by: 'time', train: '20d', test: '5d', until: '2026-02-10T00:00:00Z' } } },
  ],
  scale: [{ model: { scale: 'robust' } }, { model: { scale: { km: 'none' } } }],
  train: [
    { model: { train: gbt({ trees: 5, leaves: 4 }) } },
    { model: { train: gbt({ trees: 4, leaves: 4, seed: 7, learningRate: 0.3 }) } },
    { model: { train: linear({ l2: 2 }) } },
  ],
  threshold: [{ model: { threshold: 0.3 } }],
  test: [{ model: { test: (m: { slices(o: object): unknown }) => [m.slices({ minShareOfOverall: 0.1 })] } }],
  encryptWith: [],
}

const ofMonitor: Change<'window'> = { window: [{ monitor: { window: '1h' } }] }

interface Outcome {
  readonly status: string
  readonly artifacts: Readonly<Record<string, string>>
  /** Verdicts of model tests, without their figures of time. */
  readonly verdicts: readonly string[]
}

/** Trains, and gives what every step made by its digest. Reports hold times and ids: of them the verdicts are compared. */
async function train(folder: string, made: Project): Promise<Outcome> {
  const workspace = await openWorkspace(folder, { project: made })
  try {
    const run = await startTraining(workspace, await workspace.engineOf(), {
      model: made.models.get('late') as never,
      trigger: 'manual',
      stepEnvironment: null,
      runEnvironment: {},
    })
    const result = await run.done
    const artifacts: Record<string, string> = {}
    const verdicts: string[] = []
    for (const step of await workspace.store.listSteps(run.runId))
      for (const [name, output] of Object.entries(step.outputs ?? {})) {
        if (step.step.startsWith('register-')) continue
        else if (output.type !== 'report') artifacts[`${step.step}.${name}`] = output.digest
        else {
          const text = Buffer.from(await workspace.artifacts.get(output.digest)).toString()
          for (const check of (
            JSON.parse(text) as {
              checks: { id: string; kind: string; status: string; observed: object; bad: number }[]
            }
          ).checks)
            if (check.kind !== 'latency')
              verdicts.push(`${step.step} ${check.id} ${check.status} ${check.bad} ${JSON.stringify(check.observed)}`)
        }
      }
    return { status: `${result.status} ${JSON.stringify(result.error ?? '')}`, artifacts, verdicts }
  } finally {
    await workspace.close()
  }
}

let fresh = 0
function newFolder(): string {
  const folder = join(root, `fresh-${fresh++}`)
  mkdirSync(folder)
  writeData(folder)
  return folder
}

const used = (() => {
  let folder: string | undefined
  return () => (folder ??= newFolder())
})()

beforeAll(async () => {
  expect((await train(used(), build())).status).toMatch(/^succeeded/)
})

const cases = Object.entries({ dataset: ofDataset, view: ofView, model: ofModel, monitor: ofMonitor }).flatMap(
  ([kind, changes]) =>
    Object.entries(changes).flatMap(([option, list]) =>
      (list as readonly Overrides[]).map((overrides, i) => ({ name: `${kind}.${option} (${i + 1})`, overrides })),
    ),
)

test.each(cases)('$name', async ({ overrides }) => {
  const changed = build(overrides)
  const again = await train(used(), changed)
  expect(again.status).toMatch(/^succeeded/)
  expect(again).toEqual(await train(newFolder(), changed))
})

test('the definitions as they were give what they gave', async () => {
  expect(await train(used(), build())).toEqual(await train(newFolder(), build()))
})

test('explain names the law of times where it is what changed', async () => {
  const changed = build({ dataset: { knownAt: { late: c => c.at.plus('7h') } } })
  await train(used(), build())
  await train(used(), changed)
  const workspace = await openWorkspace(used(), { project: changed })
  try {
    const [explanation] = await explainStep(workspace.store, 'features-late')
    expect(explanation?.status).toBe('succeeded')
    expect(explanation?.reason).toContain('law.knownAt.late')
  } finally {
    await workspace.close()
  }
})

test('versions of the same bytes keep the lineage of their own run', async () => {
  const folder = newFolder()
  const upTo = { model: { split: { by: 'time', train: '20d', test: '5d', until: '2026-02-10T00:00:00Z' } } }
  const first = await train(folder, build({ ...upTo, dataset: { source: csv('data/a.csv') } }))
  const second = await train(folder, build(upTo))
  const [before, after] = [first, second].map(one => one.artifacts['validate-orders.data'])
  expect(after).not.toBe(before)
  expect(second.artifacts['verify-late.onnx']).toBe(first.artifacts['verify-late.onnx'])
  const workspace = await openWorkspace(folder, { project: build(upTo) })
  try {
    const madeFrom = async (version: string) => {
      const { from } = await lineageOf(workspace.store, `model:${version}`)
      return [before, after].map(digest => from.some(edge => edge.from === digest))
    }
    expect(await madeFrom('late@1')).toEqual([true, false])
    expect(await madeFrom('late@2')).toEqual([false, true])
  } finally {
    await workspace.close()
  }
})

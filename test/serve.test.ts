import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openWorkspace, type Workspace } from '../src/config/workspace.ts'
import {
  dataset,
  deployment,
  entity,
  features,
  gbt,
  model,
  monitor,
  parquet,
  project,
  t,
  type Project,
} from '../src/index.ts'
import { digestFile } from '../src/internal/digest.ts'
import { seeded } from '../src/math/random/seeded.ts'
import { materialise } from '../src/stages/features/materialise.ts'
import { planView } from '../src/stages/features/channels.ts'
import { snapshotSql } from '../src/stages/features/frame.ts'
import { startTraining } from '../src/stages/pipeline/run.ts'
import { concludeRetrain } from '../src/stages/retrain/controller.ts'
import { LiveServing } from '../src/stages/serve/serving.ts'
import { LiveMonitor } from '../src/stages/watch/live.ts'
import { manualClock } from '../src/testing/manual-clock.ts'

const hour = 3_600_000_000
const start = Date.UTC(2026, 0, 1) * 1000
const rows = 12_000

function definitions(): Project {
  const orders = dataset('orders', {
    source: parquet('orders.parquet'),
    columns: { at: t.timestamp('UTC'), shop: t.text(), weight: t.float(), late: t.bool() },
    eventTime: 'at',
    knownAt: { late: c => c.at.plus('3h') },
    expect: c => [c.weight.between(0, 100)],
  })
  const recent = features('recent', {
    entity: entity('shop', { shop: t.text() }),
    from: orders,
    compute: f => ({
      orders_6h: f.count('6h'),
      late_1d: f.share(c => c.late, '1d'),
    }),
  })
  const lateness = model('lateness', {
    task: 'binary',
    from: orders,
    label: c => c.late,
    features: [recent],
    inputs: c => ({ ...recent.all, weight: c.weight }),
    split: { by: 'time', train: '20d', test: '5d' },
    train: gbt({ trees: 40, leaves: 8, seed: 1 }),
    test: m => [m.metric('auc', { min: 0.6 }), m.latency({ p99: '1s' })],
  })
  const api = deployment('orders-api', {
    model: lateness,
    canary: { steps: ['10%', '50%'], labels: 'required', minRequests: 50, maxWait: '30d' },
  })
  return project('shop', {
    orders,
    recent,
    lateness,
    api,
    watch: monitor('watch', { deployment: api, window: '1d', labelHorizon: '3h' }),
  })
}

/** Orders every three minutes; heavy ones are late more often. */
function orders(
  from: number,
  count: number,
  seed: number,
): { at: number; shop: string; weight: number; late: boolean }[] {
  const random = seeded(seed)
  return Array.from({ length: count }, (_, i) => {
    const weight = Math.round(random.next() * 500) / 10
    return {
      at: from + i * 180_000_000,
      shop: ['a', 'b', 'c'][random.below(3)] as string,
      weight,
      late: random.next() < 0.05 + 0.9 / (1 + Math.exp((25 - weight) / 3)),
    }
  })
}

let workspace: Workspace
const clock = manualClock(start + 26 * 24 * hour)
const made = definitions()
let root: string

async function write(name: string, list: ReturnType<typeof orders>): Promise<string> {
  const engine = await workspace.engine()
  const relation = await engine.load('made', [
    { name: 'at', type: 'timestamp', values: BigInt64Array.from(list, row => BigInt(row.at)) },
    { name: 'shop', type: 'text', values: list.map(row => row.shop) },
    { name: 'weight', type: 'float', values: Float64Array.from(list, row => row.weight) },
    { name: 'late', type: 'bool', values: Uint8Array.from(list, row => (row.late ? 1 : 0)) },
  ])
  const path = join(root, name)
  await engine.writeParquet(`SELECT * FROM ${relation.sql}`, path)
  return path
}

async function train(file?: string): Promise<number> {
  const lateness = made.models.get('lateness')
  if (!lateness) throw new Error('no model')
  const files = file ? new Map([['orders', [{ name: file, path: file, ...(await digestFile(file)) }]]]) : undefined
  const run = await startTraining(workspace, await workspace.engineOf(), {
    model: lateness,
    trigger: 'manual',
    stepEnvironment: null,
    runEnvironment: {},
    ...(files ? { files } : {}),
  })
  const result = await run.done
  expect([result.status, result.error]).toEqual(['succeeded', undefined])
  return (await workspace.store.listModelVersions('lateness'))[0]?.version as number
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'millrace-'))
  await mkdir(join(root, 'data'))
  await writeFile(join(root, 'millrace.config.ts'), 'export default 1')
  workspace = await openWorkspace(root, { project: made, clock })
  await write('orders.parquet', orders(start, rows, 1))
})
afterAll(() => workspace.close())

describe('a deployment', () => {
  it('trains, serves, rolls a challenger in other units back, promotes a good one, and survives restarts', async () => {
    const first = await train()
    const heavier = await train(
      await write(
        'data/pounds.parquet',
        orders(start, rows, 1).map(row => ({ ...row, weight: Math.min(100, row.weight * 1.9) })),
      ),
    )
    const again = await train(await write('data/more.parquet', orders(start, rows, 5)))
    const version = await workspace.store.getModelVersion('lateness', first)
    const snapshot = await snapshotSql(
      await workspace.engine(),
      await workspace.artifacts.localPath(version?.facts['data:orders'] as never),
    )
    const online = await workspace.online()
    for (const view of made.views.values())
      await materialise(await workspace.engine(), planView(view), snapshot, clock.now(), online)

    let serving = await LiveServing.open(workspace, online)
    let api = serving.get('orders-api')
    const watch = made.monitors.get('watch')
    if (!api || !watch) throw new Error('not served')
    await expect(api.predict([{ row: { shop: 'a', weight: 3 } }])).rejects.toMatchObject({ code: 'MR4102' })
    await api.rollOut(first, 'test')
    expect(api.status().stable?.version).toBe(first)
    // float32 has no such number: it would be a score of null
    const large = [{ row: { shop: 'a', weight: 3 } }, { row: { shop: 'a', weight: -1e39 } }]
    await expect(api.predict(large)).rejects.toMatchObject({
      code: 'MR4105',
      details: { row: 1, column: 'weight' },
    })
    expect((await api.predict([{ row: { shop: 'a', weight: 3.4e38 } }]))[0]?.score).toSatisfy(Number.isFinite)
    await expect(api.predict([{ row: { shop: 'a' } }])).rejects.toMatchObject({
      code: 'MR4105',
      details: { column: 'weight' },
    })

    const monitor = new LiveMonitor({ store: workspace.store, clock, notifiers: [] }, watch)
    if (api.stable) monitor.watch(api.stable.profile)
    let played = 0
    /** Serves orders and their labels three hours later, until the rollout has a verdict. */
    const play = async (most: number): Promise<string> => {
      const list = orders(clock.now(), most, 100 + played)
      played++
      const waiting: { id: string; label: number; due: number }[] = []
      for (let i = 0; i < list.length; i += 20) {
        const batch = list.slice(i, i + 20)
        await clock.advance(20 * 180_000)
        const now = clock.now()
        const target = api as NonNullable<typeof api>
        target.observer = monitor
        await target.feedback(waiting.filter(one => one.due <= now).map(({ id, label }) => ({ id, label })))
        waiting.splice(0, waiting.length, ...waiting.filter(one => one.due > now))
        const answers = await target.predict(
          batch.map((row, k) => ({
            id: `${played}-${i + k}`,
            row: { shop: row.shop, weight: row.weight },
            at: row.at,
          })),
        )
        answers.forEach((answer, k) =>
          waiting.push({
            id: answer.id,
            label: batch[k]?.late ? 1 : 0,
            // some labels are there at once, and count with the others of their time
            due: k % 4 === 0 ? now : (batch[k]?.at as number) + 3 * hour,
          }),
        )
        target.tick()
        await target.settled()
        const phase = target.rollout?.phase
        if (phase === 'done' || phase === 'rolled-back') return phase
      }
      return api?.rollout?.phase ?? 'none'
    }

    await api.rollOut(heavier, 'test')
    await expect(api.rollOut(again, 'test')).rejects.toMatchObject({ code: 'MR4103' })
    expect(await play(20_000)).toBe('rolled-back')
    expect(api.status().stable?.version).toBe(first)
    expect((await workspace.store.listDecisions({ kind: 'rollout' }))[0]).toMatchObject({ verdict: 'rolled-back' })

    await api.rollOut(again, 'test')
    await play(400)
    const weight = api.rollout?.weight
    await serving.close()

    // Another process takes the rollout up where it stood
    serving = await LiveServing.open(workspace, online)
    api = serving.get('orders-api') as NonNullable<typeof api>
    expect([api.rollout?.config.challenger, api.rollout?.weight]).toEqual([`lateness@${again}`, weight])
    expect(await play(40_000)).toBe('done')
    expect(api.status().stable?.version).toBe(again)
    expect((await workspace.store.aliases('lateness')).champion).toBe(again)
    const promoted = (await workspace.store.listDecisions({ kind: 'rollout' })).find(one => one.verdict === 'promoted')
    expect(promoted?.reason).toMatch(
      /; \d+ more labelled rows count once the label horizon \(3 h\) of their predictions/,
    )
    await monitor.settled()
    expect((await workspace.store.listWindows('watch', {})).length).toBeGreaterThan(0)
    await serving.close()

    serving = await LiveServing.open(workspace, online)
    api = serving.get('orders-api') as NonNullable<typeof api>
    expect(api.status().stable?.version).toBe(again)
    // A retrain that gives the stable version's file has nothing to try
    const same = await workspace.store.getModelVersion('lateness', await train(join(root, 'data/more.parquet')))
    expect(await concludeRetrain(workspace, api, { trigger: 'schedule' }, same?.runId ?? '')).toMatchObject({
      verdict: 'unchanged',
      version: same?.version,
    })
    expect(api.rolling).toBe(false)
    await serving.close()
  })
})

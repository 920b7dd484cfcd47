import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { predicted, ridesOf } from '../../test/support/rides-of.ts'
import { trainedServer } from '../../test/support/trained-server.ts'
import { type Trained, trainedProject } from '../../test/support/trained-project.ts'
import type { LiveDeployment } from '../stages/serve/deployment.ts'
import { replayed } from '../stages/serve/replay.ts'
import { readRolloutLog } from '../stages/serve/rollout-log.ts'
import type { Prediction } from '../stages/serve/types.ts'

// What predictions turn out to be worth, told over HTTP: it decides a rollout, once each, over restarts, as the draw fell.

let trained: Trained
beforeAll(async () => {
  trained = await trainedProject()
})
afterAll(() => trained.close())
const { row } = ridesOf(() => trained)

const canary = {
  steps: ['50%'],
  minRequests: 200,
  shadowRows: 0,
  maxWait: '30d',
  bake: '1h',
  metricHorizon: '1h',
  metrics: { revenue: { better: 'higher', missing: 0 }, minutes: { better: 'lower', margin: 0.2, required: true } },
} as const

let calls = 0
const rowsOf = (count: number) =>
  Array.from({ length: count }, () => ({ id: `o${calls++}`, row: row(1 + (calls % 40)) }))
const open = async (live: LiveDeployment, folder: string): Promise<void> => {
  const onError = (error: unknown): void => expect(error).toBeNull()
  await live.remember(folder, [], { clock: trained.clock, retention: 1e12, onError })
}
/** A value that varies, about `mean`. */
const about = (mean: number, i: number): number => mean + ((i * 7) % 5) - 2

interface Metrics {
  readonly metrics: Readonly<
    Record<string, { stable: { n: number; mean: number }; canary: { n: number; mean: number } }>
  >
}

it('a metric that is worse takes back once its horizon is over, over a restart, and the decision follows from what is kept', async () => {
  const server = await trainedServer(trained, 'worth-api', {}, { canary })
  const folder = await mkdtemp(join(tmpdir(), 'millrace-observe-'))
  await open(server.live, folder)
  await server.live.rollOut(trained.versions.other, 'ada')
  const tell = (answers: readonly Prediction[], metric: string, of: (arm: string, i: number) => number) =>
    server.ask('POST', '/v1/deployments/worth-api:observe', {
      observations: answers.map(({ id, arm }, i) => ({ id, metric, value: of(arm, i) })),
    })
  const answers = await predicted(server.live, rowsOf(600))
  const worth = (arm: string, i: number): number => about(arm === 'canary' ? 5 : 8, i)
  expect(await tell(answers.slice(0, 500), 'revenue', worth)).toMatchObject({
    status: 200,
    body: { found: 500, sent: 500 },
  })
  // what is told again counts once, whatever is said then
  expect((await tell(answers.slice(0, 500), 'revenue', () => 1_000)).body).toEqual({ found: 0, sent: 500 })
  await trained.clock.advance(3_599_000)
  server.live.tick()
  expect(server.live.rollout).toMatchObject({ phase: 'step', metrics: {}, units: 0 })
  await server.close()
  await server.live.close()

  const again = await trained.serve(server.project)
  const live = again.get('worth-api') as LiveDeployment
  await open(live, folder)
  expect(live.rollout).toMatchObject({ phase: 'step', units: 0 })
  await trained.clock.advance(1_000)
  live.tick()
  await live.settled()
  expect(live.rollout).toMatchObject({ phase: 'rolled-back', units: 600 })
  const { revenue, minutes } = (live.rollout as unknown as Metrics).metrics
  const mean = (arm: string): number => {
    const own = answers.flatMap((one, i) => (one.arm === arm ? [i < 500 ? worth(arm, i) : 0] : []))
    return own.reduce((a, b) => a + b, 0) / own.length
  }
  expect([revenue?.stable.mean, revenue?.canary.mean]).toEqual([
    expect.closeTo(mean('stable'), 9),
    expect.closeTo(mean('canary'), 9),
  ])
  // of what nothing was told and no worth is stated for that, nothing counts
  expect(minutes).toMatchObject({ stable: { n: 0 }, canary: { n: 0 } })
  await live.close()
  const { entries } = await readRolloutLog(folder)
  const found = await replayed(trained.workspace.store, 'worth-api', entries)
  expect(found.map(one => `${one.verdict} ${one.rule} ${one.found}`)).toEqual(['rolled-back metric agrees'])
  const [decision] = await trained.workspace.store.listDecisions({ subject: 'deployment worth-api', kind: 'rollout' })
  expect(decision?.reason).toMatch(/^revenue is [\d.]+ worse a prediction with late@\d+ than with late@\d+, at least/)
  expect(decision?.inputs.metrics).toMatchObject({ revenue: { allowed: expect.any(Number) }, minutes: { lower: null } })
})

it('a metric that is required is waited for before all traffic, and what is as good passes', async () => {
  const server = await trainedServer(trained, 'needed-api', {}, { canary, stickyBy: 'zone' as never })
  try {
    await server.live.rollOut(trained.versions.other, 'ada')
    const asked = rowsOf(700).map((one, i) => ({ ...one, key: `caller ${i}` }))
    const answers = await predicted(server.live, asked)
    // a caller stays on its arm: only its first prediction says something new
    await predicted(
      server.live,
      rowsOf(300).map((one, i) => ({ ...one, key: `caller ${i}` })),
    )
    // who says which arm is no draw
    await predicted(
      server.live,
      rowsOf(50).map((one, i) => ({ ...one, key: `other ${i}`, arm: 'canary' as const })),
    )
    server.live.tick()
    expect(server.live.rollout).toMatchObject({ phase: 'step', weight: 0.5 })
    const observations = answers.map(({ id }, i) => ({ id, metric: 'minutes', value: about(20, i) }))
    await server.ask('POST', '/v1/deployments/needed-api:observe', { observations })
    await trained.clock.advance(3_600_000)
    server.live.tick()
    expect(server.live.rollout).toMatchObject({ phase: 'bake', units: 700 })
    const { body } = await server.ask('GET', '/v1/deployments/needed-api')
    expect(body).toMatchObject({ evidence: { metrics: [{ name: 'revenue' }, { name: 'minutes', verdict: 'for' }] } })
  } finally {
    await server.close()
  }
})

it('what cannot be a value is refused, and loses nothing', async () => {
  const server = await trainedServer(trained, 'told-api', {}, { canary })
  try {
    const send = async (observations: unknown) => {
      const { status, body } = await server.ask('POST', '/v1/deployments/told-api:observe', { observations })
      return [status, body.code ?? body.found]
    }
    const one = { id: 'a', metric: 'revenue', value: 1 }
    expect(await send([one])).toEqual([200, 0])
    expect(await send([one, { ...one, metric: 'profit' }])).toEqual([400, 'MR4117'])
    expect(await send([{ ...one, metric: 'toString' }])).toEqual([400, 'MR4117'])
    for (const wrong of [{ value: '1' }, { value: null }, { value: 1e101 }, { id: '' }, { more: 1 }])
      expect(await send([{ ...one, ...wrong }])).toEqual([400, 'MR5015'])
    expect(await send([])).toEqual([400, 'MR5015'])
    expect((await server.ask('POST', '/v1/deployments/none:observe', { observations: [one] })).status).toBe(404)
    expect((await server.ask('GET', '/v1/deployments/told-api:observe')).status).toBe(405)
  } finally {
    await server.close()
  }
})

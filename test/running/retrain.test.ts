import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openSqlite } from '../../src/adapters/metadata/sqlite/open.ts'
import type { MetadataStore } from '../../src/ports/metadata-store.ts'
import { type Server } from '../support/command.ts'
import { inside as millrace } from '../support/inside.ts'
import { label, orders, ordersCsv, post, predict, runningProject, startUp, until } from '../support/running.ts'

const hour = 3_600_000

interface Served {
  readonly root: string
  readonly server: Server
  readonly store: MetadataStore
}

async function serve(monitor: string): Promise<Served> {
  const root = await runningProject(monitor)
  for (const words of [['train'], ['deploy']]) expect(await millrace(root, words)).toMatchObject({ code: 0 })
  return {
    root,
    server: await startUp(root),
    store: await openSqlite(join(root, '.millrace', 'millrace.db')),
  }
}

/** Two whole windows of much heavier orders, their labels, and the row that ends the second window. */
async function drift({ server }: Served): Promise<void> {
  const now = Math.floor(Date.now() / hour) * hour
  await predict(server.url, orders(50, 2), now - 5 * hour, 'first')
  for (const [i, at] of [4, 3].entries()) {
    const heavy = orders(600, 3 + i, 40)
    await predict(server.url, heavy, now - at * hour, `heavy${i}`)
    expect(await label(server.url, heavy, `heavy${i}`)).toBe(600)
  }
  await predict(server.url, orders(1, 9), now - 2 * hour, 'last')
}

const fired = async (store: MetadataStore): Promise<string | undefined> =>
  (await store.listDecisions({ kind: 'trigger' })).find(one => one.verdict === 'fired')?.id

it('real requests that drift start a retrain in a process of its own; its version challenges', async () => {
  const served = await serve("retrain: { on: ['drift'] }")
  const { root, server, store } = served
  // there is something to learn from: without it a retrain gives the same file, and nothing to try
  await writeFile(join(root, 'data', '1.csv'), ordersCsv(orders(300, 7, 40), Date.UTC(2026, 0, 29)))
  await drift(served)
  const decision = await until('the decision', () => fired(store))
  const run = await until('the run', async () =>
    (await store.listRuns({ kind: 'pipeline' })).find(one => one.parameters.because === decision),
  )
  const job = (await (await fetch(`${server.url}/v1/jobs/${decision}`)).json()) as Record<string, unknown>
  expect(job).toMatchObject({ useCase: 'train', input: { model: 'lateness', trigger: 'drift' }, actor: 'retrain' })
  const { pid } = JSON.parse(await readFile(join(root, '.millrace', 'jobs', decision, 'process.json'), 'utf8')) as {
    readonly pid: number
  }
  expect(pid).not.toBe(server.child.pid)
  if (run.lease) expect(run.lease.owner.pid).toBe(pid)
  expect(run.trigger).toBe('drift')
  // the server answers while that trains
  await predict(server.url, orders(1, 5), Date.now() - 2 * hour, 'meanwhile')
  const version = await until(
    'the version',
    async () => (await store.listModelVersions('lateness'))[1] && (await store.listModelVersions('lateness'))[0],
  )
  expect(version.runId).toBe(run.id)
  expect(version.facts.because).toBe(decision)
  const status = await until('the rollout', async () => {
    const answer = await (await fetch(`${server.url}/v1/deployments/orders-api`)).json()
    return (answer as { rollout: { config: { challenger: string } } | null }).rollout ?? undefined
  })
  expect(status.config.challenger).toBe('lateness@2')
  expect(await store.listDecisions({ kind: 'gate', subject: 'model lateness' })).toContainEqual(
    expect.objectContaining({ verdict: 'passed', evidence: [`run:${run.id}`] }),
  )
  // it drifts on: that is what the challenger is tried for
  const now = Math.floor(Date.now() / hour) * hour
  await predict(server.url, orders(600, 12, 40), now - 2 * hour, 'more')
  await predict(server.url, orders(1, 13), now - hour, 'end')
  await until('the next choice', async () =>
    (await store.listDecisions({ kind: 'trigger' })).some(
      one => one.verdict === 'suppressed' && one.rule.name === 'one rollout at a time',
    ),
  )
  expect((await millrace(root, ['decisions', '--kind', 'trigger'])).out).toContain(
    'lateness@2 is being tried in its place',
  )
  expect(await server.end('SIGTERM')).toBe(0)
  await store.close()
})

it('a retrain that fails alerts, is recorded, and leaves the server serving', async () => {
  const served = await serve("retrain: { on: ['drift'] }")
  const { root, server, store } = served
  await rm(join(root, 'data', '0.csv'))
  await drift(served)
  const alert = await until('the alert', async () =>
    (await store.listDocuments('alert'))
      .map(one => one.value as { name: string; state: string; summary: string; evidence: string })
      .find(one => one.name === 'retrain-failed'),
  )
  expect(alert.state).toBe('firing')
  expect(alert.summary).toContain('data/*.csv')
  expect((await millrace(root, ['monitor'])).out).toMatch(/retrain-failed since .*data\/\*\.csv/)
  expect(await store.getDecision(alert.evidence)).toMatchObject({ kind: 'gate', verdict: 'refused' })
  await predict(server.url, orders(1, 5), Date.now(), 'after')
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
  expect(server.said()).toContain('retrain')
  expect(await server.end('SIGTERM')).toBe(0)
  await store.close()
})

it('files that arrive start one retrain for each content, also across restarts', async () => {
  const served = await serve("retrain: { on: ['data'], cooldown: '1s' }")
  const { root, store } = served
  let { server } = served
  const runs = async (): Promise<number> =>
    (await store.listRuns({ kind: 'pipeline' })).filter(one => one.trigger === 'data' && one.status === 'succeeded')
      .length
  const land = (name: string, text: string): Promise<void> => writeFile(join(root, 'data', name), text)
  const more = ordersCsv(orders(200, 21), Date.UTC(2026, 0, 29))
  await land('1.csv', more)
  await until('the first retrain', async () => (await runs()) === 1)
  const [decision] = await store.listDecisions({ kind: 'trigger' })
  expect(decision).toMatchObject({ verdict: 'fired', inputs: { trigger: 'data' } })
  expect(decision?.reason).toContain('1.csv')
  await post(`${server.url}/v1/deployments/orders-api:abort`, {})

  // the same content under another name is nothing new, and a restart forgets nothing
  await land('2.csv', more)
  expect(await server.end('SIGKILL')).toBe('SIGKILL')
  server = await startUp(root)
  await new Promise(done => setTimeout(done, 4000))
  expect(await store.listDecisions({ kind: 'trigger' })).toHaveLength(1)

  await rm(join(root, 'data', '2.csv'))
  await land('3.csv', ordersCsv(orders(200, 22), Date.UTC(2026, 1, 1)))
  await until('the second retrain', async () => (await runs()) === 2)
  expect(await server.end('SIGTERM')).toBe(0)
  await store.close()
})

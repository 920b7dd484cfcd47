import { afterAll, beforeAll, expect, test } from 'vitest'
import { identityOf } from '../../src/internal/process-identity.ts'
import { routeTable } from '../../src/server/app.ts'
import { post, testServer, type TestServer } from './harness.ts'
import { seed } from './seed.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer({}, { phase: 'step', weight: 0.05 })
  await seed(server.workspace)
})
afterAll(() => server.end())

const get = async (path: string): Promise<{ status: number; body: Record<string, never> }> => {
  const answer = await fetch(server.url + path)
  return { status: answer.status, body: (await answer.json()) as Record<string, never> }
}

test('the OpenAPI document has every route of the table', async () => {
  const { body } = await get('/openapi.json')
  expect(body.openapi).toBe('3.1.0')
  const paths = (body as Record<string, unknown>).paths as Record<string, Record<string, unknown>>
  for (const one of routeTable)
    expect([one.path, paths[one.path.replace('*', '')]?.[one.method.toLowerCase()] !== undefined]).toEqual([
      one.path,
      true,
    ])
})

test('every page of the dashboard has its data', async () => {
  const loop = (await get('/v1/loop')).body as unknown as { stages: { id: string; state: string; figure: unknown }[] }
  expect(loop.stages.map(stage => stage.id)).toEqual([
    'validate',
    'features',
    'train',
    'test',
    'export',
    'register',
    'deploy',
    'watch',
    'retrain',
  ])
  expect(loop.stages.filter(stage => stage.state === 'idle').map(stage => stage.id)).toEqual([])
  const { datasets } = (await get('/v1/datasets')).body as unknown as {
    datasets: { history: unknown[]; last: unknown }[]
  }
  expect(datasets[0]?.history.length).toBeGreaterThan(5)
  const { runs } = (await get('/v1/runs')).body as unknown as { runs: { id: string }[] }
  const run = (await get(`/v1/runs/${runs[0]?.id}`)).body as unknown as { steps: unknown[] }
  expect(run.steps.length).toBeGreaterThan(4)
  const { models } = (await get('/v1/models')).body as unknown as { models: { versions: { version: number }[] }[] }
  const version = models[0]?.versions[0]?.version
  const detail = (await get(`/v1/models/lateness/versions/${version}`)).body as unknown as { reports: unknown[] }
  expect(detail.reports.length).toBeGreaterThan(0)
  const monitor = (await get('/v1/monitors/lateness-watch')).body as unknown as { windows: { from: number }[] }
  const times = monitor.windows.map(one => one.from)
  expect(times).toEqual(times.toSorted((a, b) => a - b))
  expect((await get('/v1/features')).status).toBe(200)
  expect((await get('/v1/deployments')).status).toBe(200)
})

test('a run whose process is gone is shown as stopped, not as running', async () => {
  const { store, clock } = server.workspace
  const own = identityOf(process.pid)
  if (!own) throw new Error('this process has an identity')
  // the same pid started at another time is another process: dead, whatever its lease says
  const run = (id: string, startTime: string) => ({
    id,
    kind: 'pipeline' as const,
    name: 'train-lateness',
    status: 'running' as const,
    trigger: 'manual',
    startedAt: clock.now() - 1e9,
    environment: {},
    parameters: {},
    lease: { owner: { ...own, startTime }, until: clock.now() + 60e6 },
  })
  await store.createRun(run('01GONE', '1'))
  await store.createRun(run('01LIVES', own.startTime))
  const shown = async (id: string) =>
    ((await get(`/v1/runs/${id}`)).body as unknown as { run: { status: string } }).run.status
  expect(await shown('01GONE')).toBe('stopped')
  expect(await shown('01LIVES')).toBe('running')
})

test('the headline of a dataset is the last look at the whole of it, whatever part was looked at since', async () => {
  const view = async () =>
    (await get('/v1/datasets/flights')).body as unknown as {
      last: { id: string; at: number }
      history: { id: string; part: string | null }[]
    }
  const { last } = await view()
  const base = { kind: 'validation', subject: 'flights', status: 'fail', checks: [] } as const
  const { store } = server.workspace
  await store.addReport({ ...base, id: 'arrived', at: last.at + 1, evidence: { file: 'sha256:0', source: 'may.csv' } })
  await store.addReport({ ...base, id: 'changed', at: last.at + 2, evidence: { part: '1 of 5 checks' } })
  const now = await view()
  expect(now.last.id).toBe(last.id)
  expect(now.history.slice(0, 3).map(one => [one.id, one.part])).toEqual([
    ['changed', '1 of 5 checks'],
    ['arrived', 'file may.csv'],
    [last.id, null],
  ])
})

test('lineage goes both ways', async () => {
  const { body } = await get(`/v1/lineage?node=${encodeURIComponent('model:lateness@3')}`)
  const edges = body as unknown as { from: { from: string }[]; to: { to: string }[] }
  expect(edges.from.length).toBeGreaterThan(2)
  expect(edges.to.map(edge => edge.to)).toContain('deployment:lateness-api')
})

test('what does not exist is a problem, never a stack', async () => {
  for (const path of [
    '/v1/runs/none',
    '/v1/models/x/versions/1',
    '/v1/models/x/versions/one',
    '/v1/decisions/x',
    '/v1/nothing',
  ]) {
    const answer = await fetch(server.url + path)
    expect(answer.status).toBe(404)
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(await answer.text()).not.toMatch(/ at .*:\d+:\d+/)
  }
  expect((await get('/v1/runs?colour=red')).status).toBe(400)
  expect((await get('/v1/runs?limit=many')).status).toBe(400)
  const wrong = await fetch(`${server.url}/v1/loop`, { method: 'DELETE' })
  expect(wrong.status).toBe(405)
})

test('operators command rollouts', async () => {
  for (const verb of ['promote', 'abort', 'pause', 'resume'])
    expect((await post(`${server.url}/v1/deployments/lateness-api:${verb}`, {})).status).toBe(200)
  expect((await post(`${server.url}/v1/deployments/lateness-api:rollout`, { version: 2 })).status).toBe(200)
  expect((await post(`${server.url}/v1/deployments/lateness-api:rollout`, { version: 2, fast: true })).status).toBe(400)
  expect((await post(`${server.url}/v1/deployments/other:promote`, {})).status).toBe(404)
  expect(server.deployment.commands).toHaveLength(5)
})

test('rows are pushed by their declared types', async () => {
  const url = `${server.url}/v1/datasets/flights:push`
  const row = { date: '2001-04-01T10:00:00Z', delay: null, distance: 500, origin: 'SEA' }
  expect(await (await post(url, { rows: [row] })).json()).toMatchObject({ accepted: 1 })
  expect(server.serving.pushed).toEqual([{ ...row, destination: null, date: 986_119_200_000_000 }])
  expect((await post(url, { rows: [{ ...row, distance: '500' }] })).status).toBe(400)
})

test('an Alertmanager webhook is kept', async () => {
  const alert = { status: 'firing', labels: { alertname: 'x' }, annotations: {}, startsAt: 'now' }
  const answer = await post(`${server.url}/v1/webhooks/alertmanager`, {
    version: '4',
    status: 'firing',
    alerts: [alert],
  })
  expect(answer.status).toBe(200)
  expect(await server.workspace.store.listDocuments('event')).toHaveLength(1)
})

test('events of this and of other processes arrive', async () => {
  const stop = new AbortController()
  const answer = await fetch(`${server.url}/v1/events`, { signal: stop.signal })
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  const until = async (wanted: string): Promise<void> => {
    while (!text.includes(wanted)) text += (await reader?.read())?.value ?? ''
  }
  server.bus.publish('progress', { fraction: 0.5 })
  await until('event: progress')
  await new Promise(resolve => setTimeout(resolve, 1500))
  // written past the bus, as another process does
  await server.workspace.store.addDecision({
    id: 'other-process',
    kind: 'gate',
    subject: 'dataset flights',
    at: Date.now() * 1000,
    verdict: 'passed',
    reason: 'all checks hold',
    rule: { name: 'validation gate' },
    inputs: {},
    evidence: [],
    actor: 'system',
  })
  await until('other-process')
  stop.abort()
})

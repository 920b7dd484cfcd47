import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BareApp, bareApp } from '../../test/support/bare-app.ts'
import { hour, type Trained, trainedProject } from '../../test/support/trained-project.ts'
import type { LiveServing } from '../stages/serve/serving.ts'
import { identityOf } from '../internal/process-identity.ts'
import { routeTable } from './app.ts'

// The control plane over what real training runs left in the store.

let trained: Trained
let serving: LiveServing
let app: BareApp
beforeAll(async () => {
  trained = await trainedProject()
  const { project } = trained.deployed('late-api', {}, {})
  serving = await trained.serve(project)
  await serving.get('late-api')?.deploy(trained.versions.good, 'ada')
  app = await bareApp({ workspace: { ...trained.workspace, project }, serving })
})
afterAll(async () => {
  await app.close()
  await trained.close()
})

type Body = Record<string, never>
const get = async <T = Body>(path: string): Promise<T> => {
  const { status, body, text } = await app.ask('GET', path)
  expect([path, status], text).toEqual([path, 200])
  return body as T
}
const code = async (path: string, method = 'GET', body?: unknown): Promise<unknown[]> => {
  const answer = await app.ask(method, path, body)
  return [answer.status, (answer.body as { code: string }).code]
}
const unknown = [404, 'MR5020']
const invalid = [400, 'MR5015']

interface Run {
  id: string
  name: string
  status: string
  startedAt: number
}
interface Line {
  id: string
  kind: string
  subject: string
  runId: string | null
  status: string
  evaluated: number
  bad: number
  failed: number
  part: string | null
}

describe('runs', () => {
  it('are listed newest first, and filtered', async () => {
    const { runs } = await get<{ runs: Run[] }>('/v1/runs')
    expect(runs.map(one => one.name)).toEqual(['train-fare', 'train-late', 'train-late'])
    expect((await get<{ runs: Run[] }>('/v1/runs?limit=1')).runs).toHaveLength(1)
    expect((await get<{ runs: Run[] }>('/v1/runs?name=train-fare')).runs.map(one => one.name)).toEqual(['train-fare'])
    expect((await get<{ runs: Run[] }>('/v1/runs?status=failed')).runs).toEqual([])
    expect((await get<{ runs: Run[] }>('/v1/runs?status=succeeded')).runs).toHaveLength(3)
    for (const query of ['limit=0', 'limit=1001', 'limit=x', 'colour=red', 'status=done'])
      expect(await code(`/v1/runs?${query}`), query).toEqual(invalid)
    expect((await get<{ runs: Run[] }>('/v1/runs?limit=1000')).runs).toHaveLength(3)
  })

  it('show their steps, parameters and the reports that they rest on, those of reused steps included', async () => {
    const { runs } = await get<{ runs: Run[] }>('/v1/runs?name=train-late')
    const [second, first] = runs as [Run, Run]
    const whole = await get<{
      run: Run
      steps: { step: string; status: string; process?: unknown }[]
      reports: Line[]
    }>(`/v1/runs/${second.id}`)
    expect(whole.run).toMatchObject({ id: second.id, name: 'train-late', status: 'succeeded' })
    const status = Object.fromEntries(whole.steps.map(one => [one.step, one.status]))
    expect(status).toMatchObject({ 'validate-rides': 'reused', 'features-late': 'reused', 'train-late': 'succeeded' })
    expect(whole.steps.some(one => 'process' in one)).toBe(false)
    const of = (kind: string) => whole.reports.filter(one => one.kind === kind).map(one => one.runId)
    // judged in the run before, whose validation this one reuses; tests and parity are its own, once each
    expect(of('validation')).toEqual([first.id])
    expect(of('model')).toEqual([second.id])
    expect(of('export')).toEqual([second.id])
    const before = await get<{ reports: Line[] }>(`/v1/runs/${first.id}`)
    expect(new Set(before.reports.map(one => one.runId))).toEqual(new Set([first.id]))
    expect(await code('/v1/runs/none')).toEqual(unknown)
  })

  it('whose process is gone are stopped, not running', async () => {
    const { store } = trained.workspace
    const own = identityOf(process.pid)
    const run = (id: string, startTime: string) => ({
      id,
      kind: 'pipeline' as const,
      name: 'train-other',
      status: 'running' as const,
      trigger: 'manual',
      startedAt: 1,
      environment: {},
      parameters: {},
      lease: { owner: { ...own, startTime }, until: app.clock.now() + 3600e6 },
    })
    await store.createRun(run('gone', '1'))
    await store.createRun(run('lives', own.startTime))
    const shown = async (id: string) => (await get<{ run: Run }>(`/v1/runs/${id}`)).run.status
    expect([await shown('gone'), await shown('lives')]).toEqual(['stopped', 'running'])
    await store.updateRun('lives', { status: 'failed' })
  })
})

describe('models', () => {
  it('have their versions, newest first, with aliases and what they are made from', async () => {
    const { models } = await get<{
      models: { name: string; aliases: object; versions: { version: number; sameAs: number | null }[] }[]
    }>('/v1/models')
    expect(models.map(one => one.name).toSorted()).toEqual(['fare', 'late'])
    const late = models.find(one => one.name === 'late')
    expect(late?.versions.map(one => [one.version, one.sameAs])).toEqual([
      [trained.versions.other, null],
      [trained.versions.good, null],
    ])
    expect(late?.aliases).toMatchObject({ champion: trained.versions.good })
    const version = await get<{
      version: { version: number; digest: string }
      aliases: string[]
      reports: { kind: string }[]
      madeFrom: { from: string }[]
      usedBy: { to: string }[]
    }>(`/v1/models/late/versions/${trained.versions.good}`)
    expect(version.version.version).toBe(trained.versions.good)
    expect(version.aliases).toEqual(['champion'])
    expect(new Set(version.reports.map(one => one.kind))).toEqual(new Set(['model', 'scaler', 'export']))
    expect(version.madeFrom.length).toBeGreaterThan(0)
    expect(version.usedBy.map(one => one.to)).toContain('deployment:late-api')
    for (const wrong of [
      'late/versions/99',
      'none/versions/1',
      'late/versions/one',
      'late/versions/1e0',
      'late/versions/0000000001',
    ])
      expect(await code(`/v1/models/${wrong}`), wrong).toEqual(unknown)
  })

  it('no longer declared are shown with what is stored of them, and of equal files which was first', async () => {
    const { store } = trained.workspace
    const { version: _, ...good } = (await store.getModelVersion('late', trained.versions.good)) as never as {
      version: number
      model: string
    }
    for (let i = 0; i < 2; i++) await store.addModelVersion({ ...good, model: 'old' } as never)
    const { models } = await get<{
      models: { name: string; definition: unknown; versions: { version: number; sameAs: number | null }[] }[]
    }>('/v1/models')
    const old = models.find(one => one.name === 'old')
    expect([old?.definition, old?.versions.map(one => [one.version, one.sameAs])]).toEqual([
      null,
      [
        [2, 1],
        [1, null],
      ],
    ])
    expect(models.find(one => one.name === 'late')?.definition).not.toBeNull()
  })

  it('have lineage both ways, as far as one asks', async () => {
    const node = `model:late@${trained.versions.good}`
    const of = (more = '') =>
      get<{ node: string; from: { from: string; to: string }[]; to: { to: string }[]; complete: boolean }>(
        `/v1/lineage?node=${encodeURIComponent(node)}${more}`,
      )
    const whole = await of()
    expect([whole.node, whole.complete]).toEqual([node, true])
    expect(whole.to.map(one => one.to)).toContain('deployment:late-api')
    const near = await of('&depth=1')
    expect(near.from.length).toBeLessThan(whole.from.length)
    expect(near.from.every(one => one.to === node || one.to.startsWith('sha256:'))).toBe(true)
    for (const query of ['', 'node=', `node=${'x'.repeat(301)}`, 'node=a&depth=0', 'node=a&depth=51'])
      expect(await code(`/v1/lineage?${query}`), query).toEqual(invalid)
    expect((await get<{ from: [] }>('/v1/lineage?node=nobody')).from).toEqual([])
  })
})

describe('decisions and reports', () => {
  it('are listed newest first, by kind and subject, and told whole by their ids', async () => {
    const { decisions } = await get<{ decisions: { id: string; kind: string; at: number }[] }>('/v1/decisions')
    expect(new Set(decisions.map(one => one.kind))).toEqual(new Set(['gate', 'promotion']))
    expect(decisions.map(one => one.at)).toEqual(decisions.map(one => one.at).toSorted((a, b) => b - a))
    const list = async (query: string) =>
      (await get<{ decisions: { kind: string; subject: string }[] }>(`/v1/decisions?${query}`)).decisions
    expect(await list('limit=1')).toHaveLength(1)
    expect(new Set((await list('kind=promotion')).map(one => one.kind))).toEqual(new Set(['promotion']))
    expect(new Set((await list('subject=dataset%20rides')).map(one => one.subject))).toEqual(new Set(['dataset rides']))
    expect(await list('kind=rollout')).toEqual([])
    const [one] = decisions
    expect(await get(`/v1/decisions/${one?.id}`)).toEqual(one)
    expect(await code('/v1/decisions/none')).toEqual(unknown)
    for (const query of ['kind=other', 'subject=', 'subject=a%0Ab', `subject=${'x'.repeat(201)}`])
      expect(await code(`/v1/decisions?${query}`), query).toEqual(invalid)

    const { reports } = await get<{ reports: Line[] }>('/v1/reports')
    expect(new Set(reports.map(one => one.kind))).toEqual(new Set(['validation', 'model', 'scaler', 'export']))
    const some = async (query: string) => (await get<{ reports: Line[] }>(`/v1/reports?${query}`)).reports
    expect(await some('limit=2')).toHaveLength(2)
    expect(new Set((await some('kind=model')).map(each => each.kind))).toEqual(new Set(['model']))
    expect(new Set((await some('subject=rides')).map(each => each.subject))).toEqual(new Set(['rides']))
    const [report] = reports
    expect(await get(`/v1/reports/${report?.id}`)).toMatchObject({
      id: report?.id,
      kind: report?.kind,
      checks: expect.any(Array),
    })
    expect(await code('/v1/reports/none')).toEqual(unknown)
    expect(await code('/v1/reports?kind=other')).toEqual(invalid)
  })

  it('count rows that broke some rule once, and the checks that failed', async () => {
    const check = (id: string, status: string, bad: number, evaluated = 100, observed: object = {}) => ({
      id,
      kind: 'between',
      target: {},
      severity: 'critical',
      status,
      observed,
      evaluated,
      bad,
      threshold: '',
      message: '',
    })
    const { store } = trained.workspace
    const last = (await get<{ last: { at: number } }>('/v1/datasets/rides')).last.at
    const report = (id: string, at: number, evidence: object, checks: object[]) =>
      store.addReport({ id, kind: 'validation', subject: 'rides', at, status: 'fail', checks, evidence } as never)
    const checks = [
      check('a', 'fail', 3, 100, { value: 7 }),
      check('b', 'error', 2, 120, { badShare: 0.25 }),
      check('c', 'warn', 50, 200),
      check('d', 'pass', 0, 0),
    ]
    await report('summed', last + 1, {}, checks)
    await report('counted', last + 2, { failing: 4 }, checks.slice(0, 2))
    await report('part', last + 3, { file: 'sha256:0', source: 'may.csv' }, [])
    const line = async (id: string) =>
      (await get<{ reports: Line[] }>('/v1/reports?subject=rides')).reports.find(one => one.id === id)
    expect(await line('summed')).toMatchObject({
      bad: 5,
      failed: 2,
      evaluated: 200,
      part: null,
      runId: null,
      status: 'fail',
    })
    expect(await line('counted')).toMatchObject({ bad: 4, failed: 2, evaluated: 120 })
    expect(await line('part')).toMatchObject({ bad: 0, failed: 0, evaluated: 0, part: 'file may.csv' })
    const dataset = await get<{
      last: { id: string }
      history: Line[]
      series: { id: string; measures: string; values: (number | null)[] }[]
      decisions: unknown[]
    }>('/v1/datasets/rides')
    expect(dataset.last.id).toBe('counted')
    expect(dataset.history.slice(0, 3).map(one => one.id)).toEqual(['part', 'counted', 'summed'])
    expect(dataset.series.map(one => [one.id, one.measures, one.values.slice(-3)])).toEqual([
      ['a', 'value', [7, 7, null]],
      ['b', 'bad share', [0.25, 0.25, null]],
    ])
    expect(dataset.decisions.length).toBeGreaterThan(0)
    expect(await code('/v1/datasets/none')).toEqual(unknown)
    expect((await get<{ datasets: { name: string }[] }>('/v1/datasets')).datasets.map(one => one.name)).toEqual([
      'rides',
    ])
  })
})

describe('what the project declares', () => {
  it('is told with the digest of each definition', async () => {
    const project =
      await get<Record<string, Record<string, { digest: string; definition: { name: string } }>>>('/v1/project')
    expect(project).toMatchObject({ name: 'rides', version: '1.2.3' })
    const names = (kind: string) => Object.keys(project[kind] ?? {})
    expect(['datasets', 'features', 'models', 'deployments', 'monitors'].map(names)).toEqual([
      ['rides'],
      ['recent'],
      ['late', 'fare'],
      ['late-api'],
      ['late-api-watch'],
    ])
    expect(project.models?.late?.digest).toMatch(/^sha256:[0-9a-f]{64}$/)
  })

  it('of features has what was last materialised and verified', async () => {
    const views = async () => (await get<{ views: Record<string, unknown>[] }>('/v1/features')).views
    expect(await views()).toMatchObject([
      {
        name: 'recent',
        entity: { name: 'zone', keys: ['zone'] },
        source: 'rides',
        online: true,
        knownTime: 'respect',
        features: [
          { name: 'rides_6h', aggregation: 'count', window: 6 * hour, nullable: false, columns: [] },
          { name: 'km_6h', aggregation: 'mean', window: 6 * hour, nullable: true, columns: ['km'] },
        ],
        models: expect.arrayContaining(['late']),
        served: expect.any(Array),
        freshness: null,
        materialisation: null,
        verification: null,
      },
    ])
    await trained.workspace.store.putDocument('feature-verification', 'recent', { mismatches: 2, compared: 900 }, 77)
    await trained.workspace.store.putDocument('materialisation', 'recent', { entities: 2 }, 78)
    expect(await views()).toMatchObject([
      { verification: { at: 77, mismatches: 2, compared: 900 }, materialisation: { at: 78, entities: 2 } },
    ])
  })
})

describe('monitors', () => {
  it('have the newest window of each series, windows in their order, and alerts by state', async () => {
    const { store } = trained.workspace
    const window = (series: string, from: number) => ({
      monitor: 'late-api-watch',
      series,
      from: from * hour,
      to: (from + 1) * hour,
      body: { n: from },
    })
    await store.addWindows([window('km', 2), window('km', 3), window('km', 1), window('hour', 1)] as never)
    const alert = (state: string, monitor: string) => ({ state, labels: { monitor } })
    for (const [i, one] of [
      alert('resolved', 'late-api-watch'),
      alert('firing', 'late-api-watch'),
      alert('pending', 'other'),
    ].entries())
      await store.putDocument('alert', `a${i}`, one, 1)
    const { monitors } = await get<{
      monitors: {
        name: string
        deployment: string
        newest: { series: string; from: number }[]
        alerts: { state: string }[]
      }[]
    }>('/v1/monitors')
    expect(monitors).toMatchObject([{ name: 'late-api-watch', deployment: 'late-api' }])
    expect(monitors[0]?.newest.map(one => [one.series, one.from / hour]).toSorted()).toEqual([
      ['hour', 1],
      ['km', 3],
    ])
    expect(monitors[0]?.alerts).toHaveLength(2)
    const windows = async (query = '') =>
      (await get<{ windows: { series: string; from: number }[] }>(`/v1/monitors/late-api-watch${query}`)).windows.map(
        one => one.from / hour,
      )
    expect(await windows('?series=km')).toEqual([1, 2, 3])
    expect(await windows(`?series=km&from=${2 * hour}`)).toEqual([2, 3])
    expect((await windows(`?series=km&to=${2 * hour}`)).includes(3)).toBe(false)
    expect(await windows()).toHaveLength(4)
    expect((await get<{ alerts: { state: string }[] }>('/v1/alerts')).alerts.map(one => one.state)).toEqual([
      'firing',
      'pending',
      'resolved',
    ])
    expect(await code('/v1/monitors/none')).toEqual(unknown)
    expect(await code('/v1/monitors/late-api-watch?from=soon')).toEqual(invalid)
  })

  it("take an Alertmanager's webhook as it came, and tell who listens", async () => {
    const heard: unknown[] = []
    app.services.bus.subscribe(
      event => heard.push([event.type, event.data]),
      undefined,
      () => undefined,
    )
    const alert = { status: 'firing', labels: { alertname: 'x' }, startsAt: 'now' }
    const body = { version: '4', status: 'firing', alerts: [alert], later: 1 }
    const answer = await app.ask('POST', '/v1/webhooks/alertmanager', body)
    expect([answer.status, answer.body]).toEqual([200, { id: expect.any(String), alerts: 1 }])
    const { id } = answer.body as { id: string }
    expect((await trained.workspace.store.getDocument('event', id))?.value).toEqual({
      source: 'alertmanager',
      actor: 'local',
      body,
    })
    expect(heard).toEqual([['alert', { id, source: 'alertmanager', status: 'firing', alerts: 1 }]])
    for (const wrong of [
      { ...body, status: 'open' },
      { ...body, alerts: [{ ...alert, labels: { a: 1 } }] },
      { ...body, version: 4 },
      { ...body, alerts: Array.from({ length: 1001 }, () => alert) },
    ])
      expect(await code('/v1/webhooks/alertmanager', 'POST', wrong)).toEqual(invalid)
  })
})

describe('access', () => {
  it('needs no sign-in where no tokens are asked for; tokens are made, listed and revoked', async () => {
    expect((await app.ask('POST', '/v1/session', { token: 'x' })).body).toEqual({ name: 'local', scopes: ['admin'] })
    const made = (await app.ask('POST', '/v1/tokens', { name: 'ci', scopes: ['read'], expiresIn: '1h' })).body as {
      token: string
      record: { id: string }
    }
    expect(made.token).toMatch(/^mlr_/)
    const list = async () => (await get<{ tokens: { name: string }[] }>('/v1/tokens')).tokens.map(one => one.name)
    expect(await list()).toEqual(['ci'])
    expect((await app.ask('DELETE', `/v1/tokens/${made.record.id}`)).status).toBe(200)
    expect([await list(), await code(`/v1/tokens/${made.record.id}`, 'DELETE')]).toEqual([[], [404, 'MR5023']])
    for (const wrong of [
      { name: '', scopes: ['read'] },
      { name: 'a', scopes: [] },
      { name: 'a', scopes: ['all'] },
      { name: 'a'.repeat(101), scopes: ['read'] },
      { name: 'a', scopes: ['read'], more: 1 },
    ])
      expect(await code('/v1/tokens', 'POST', wrong)).toEqual(invalid)
    const out = await app.ask('DELETE', '/v1/session')
    expect(out.headers.get('set-cookie')).toBe('millrace_session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0')
  })
})

describe('every route', () => {
  it('is in the document with its permission', async () => {
    const document = await get<{ openapi: string; paths: Record<string, Record<string, unknown>> }>('/openapi.json')
    expect(document.openapi).toBe('3.1.0')
    for (const one of routeTable)
      expect(
        document.paths[one.path.replace('*', '')]?.[one.method.toLowerCase()],
        `${one.method} ${one.path}`,
      ).toBeDefined()
  })

  it('refuses bodies and queries that it does not know', async () => {
    expect(await code('/v1/project?x=1')).toEqual(invalid)
    expect(await code('/v1/tokens', 'POST', 'x')).toEqual([400, 'MR5013'])
    const answer = await app.ask('POST', '/v1/datasets/rides:push', { rows: [{ at: 1, zone: ['north'] }] })
    expect(answer.body).toMatchObject({
      code: 'MR5015',
      details: { place: 'body.rows[0].zone', route: 'POST /v1/datasets/{name}:push' },
    })
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect((await app.ask('GET', '/v1/project', undefined, { host: 'evil' })).body).toMatchObject({ code: 'MR5017' })
  })
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { trainedProject, type Trained } from '../../../test/support/trained-project.ts'
import { trainedServer, type TrainedServer } from '../../../test/support/trained-server.ts'
import type { CheckResult, Report } from '../../define/report.ts'
import { ulid } from '../../internal/ids.ts'
import { headline, reportLine } from './datasets.ts'
import { labelOf } from './monitors.ts'

// What is on record, as it is answered: over a real server in front of a store that a training filled.

let trained: Trained
let server: TrainedServer
beforeAll(async () => {
  trained = await trainedProject()
  server = await trainedServer(trained, 'api')
})
afterAll(async () => {
  await server.close()
  await trained.close()
})
const get = async <T = Readonly<Record<string, unknown>>>(path: string): Promise<T> => {
  const { status, body, text } = await server.ask('GET', path)
  expect(status, text).toBe(200)
  return body as T
}
/** Status and code of what is refused. */
const refused = async (method: string, path: string, body?: unknown): Promise<readonly [number, unknown]> => {
  const answer = await server.ask(method, path, body)
  return [answer.status, answer.body.code]
}

const check = (id: string, over: Partial<CheckResult> = {}): CheckResult => ({
  id,
  kind: 'between',
  target: { dataset: 'rides' },
  severity: 'critical',
  status: 'pass',
  observed: {},
  evaluated: 10,
  bad: 0,
  message: 'm',
  threshold: 't',
  ...over,
})
const reportOf = (over: Partial<Report> = {}): Report =>
  ({
    id: ulid(),
    kind: 'validation',
    subject: 'rides',
    at: 1,
    status: 'pass',
    checks: [],
    evidence: {},
    ...over,
  }) as Report

describe('a report in a list', () => {
  it('says how much was looked at and how much is bad, rules that say no counted', () => {
    const checks = [
      check('a', { evaluated: 10 }),
      check('b', { evaluated: 30, status: 'fail', bad: 4 }),
      check('c', { evaluated: 20, status: 'error', bad: 3 }),
      check('d', { status: 'warn', bad: 9 }),
    ]
    expect(reportLine(reportOf({ checks, runId: 'r' }))).toMatchObject({
      evaluated: 30,
      bad: 7,
      failed: 2,
      runId: 'r',
      part: null,
    })
    // rows that break two rules are one row each, where that was counted
    expect(reportLine(reportOf({ checks, evidence: { failing: 5, part: 'changed' } }))).toMatchObject({
      bad: 5,
      part: 'changed',
    })
    expect(reportLine(reportOf())).toMatchObject({ evaluated: 0, bad: 0, failed: 0, runId: null })
  })

  it('of the whole goes before one of a part', () => {
    const [part, whole] = [reportOf({ evidence: { part: 'changed' } }), reportOf()]
    expect(headline([part, whole])).toBe(whole)
    expect(headline([part])).toBe(part)
    expect(headline([])).toBeUndefined()
  })
})

describe('datasets', () => {
  it('have their figures over time, oldest first, and nothing where there was none', async () => {
    const { store } = trained.workspace
    const ofDay = (at: number, checks: readonly CheckResult[], over: Partial<Report> = {}) =>
      store.addReport(reportOf({ at, checks, ...over }))
    const later = trained.clock.now()
    await ofDay(later + 1, [
      check('measured', { observed: { value: 7 } }),
      check('shared', { observed: { badShare: 0.25 } }),
    ])
    await ofDay(later + 2, [
      check('measured', { observed: { value: 9 } }),
      check('counted', { evaluated: 20, bad: 5 }),
      check('nothing', { evaluated: 0 }),
    ])
    await ofDay(later + 3, [check('measured', { observed: { value: 1 } })], { evidence: { part: 'changed' } })
    const rides = await get<{
      series: { id: string; measures: string; values: unknown[] }[]
      last: Report
      history: { id: string }[]
      definition: { name: string }
    }>('/v1/datasets/rides')
    // the headline is the newest of the whole
    expect(rides.last.at).toBe(later + 2)
    const [first, second, third] = rides.series
    expect([first?.id, second?.id, third?.id]).toEqual(['measured', 'counted', 'nothing'])
    expect([first?.measures, second?.measures]).toEqual(['value', 'bad share'])
    expect(first?.values.slice(-3)).toEqual([7, 9, 1])
    expect(second?.values.slice(-3)).toEqual([null, 0.25, null])
    expect(third?.values.slice(-3)).toEqual([null, null, null])
    expect(rides.history.length).toBe(first?.values.length)
    const { datasets } = await get<{ datasets: { name: string }[] }>('/v1/datasets')
    expect(datasets.map(one => one.name)).toEqual(['rides'])
    expect(await refused('GET', '/v1/datasets/none')).toEqual([404, 'MR5020'])
  })

  it.each([
    ['POST', '/v1/datasets/none:validate', {}, 404],
    ['POST', '/v1/datasets/rides:validate', { keepRows: 'yes' }, 400],
    ['POST', '/v1/datasets/rides:validate', { keep: true }, 400],
    ['POST', '/v1/datasets/rides:snapshot', { force: true }, 400],
    ['POST', '/v1/datasets/none:snapshot', {}, 404],
    ['POST', '/v1/datasets/none:suggest', {}, 404],
    ['GET', '/v1/datasets/rides/quarantine?format=xlsx', undefined, 400],
    ['GET', '/v1/datasets/rides/quarantine?repaired=1', undefined, 400],
    ['GET', '/v1/datasets/none/quarantine', undefined, 404],
    ['POST', '/v1/datasets/rides:readmit', 'x', 400],
    ['POST', '/v1/datasets/none:ingest', 'x', 404],
  ] as const)('%s %s with %j is refused', async (method, path, body, status) => {
    expect((await refused(method, path, body))[0]).toBe(status)
  })
})

describe('decisions and reports', () => {
  it('are listed newest first, by kind and subject, and found by their id', async () => {
    const { decisions } = await get<{ decisions: { id: string; kind: string; subject: string }[] }>(
      '/v1/decisions?kind=promotion',
    )
    expect(decisions.length).toBeGreaterThan(0)
    expect(new Set(decisions.map(one => one.kind))).toEqual(new Set(['promotion']))
    const [first] = decisions
    expect(await get(`/v1/decisions/${first?.id}`)).toEqual(first)
    const named = await get<{ decisions: { subject: string }[] }>('/v1/decisions?subject=deployment%20api&limit=1')
    expect(named.decisions.map(one => one.subject)).toEqual(['deployment api'])
    const { reports } = await get<{ reports: { id: string; kind: string; at: number }[] }>(
      '/v1/reports?kind=model&subject=late&limit=1',
    )
    expect(reports.map(one => one.kind)).toEqual(['model'])
    const whole = await get<Report>(`/v1/reports/${reports[0]?.id}`)
    expect([whole.id, whole.checks.length > 0]).toEqual([reports[0]?.id, true])
    expect((await get<{ reports: unknown[] }>('/v1/reports?limit=2')).reports).toHaveLength(2)
    expect(await refused('GET', '/v1/decisions/none')).toEqual([404, 'MR5020'])
    expect((await refused('GET', '/v1/reports/none'))[0]).toBe(404)
  })

  it.each([
    '/v1/decisions?kind=none',
    '/v1/decisions?limit=0',
    '/v1/reports?kind=none',
    '/v1/reports?more=1',
    '/v1/runs?status=gone',
    '/v1/runs?limit=x',
    '/v1/lineage',
    '/v1/lineage?node=a&depth=0',
    '/v1/jobs?limit=-1',
  ])('%s is refused', async path => {
    expect(await refused('GET', path)).toEqual([400, 'MR5015'])
  })
})

describe('runs and lineage', () => {
  it('are listed by what they are, with steps, metrics and reports', async () => {
    const { runs } = await get<{ runs: { id: string; name: string; status: string; kind: string }[] }>('/v1/runs')
    expect(runs.map(run => run.name)).toEqual(['train-fare', 'train-late', 'train-late'])
    expect(
      (await get<{ runs: { name: string }[] }>('/v1/runs?name=train-fare&status=succeeded&kind=pipeline')).runs,
    ).toHaveLength(1)
    expect((await get<{ runs: unknown[] }>('/v1/runs?status=failed')).runs).toEqual([])
    expect((await get<{ runs: unknown[] }>('/v1/runs?kind=score')).runs).toEqual([])
    expect((await get<{ runs: unknown[] }>('/v1/runs?limit=1')).runs).toHaveLength(1)
    const one = await get<{
      run: { id: string }
      steps: { step: string; process?: unknown }[]
      reports: { kind: string }[]
    }>(`/v1/runs/${runs[2]?.id}`)
    expect(one.run.id).toBe(runs[2]?.id)
    expect(one.steps.map(step => step.step)).toContain('train-late')
    expect(one.steps.some(step => 'process' in step)).toBe(false)
    expect(one.reports.map(report => report.kind)).toEqual(expect.arrayContaining(['validation', 'model']))
    // a run that reused a validation shows the one that was made
    const other = await get<{ reports: { kind: string }[] }>(`/v1/runs/${runs[1]?.id}`)
    expect(other.reports.map(report => report.kind)).toContain('validation')
    expect((await refused('GET', '/v1/runs/none'))[0]).toBe(404)
  })

  it('leads from a version to its data and back, as far as is asked', async () => {
    const node = encodeURIComponent('model:late@1')
    const whole = await get<{ node: string; from: { from: string }[]; complete: boolean }>(`/v1/lineage?node=${node}`)
    expect([whole.node, whole.complete]).toEqual(['model:late@1', true])
    const near = await get<{ from: unknown[] }>(`/v1/lineage?node=${node}&depth=1`)
    expect(near.from.length).toBeLessThan(whole.from.length)
    expect(await get('/v1/lineage?node=nothing')).toMatchObject({ from: [], to: [], complete: true })
  })
})

describe('models', () => {
  it('have their versions, those of the same file told, and each its parts', async () => {
    const { models } = await get<{
      models: { name: string; versions: { version: number; sameAs: number | null }[]; aliases: object }[]
    }>('/v1/models')
    expect(models.map(one => one.name)).toEqual(['late', 'fare'])
    expect(models[0]?.versions.map(one => [one.version, one.sameAs])).toEqual([
      [2, null],
      [1, null],
    ])
    const one = await get<{ pictures: { title: string }[]; champion: string | null }>('/v1/models/late/versions/1')
    expect(one.pictures.map(picture => picture.title)).toContain('ROC curve')
  })

  it.each([
    ['GET', '/v1/models/late/versions/9', undefined, 404],
    ['GET', '/v1/models/late/versions/one', undefined, 404],
    ['GET', '/v1/models/late/versions/1.0', undefined, 404],
    ['GET', '/v1/models/none/versions/1', undefined, 404],
    ['POST', '/v1/models/late/versions/9:test', {}, 404],
    ['POST', '/v1/models/late/versions/9:reproduce', {}, 404],
    ['POST', '/v1/models/none:train', {}, 404],
    ['POST', '/v1/models/late:train', { trigger: 'boredom' }, 400],
    ['POST', '/v1/models/late:train', { model: 'fare' }, 400],
    ['POST', '/v1/models/late/versions/1:score', { files: [], out: 'a' }, 400],
    ['POST', '/v1/models/late/versions/1:score', { files: ['../a.csv'], out: 'a' }, 400],
    ['POST', '/v1/models/late/versions/1:score', { files: ['a.csv'], out: '.millrace/a' }, 400],
    ['POST', '/v1/models/late/versions/1:score', { files: ['a.csv'], out: 'a', at: 'noon' }, 400],
    ['POST', '/v1/models/none:import', 'x', 404],
    ['POST', '/v1/models/late:import?inputs=x', 'x', 400],
    ['POST', '/v1/models/late:import?inputs={"x":[]}', 'x', 400],
    ['POST', '/v1/models/late:import?expected=md5:1', 'x', 400],
    ['POST', '/v1/models/none:expected', 'x', 404],
  ] as const)('%s %s with %j is refused', async (method, path, body, status) => {
    expect((await refused(method, path, body))[0]).toBe(status)
  })
})

describe('monitors and alerts', () => {
  it('have the newest window of each series, and their own alerts, those that fire first', async () => {
    const { store, clock } = trained.workspace
    const windows = [1, 3, 2].map(from => ({ monitor: 'api-watch', series: 'km', from, to: from + 1, body: { from } }))
    await store.addWindows([...windows, { monitor: 'api-watch', series: 'zone', from: 1, to: 2, body: {} }] as never)
    for (const [id, state, monitor] of [
      ['a', 'resolved', 'api-watch'],
      ['b', 'firing', 'api-watch'],
      ['c', 'pending', 'other'],
    ])
      await store.putDocument('alert', id as string, { state, labels: { monitor } } as never, clock.now())
    const { monitors } = await get<{
      monitors: { name: string; deployment: string; newest: { series: string; from: number }[]; alerts: unknown[] }[]
    }>('/v1/monitors')
    expect(monitors.map(one => [one.name, one.deployment, one.alerts.length])).toEqual([['api-watch', 'api', 2]])
    expect(
      monitors[0]?.newest.map(one => [one.series, one.from]).toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
    ).toEqual([
      ['km', 3],
      ['zone', 1],
    ])
    const { alerts } = await get<{ alerts: { state: string }[] }>('/v1/alerts')
    expect(alerts.map(one => one.state)).toEqual(['firing', 'pending', 'resolved'])
    const one = await get<{ windows: { series: string; from: number }[] }>('/v1/monitors/api-watch?series=km&from=2')
    expect(one.windows.map(window => window.from)).toEqual([2, 3])
    expect(
      (await get<{ windows: object[] }>('/v1/monitors/api-watch')).windows.some(window => 'monitor' in window),
    ).toBe(false)
    expect((await refused('GET', '/v1/monitors/none'))[0]).toBe(404)
    expect((await refused('GET', '/v1/monitors/api-watch?from=yesterday'))[0]).toBe(400)
  })

  it.each([
    [{ labels: { monitor: 'm' } }, 'm'],
    [{ labels: { monitor: 7 } }, undefined],
    [{ labels: {} }, undefined],
    [{}, undefined],
    [null, undefined],
  ])('the label of %j is %s', (alert, label) => {
    expect(labelOf(alert as never, 'monitor')).toBe(label)
  })

  it('what an Alertmanager tells is kept as it came', async () => {
    const body = {
      version: '4',
      status: 'firing',
      alerts: [{ status: 'firing', labels: { a: 'b' }, startsAt: 'x' }],
      more: 1,
    }
    const { status, body: told } = await server.ask('POST', '/v1/webhooks/alertmanager', body)
    expect([status, told.alerts]).toEqual([200, 1])
    const kept = await trained.workspace.store.getDocument('event', told.id as string)
    expect(kept?.value).toMatchObject({ source: 'alertmanager', body })
    for (const wrong of [
      { ...body, status: 'lit' },
      { ...body, alerts: [{ status: 'firing' }] },
      { ...body, alerts: Array(1001).fill(body.alerts[0]) },
    ])
      expect((await refused('POST', '/v1/webhooks/alertmanager', wrong))[0]).toBe(400)
  })
})

describe('jobs', () => {
  it('that are started are found, and those that are not are told so', async () => {
    const { status, headers, body } = await server.ask('POST', '/v1/datasets/rides:validate', { keepRows: false })
    expect(status).toBe(202)
    const id = body.id as string
    expect(headers.get('location')).toBe(`/v1/jobs/${id}`)
    expect(await get(`/v1/jobs/${id}`)).toMatchObject({
      id,
      useCase: 'validate',
      input: { dataset: 'rides', keepRows: false },
    })
    expect((await get<{ jobs: { id: string }[] }>('/v1/jobs')).jobs.map(one => one.id)).toContain(id)
    const events = await server.ask('GET', `/v1/jobs/${id}/events`)
    expect(events.text).toMatch(/event: end\ndata: \{.*"useCase":"validate"/)
    for (const [method, path] of [
      ['GET', '/v1/jobs/none'],
      ['GET', '/v1/jobs/none/events'],
      ['POST', '/v1/jobs/none:cancel'],
    ] as const)
      expect((await refused(method, path))[0]).toBe(404)
  })
})

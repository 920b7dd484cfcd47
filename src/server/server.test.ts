import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hour, type Trained, trainedProject } from '../../test/support/trained-project.ts'
import { createToken } from './auth/tokens.ts'
import { trainedServer, type TrainedServer } from '../../test/support/trained-server.ts'

// The data plane and the deployments of a server that serves a model that was really trained.

let trained: Trained
let server: TrainedServer
beforeAll(async () => {
  trained = await trainedProject()
  server = await trainedServer(trained, 'late-api', {}, { canary: { steps: ['50%'], minRequests: 100 } })
})
afterAll(async () => {
  await server.close()
  await trained.close()
})

const row = (km = 12, zone = 'north') => ({ at: trained.clock.now(), zone, km })
const path = '/v1/deployments/late-api'
const predict = (body: unknown) => server.ask('POST', `${path}/predict`, body)

/** The samples of a page for Prometheus, by name and labels. */
function samples(text: string): ReadonlyMap<string, number> {
  const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  )
}
const figures = async (): Promise<ReadonlyMap<string, number>> => samples((await server.ask('GET', '/metrics')).text)

describe('predictions', () => {
  it('are those of the model, by every protocol', async () => {
    const [own] = await server.live.predict([{ row: row() }])
    const native = await predict({ rows: [row()], ids: ['a'] })
    expect(native).toMatchObject({
      status: 200,
      body: {
        predictions: [{ id: 'a', score: own?.score, label: own?.label, arm: 'stable', version: trained.versions.good }],
      },
    })
    expect(native.headers.get('cache-control')).toBe('no-store')
    const at = new Date(trained.clock.now() / 1000).toISOString()
    expect((await predict({ rows: [{ ...row(), at }] })).body).toMatchObject({ predictions: [{ score: own?.score }] })
    const { columns } = server.live
    const value = { km: 12, zone: 'north', at: trained.clock.now() }
    const datatype = { float: 'FP64', text: 'BYTES', timestamp: 'INT64', int: 'INT64', bool: 'BOOL', vector: 'FP64' }
    const inputs = columns.map(one => ({
      name: one.name,
      shape: [1],
      datatype: datatype[one.type],
      data: [value[one.name as 'km']],
    }))
    const oip = await server.ask('POST', '/v2/models/late-api/infer', { id: 'x', inputs })
    expect(oip.body).toMatchObject({ model_name: 'late-api', model_version: String(trained.versions.good), id: 'x' })
    expect(
      (oip.body.outputs as { name: string; datatype: string; data: unknown[] }[]).map(one => [one.name, one.datatype]),
    ).toEqual([
      ['score', 'FP64'],
      ['label', 'BOOL'],
      ['prediction_id', 'BYTES'],
      ['arm', 'BYTES'],
      ['version', 'INT32'],
    ])
    expect((oip.body.outputs as { data: unknown[] }[]).map(one => one.data)).toEqual([
      [own?.score],
      [own?.label],
      [expect.stringMatching(/^[0-9A-Z]{26}$/)],
      ['stable'],
      [trained.versions.good],
    ])
    const names = columns.map(one => one.name)
    const split = { columns: names, data: [names.map(name => value[name as 'km'])] }
    for (const body of [{ dataframe_split: split }, { dataframe_records: [value] }])
      expect((await server.ask('POST', '/invocations?times=us', body)).body).toMatchObject({
        predictions: [{ score: own?.score }],
      })
  })

  it('are as of the moment that the request names, for one row or each', async () => {
    const now = trained.clock.now()
    const scores = async (body: object): Promise<number[]> =>
      ((await predict(body)).body.predictions as { score: number }[]).map(one => one.score)
    const [before] = await scores({ rows: [{ ...row(), at: now }], at: now - 30 * 24 * hour })
    const seen: number[] = []
    server.live.observer = { predicted: (_id, at) => seen.push(at), labelled: (_id, _label, at) => seen.push(at) }
    await scores({ rows: [row()], at: '2026-01-20T00:00:00Z', ids: ['moment'] })
    await scores({ rows: [row(), row()], at: [5, '1970-01-01T00:00:01Z'] })
    await scores({ rows: [row()] })
    expect(seen).toEqual([Date.UTC(2026, 0, 20) * 1000, 5, 1_000_000, now])
    seen.length = 0
    const label = { id: 'moment', label: true }
    expect(
      (await server.ask('POST', `${path}/feedback`, { labels: [{ ...label, at: '1970-01-01T00:00:02Z' }] })).body,
    ).toEqual({ found: 1, sent: 1 })
    await server.ask('POST', `${path}/feedback`, { labels: [{ id: 'nobody', label: 0 }] })
    expect(seen).toEqual([2_000_000, now])
    server.live.observer = undefined
    expect(typeof before).toBe('number')
  })

  it.each([
    ['no rows', { rows: [] }, 'MR5015', 'body.rows'],
    ['rows that are no list', { rows: {} }, 'MR5015', 'body.rows'],
    ['what is not known', { rows: [{}], row: 1 }, 'MR5015', 'body.row'],
    ['too few ids', { rows: [1], ids: [] }, 'MR4105', undefined],
    ['a list', [], 'MR5013', undefined],
    ['nothing', '', 'MR5013', undefined],
  ])('of %s are refused', async (_, body, code, place) => {
    const { status, body: said, headers } = await predict(body)
    expect([status, headers.get('content-type')]).toEqual([400, 'application/problem+json'])
    expect(said).toMatchObject({ code, ...(place ? { details: { place } } : {}) })
  })

  it.each([
    ['ids', { ids: ['a'] }, 'expected a list of 2, one a row'],
    ['ids', { ids: 'ab' }, 'expected a list of 2'],
    ['ids[1]', { ids: ['a', ''] }, 'expected a text of 1 to 200 characters'],
    ['ids[0]', { ids: ['x'.repeat(201), 'b'] }, 'expected a text of 1 to 200 characters'],
    ['ids[1]', { ids: ['a', 7] }, 'expected a text'],
    ['keys', { keys: ['a'] }, 'expected a list of 2, one a row'],
    ['at', { at: 'soon' }, 'expected a time such as'],
    ['at', { at: 1.5 }, 'expected a time such as'],
    ['at', { at: [1] }, 'expected one time, or a list of 2'],
    ['at[1]', { at: [1, null] }, 'expected a time such as'],
  ])('with a wrong body.%s are refused there: %j', async (place, more, reason) => {
    const { status, body } = await predict({ rows: [row(), row()], ...more })
    expect([status, body.code]).toEqual([400, 'MR5015'])
    expect(body.details).toMatchObject({ place: `body.${place}`, route: 'POST /v1/deployments/{name}/predict' })
    expect((body.details as { reason: string }).reason).toContain(reason)
  })

  it('take ids of 200 characters', async () => {
    expect((await predict({ rows: [row()], ids: ['x'.repeat(200)], keys: ['k'] })).status).toBe(200)
  })

  it('take labels of 0 and 1 only where there are two classes', async () => {
    const send = (labels: unknown) => server.ask('POST', `${path}/feedback`, { labels })
    for (const label of [0, 1, true, false]) expect((await send([{ id: 'q', label }])).status).toBe(200)
    const route = 'POST /v1/deployments/{name}/feedback'
    for (const label of [2, -1, 0.5]) {
      const { status, body } = await send([
        { id: 'q', label: 1 },
        { id: 'q', label },
      ])
      expect([status, body.details]).toEqual([
        400,
        { place: 'body.labels[1].label', reason: 'expected 0, 1, true or false', route },
      ])
    }
    const dated = await send([{ id: 'q', label: 1, at: 'x' }])
    expect(dated.body.details).toMatchObject({ place: 'body.labels[0].at', route })
    expect((await send([{ id: 7, label: 1 }])).body.details).toMatchObject({ place: 'body.labels[0].id', route })
    for (const wrong of [
      [],
      [{ id: 'q' }],
      [{ id: 'q', label: '1' }],
      [{ id: 'q', label: 1, x: 1 }],
      [{ id: 'q'.repeat(201), label: 1 }],
    ])
      expect((await send(wrong)).status).toBe(400)
    expect((await send([{ id: 'q', label: 1, at: 'x' }])).status).toBe(400)
  })
})

describe('a regression', () => {
  it('takes labels of any value that a score can have', async () => {
    const { project } = trained.fares('fare-api')
    const serving = await trained.serve(project)
    await serving.get('fare-api')?.deploy(trained.fare, 'test')
    const fares = await trainedServer(trained, 'unused-api', { serving })
    const fare = '/v1/deployments/fare-api'
    const rows = [{ km: 10, zone: 'north' }]
    const { predictions } = (await fares.ask('POST', `${fare}/predict`, { rows, ids: ['a'] })).body as {
      predictions: object[]
    }
    expect(predictions[0]).toEqual({ id: 'a', score: expect.any(Number), arm: 'stable', version: trained.fare })
    const outputs = (await fares.ask('GET', '/v2/models/fare-api')).body.outputs as { name: string }[]
    expect(outputs.map(one => one.name)).toEqual(['score', 'prediction_id', 'arm', 'version'])
    const send = (label: unknown) => fares.ask('POST', `${fare}/feedback`, { labels: [{ id: 'a', label }] })
    expect((await send(1e39)).body).toMatchObject({ code: 'MR4105', details: { row: 0, column: 'label' } })
    expect((await send(-7.25)).body).toEqual({ found: 1, sent: 1 })
    await fares.close()
  })
})

describe('figures for Prometheus', () => {
  it('count seconds, requests by outcome and rows by version', async () => {
    const other = await trainedServer(trained, 'timed-api')
    const read = async () => samples((await other.ask('GET', '/metrics')).text)
    const { digest } = other.live.status().stable as { digest: string }
    other.faults.set(digest, async answer => {
      trained.clock.work(200)
      return answer()
    })
    const send = (count: number) =>
      other.ask('POST', '/v1/deployments/timed-api/predict', { rows: Array.from({ length: count }, () => row()) })
    await send(1)
    await send(3)
    other.faults.set(digest, () => {
      trained.clock.work(3_000)
      return Promise.reject(new Error('broken'))
    })
    const failed = await send(1)
    expect([failed.status, failed.body.code]).toEqual([500, 'MR5021'])
    const page = await read()
    const of = (name: string, labels = ''): number | undefined =>
      page.get(`millrace_${name}{${['deployment="timed-api"', labels].filter(Boolean).join(',')}}`)
    expect(of('infer_duration_seconds_sum')).toBeCloseTo(0.2 + 0.2 + 3, 9)
    expect(of('infer_duration_seconds_count')).toBe(3)
    const bucket = (le: string) => page.get(`millrace_infer_duration_seconds_bucket{le="${le}",deployment="timed-api"}`)
    expect([bucket('0.1'), bucket('0.25'), bucket('2.5'), bucket('10'), bucket('+Inf')]).toEqual([0, 2, 2, 3, 3])
    expect([of('infer_requests_total', 'outcome="ok"'), of('infer_requests_total', 'outcome="error"')]).toEqual([2, 1])
    expect(of('infer_rows_total', `arm="stable",version="${trained.versions.good}"`)).toBe(4)
    expect([of('deployment_ready'), of('stable_version'), of('rollout_weight')]).toEqual([1, trained.versions.good, 0])
    expect(page.get('millrace_alerts_firing{monitor="timed-api-watch"}')).toBe(0)
    expect([...page.keys()].filter(key => key.startsWith('millrace_build_info{version="'))).toHaveLength(1)
    for (const what of ['handles', 'requests', 'resources'])
      expect(page.has(`millrace_nodejs_active_${what}_total`)).toBe(false)
    // what was not known beforehand is logged whole and told by its reference only
    expect(JSON.stringify(failed.body)).not.toContain('broken')
    expect(other.logged).toEqual([
      {
        level: 'error',
        reference: (failed.body.details as { reference: string }).reference,
        error: expect.stringContaining('broken'),
      },
    ])
    await other.close()
  })

  it('show windows and alerts as they stand, not as they stood', async () => {
    const { store } = trained.workspace
    const monitor = 'late-api-watch'
    const window = (from: number, psi: number, times: number) => ({
      monitor,
      series: 'km',
      from,
      to: from + hour,
      body: { psi, times },
    })
    await store.addWindows([window(2 * hour, 0.3, 2.5), window(hour, 0.9, 7)] as never)
    const alert = (state: string, of = monitor) => ({ state, labels: { monitor: of } })
    await store.putDocument('alert', 'one', alert('firing') as never, 1)
    await store.putDocument('alert', 'two', alert('resolved') as never, 1)
    await store.putDocument('alert', 'three', alert('firing', 'another') as never, 1)
    const page = await figures()
    expect(page.get(`millrace_drift_psi{monitor="${monitor}",series="km"}`)).toBe(0.3)
    expect(page.get(`millrace_drift_change{monitor="${monitor}",series="km"}`)).toBe(2.5)
    expect(page.get(`millrace_alerts_firing{monitor="${monitor}"}`)).toBe(1)
    await store.putDocument('alert', 'one', alert('resolved') as never, 1)
    expect((await figures()).get(`millrace_alerts_firing{monitor="${monitor}"}`)).toBe(0)
  })
})

describe('a deployment over HTTP', () => {
  it('is answered by the arm that its caller names, where it may', async () => {
    const own = await trainedServer(trained, 'asked-api', { auth: true }, { canary: { steps: ['1%'], shadowRows: 0 } })
    try {
      await own.live.rollOut(trained.versions.other, 'ada')
      const tokenOf = async (scopes: readonly ('predict' | 'operate')[]): Promise<string> =>
        (await createToken(trained.workspace, { name: scopes.join('-'), scopes, expiresIn: '1h' })).token
      const [caller, operator] = [await tokenOf(['predict']), await tokenOf(['predict', 'operate'])]
      const ask = (token: string, arm?: string, rows = 1) =>
        own.ask(
          'POST',
          '/v1/deployments/asked-api/predict',
          { rows: Array.from({ length: rows }, () => row()) },
          { authorization: `Bearer ${token}`, ...(arm === undefined ? {} : { 'x-millrace-arm': arm }) },
        )
      const answered = { predictions: [{ arm: 'canary', version: trained.versions.other }] }
      expect(await ask(operator, 'canary')).toMatchObject({ status: 200, body: answered })
      expect(await ask(operator, 'stable')).toMatchObject({ status: 200, body: { predictions: [{ arm: 'stable' }] } })
      expect((await ask(caller, 'canary')).status).toBe(403)
      const undirected = await ask(caller)
      expect(undirected.status).toBe(200)
      // one of a hundred is the challenger's
      const drawn = (undirected.body as { predictions: { arm: string }[] }).predictions.map(one => one.arm)
      expect((await ask(operator, 'best')).body).toMatchObject({ code: 'MR5015' })
      // whoever is sent there on purpose is no sample of those who are not
      await ask(operator, 'canary', 500)
      await own.live.settled()
      const canary = drawn.filter(arm => arm === 'canary').length
      expect(own.live.rollout).toMatchObject({ phase: 'step', requests: { canary } })
    } finally {
      await own.close()
    }
  })

  it('is rolled out, held, let go on, promoted and rolled back; each is told to who listens', async () => {
    const { other, good } = trained.versions
    const said: unknown[] = []
    const stop = server.bus.subscribe(
      event => said.push([event.type, event.data]),
      undefined,
      () => undefined,
    )
    const command = (verb: string, body: unknown = {}) => server.ask('POST', `${path}:${verb}`, body)
    expect((await command('promote')).body).toMatchObject({ code: 'MR4104' })
    expect((await command('rollout', { version: 99 })).status).toBe(404)
    for (const wrong of [{}, { version: 0 }, { version: '2' }, { version: 1.5 }, { version: 2, fast: true }])
      expect((await command('rollout', wrong)).body).toMatchObject({ code: 'MR5015' })
    const begun = await command('rollout', { version: other })
    expect(begun).toMatchObject({
      status: 200,
      body: {
        name: 'late-api',
        model: 'late',
        stored: { version: good },
        health: { ready: true },
        rollout: { phase: 'shadow', weight: 0 },
        evidence: { ramp: [0.5, 1], shadow: { rows: 0, needed: 1000 }, loss: null },
      },
    })
    expect((await command('rollout', { version: other })).body).toMatchObject({ code: 'MR4103' })
    // one request is one step at most
    for (const weight of [0.5, 1]) {
      await predict({ rows: Array.from({ length: 1000 }, () => row()) })
      await server.live.settled()
      expect(server.live.rollout?.weight).toBe(weight)
    }
    expect((await figures()).get('millrace_rollout_weight{deployment="late-api"}')).toBe(1)
    expect((await command('pause')).body).toMatchObject({ rollout: { hold: 'paused', phase: 'bake' } })
    expect((await command('resume')).body).toMatchObject({ rollout: { hold: null } })
    for (const wrong of [{ reason: '' }, { reason: 7 }, { why: 'x' }])
      expect((await command('abort', wrong)).body).toMatchObject({ code: 'MR5015' })
    const aborted = await command('abort', { reason: 'the press called' })
    expect((aborted.body.decisions as { reason: string }[])[0]?.reason).toMatch(/ aborted .*: the press called$/)
    expect(aborted.body).toMatchObject({ rollout: { phase: 'rolled-back' }, status: { stable: { version: good } } })
    expect(
      (aborted.body.decisions as { verdict: string; actor: string }[]).slice(0, 3).map(one => [one.verdict, one.actor]),
    ).toEqual([
      ['rolled-back', 'local'],
      ['resumed', 'local'],
      ['held', 'local'],
    ])
    expect(said).toEqual([
      ['rollout', { id: 'late-api', command: 'rollout', version: other }],
      ['rollout', { id: 'late-api', command: 'pause' }],
      ['rollout', { id: 'late-api', command: 'resume' }],
      ['rollout', { id: 'late-api', command: 'abort' }],
    ])
    stop()
    expect((await server.ask('GET', path)).body).toMatchObject({ name: 'late-api', rollout: { phase: 'rolled-back' } })
    const { deployments } = (await server.ask('GET', '/v1/deployments')).body as { deployments: { name: string }[] }
    expect(deployments.map(one => one.name)).toEqual(['late-api'])
    for (const [method, to] of [
      ['GET', '/v1/deployments/none'],
      ['POST', '/v1/deployments/none:promote'],
      ['POST', '/v1/deployments/none:rollout'],
      ['POST', '/v1/deployments/none/predict'],
      ['POST', '/v1/deployments/none/feedback'],
    ] as const)
      expect(
        (await server.ask(method, to, method === 'GET' ? undefined : to.endsWith('promote') ? {} : { version: 1 }))
          .body,
        to,
      ).toMatchObject({
        code: 'MR5020',
      })
  })

  it('sees what is pushed at once', async () => {
    const at = trained.clock.now()
    const before = ((await predict({ rows: [row(12, 'fresh')] })).body.predictions as { score: number }[])[0]?.score
    const rides = Array.from({ length: 6 }, (_, i) => ({ at: at - i * 1_000_000, zone: 'fresh', km: 40 }))
    expect((await server.ask('POST', '/v1/datasets/rides:push', { rows: rides })).body).toMatchObject({
      accepted: 6,
      repeated: 0,
      rejected: [],
    })
    const seen: number[] = []
    server.live.observer = { predicted: (_id, _at, rows) => seen.push(...rows.features), labelled: () => undefined }
    await predict({ rows: [{ ...row(12, 'fresh'), at: at + 1_000_000 }] })
    expect(seen.slice(0, 2)).toEqual([6, 40])
    server.live.observer = undefined
    expect(before).toEqual(expect.any(Number))
    expect((await server.ask('POST', '/v1/datasets/none:push', { rows: rides })).status).toBe(404)
    expect((await server.ask('POST', '/v1/datasets/rides:push', { rows: [] })).status).toBe(400)
  })
})

describe('paths', () => {
  it('that there are not, methods that they do not have, and names that are no text', async () => {
    expect(await server.ask('GET', '/v1/none')).toMatchObject({ status: 404, body: { code: 'MR5010' } })
    expect(await server.ask('GET', `${path}/predict`)).toMatchObject({
      status: 405,
      body: { code: 'MR5011', details: { allowed: 'POST' } },
    })
    expect(await server.ask('DELETE', '/v1/loop')).toMatchObject({ status: 405, body: { details: { allowed: 'GET' } } })
    expect((await server.ask('POST', '/v1/deployments/%E0%A4%A/predict', { rows: [row()] })).status).toBe(404)
    expect((await server.ask('POST', '/v1/deployments/late%2Dapi/predict', { rows: [row()] })).status).toBe(200)
    expect((await server.ask('POST', `${path}/predict`, '{}', { 'content-type': 'text/csv' })).status).toBe(415)
    expect((await server.ask('HEAD', '/livez')).status).toBe(200)
  })
})

it('a server that closes is not ready, answers what runs and takes nothing new', async () => {
  const own = await trainedServer(trained, 'closing-api', { unreadyMs: 400 })
  const { digest } = own.live.status().stable as { digest: string }
  let letGo = (): void => undefined
  const inside = new Promise<void>(begun => {
    own.faults.set(digest, async answer => {
      begun()
      await new Promise<void>(resolve => (letGo = resolve))
      return answer()
    })
  })
  const running = own.ask('POST', '/v1/deployments/closing-api/predict', { rows: [row()] })
  await inside
  const closing = own.close()
  expect(own.close()).toBe(closing)
  expect((await own.ask('GET', '/readyz')).body).toEqual({ status: 'fail', output: 'the server is closing' })
  expect((await own.ask('GET', '/livez')).status).toBe(200)
  expect((await own.ask('GET', '/v2/health/ready')).body).toEqual({ live: true, ready: false })
  expect((await own.ask('GET', '/v2/models/closing-api/ready')).status).toBe(503)
  expect((await own.ask('GET', '/ping')).status).toBe(503)
  expect((await own.ask('GET', '/v1/project')).body).toMatchObject({ code: 'MR5022' })
  expect((await own.ask('POST', '/v1/deployments/closing-api/predict', { rows: [row()] })).body).toMatchObject({
    code: 'MR5022',
  })
  letGo()
  expect((await running).status).toBe(200)
  await closing
  await expect(fetch(`${own.url}/livez`)).rejects.toThrow()
})

it('a row that the stable model has no score for is refused by its place, whatever a challenger does', async () => {
  const own = await trainedServer(trained, 'scoreless-api')
  await own.live.rollOut(trained.versions.other, 'ada')
  const { digest } = own.live.status().stable as { digest: string }
  const challenger = await trained.workspace.store.getModelVersion('late', trained.versions.other)
  let letGo = (): void => undefined
  const held = new Promise<void>(resolve => (letGo = resolve))
  own.faults.set(challenger?.digest ?? '', async answer => {
    await held
    return answer()
  })
  own.faults.set(digest, async answer => ({
    scores: (await answer()).scores.map((one, i) => (i === 1 ? Number.NaN : one)),
  }))
  const said = await own.ask('POST', '/v1/deployments/scoreless-api/predict', { rows: [row(), row()] })
  expect(said.status).toBe(400)
  expect(said.body).toMatchObject({
    code: 'MR4105',
    details: { row: 1, reason: expect.stringContaining('no finite score') },
  })
  letGo()
  await own.close()
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BareApp, bareApp } from '../../../../test/support/bare-app.ts'

// The tracking protocol as its clients speak it: experiments, runs, metrics, files, and each refusal with its word.

let app: BareApp
beforeAll(async () => {
  app = await bareApp()
})
afterAll(() => app.close())

type Answer = { status: number; body: Record<string, unknown> }
const call = async (path: string, body?: unknown, method = body === undefined ? 'GET' : 'POST'): Promise<Answer> =>
  app.ask(method, `/api/2.0/mlflow/${path}`, body)
const word = async (path: string, body?: unknown): Promise<unknown[]> => {
  const { status, body: said } = await call(path, body)
  return [status, said.error_code]
}
const missing = [400, 'INVALID_PARAMETER_VALUE']
const gone = [404, 'RESOURCE_DOES_NOT_EXIST']

async function experiment(name: string): Promise<string> {
  return (await call('experiments/create', { name })).body.experiment_id as string
}
async function startRun(body: object = {}): Promise<string> {
  const { run } = (await call('runs/create', body)).body as { run: { info: { run_id: string } } }
  return run.info.run_id
}
const run = async (id: string) =>
  (
    (await call(`runs/get?run_id=${id}`)).body as {
      run: { info: Record<string, unknown>; data: Record<string, unknown> }
    }
  ).run

describe('experiments', () => {
  it('have a default, are made, found, renamed, deleted and restored', async () => {
    expect((await call('experiments/get?experiment_id=0')).body.experiment).toMatchObject({
      experiment_id: '0',
      name: 'Default',
      artifact_location: 'mlflow-artifacts:/0',
      lifecycle_stage: 'active',
    })
    const created = app.clock.now() / 1000
    const id = await experiment('first')
    const byName = async (name: string) =>
      (await call(`experiments/get-by-name?experiment_name=${name}`)).body.experiment
    expect(await byName('first')).toEqual({
      experiment_id: id,
      name: 'first',
      artifact_location: `mlflow-artifacts:/${id}`,
      lifecycle_stage: 'active',
      creation_time: created,
      last_update_time: created,
    })
    await app.clock.advance(5000)
    expect(await call('experiments/update', { experiment_id: id, new_name: 'renamed' })).toMatchObject({
      status: 200,
      body: {},
    })
    expect(await byName('renamed')).toMatchObject({ creation_time: created, last_update_time: created + 5000 })
    await call('experiments/set-experiment-tag', { experiment_id: id, key: 'team', value: 'x' })
    await call('experiments/set-experiment-tag', { experiment_id: id, key: 'empty', value: '' })
    expect(await byName('renamed')).toMatchObject({
      tags: [
        { key: 'empty', value: '' },
        { key: 'team', value: 'x' },
      ],
    })
    await call('experiments/delete', { experiment_id: id })
    expect(await byName('renamed')).toMatchObject({ lifecycle_stage: 'deleted' })
    for (const [path, body] of [
      ['experiments/update', { experiment_id: id, new_name: 'x' }],
      ['experiments/delete', { experiment_id: id }],
      ['experiments/set-experiment-tag', { experiment_id: id, key: 'k', value: 'v' }],
      ['runs/create', { experiment_id: id }],
    ] as const)
      expect(await word(path, body), path).toEqual(missing)
    await call('experiments/restore', { experiment_id: id })
    expect(await byName('renamed')).toMatchObject({ lifecycle_stage: 'active' })
  })

  it('are refused by the words of the protocol', async () => {
    await experiment('taken')
    expect(await word('experiments/create', { name: 'taken' })).toEqual([400, 'RESOURCE_ALREADY_EXISTS'])
    expect(await word('experiments/create', {})).toEqual(missing)
    expect(await word('experiments/create', { name: '' })).toEqual(missing)
    expect(await word('experiments/create', { name: 7 })).toEqual(missing)
    expect(await word('experiments/create', { name: 'a\nb' })).toEqual(missing)
    expect(await word('experiments/create', { name: 'n'.repeat(501) })).toEqual(missing)
    expect((await call('experiments/create', { name: 'n'.repeat(500) })).status).toBe(200)
    expect(await word('experiments/create', { name: 'tagged', tags: [{ key: 'k', value: 'v'.repeat(5001) }] })).toEqual(
      missing,
    )
    expect(
      (await call('experiments/create', { name: 'tagged', tags: [{ key: 'k', value: 'v'.repeat(5000) }] })).status,
    ).toBe(200)
    expect(await word('experiments/get?experiment_id=nobody')).toEqual(gone)
    expect(await word('experiments/get')).toEqual(missing)
    expect(await word('experiments/get-by-name?experiment_name=nobody')).toEqual(gone)
    expect(await word('experiments/restore', { experiment_id: 'nobody' })).toEqual(gone)
    expect((await call('experiments/get')).body.message).toContain(
      "Missing value for required parameter 'experiment_id'",
    )
  })

  it('are searched newest first, by page, by state and by filter', async () => {
    const own = await bareApp()
    const ask = async (body: object) =>
      (await own.ask('POST', '/ajax-api/2.0/mlflow/experiments/search', body)).body as {
        experiments?: { name: string }[]
        next_page_token?: string
        error_code?: string
      }
    const names = async (body: object) => (await ask(body)).experiments?.map(one => one.name)
    const made: string[] = []
    for (const name of ['a', 'b', 'c']) {
      await own.clock.advance(1000)
      made.push(
        ((await own.ask('POST', '/api/2.0/mlflow/experiments/create', { name })).body as { experiment_id: string })
          .experiment_id,
      )
    }
    // Default is from the first call on: as old as a
    expect(await names({})).toEqual(['c', 'b', 'Default', 'a'])
    const first = await ask({ max_results: 3 })
    expect(first.experiments).toHaveLength(3)
    const second = await ask({ max_results: 3, page_token: first.next_page_token })
    expect([second.experiments?.map(one => one.name), second.next_page_token]).toEqual([['a'], undefined])
    expect((await ask({ max_results: 4 })).next_page_token).toBeUndefined()
    await own.ask('POST', '/api/2.0/mlflow/experiments/delete', { experiment_id: made[1] })
    const all = ['c', 'b', 'Default', 'a']
    const rest = ['c', 'Default', 'a']
    for (const [view, found] of [
      ['ACTIVE_ONLY', rest],
      ['1', rest],
      [1, rest],
      ['ALL', all],
      [3, all],
      ['DELETED_ONLY', ['b']],
      [2, ['b']],
    ] as const)
      expect(await names({ view_type: view }), String(view)).toEqual(found)
    expect(await names({ filter: "name = 'c'" })).toEqual(['c'])
    expect(await names({ filter: "name = 'nobody'" })).toBeUndefined()
    for (const wrong of [
      { max_results: 0 },
      { max_results: 50_001 },
      { page_token: 'x' },
      { page_token: 'e30=' },
      { max_results: 1.5 },
    ])
      expect((await ask(wrong)).error_code, JSON.stringify(wrong)).toBe('INVALID_PARAMETER_VALUE')
    await own.close()
  })
})

describe('runs', () => {
  it('are started, logged to, ended, deleted and restored', async () => {
    const experimentId = await experiment('of-runs')
    const id = await startRun({
      experiment_id: experimentId,
      start_time: 1_700_000_000_123,
      user_id: 'ada',
      run_name: 'one',
    })
    expect(id).toMatch(/^[0-9a-f]{32}$/)
    expect(await run(id)).toEqual({
      info: {
        run_id: id,
        run_uuid: id,
        run_name: 'one',
        experiment_id: experimentId,
        user_id: 'ada',
        status: 'RUNNING',
        start_time: 1_700_000_000_123,
        artifact_uri: `mlflow-artifacts:/${experimentId}/${id}/artifacts`,
        lifecycle_stage: 'active',
      },
      data: { tags: [{ key: 'mlflow.runName', value: 'one' }] },
      inputs: {},
      outputs: {},
    })
    const of = { run_id: id }
    await call('runs/log-parameter', { ...of, key: 'depth', value: '6' })
    await call('runs/set-tag', { run_uuid: id, key: 'team', value: 'x' })
    for (const [step, value] of [
      [0, 0.5],
      [1, 0.75],
    ] as const)
      await call('runs/log-metric', { ...of, key: 'auc', value, timestamp: 1000 + step, step })
    await call('runs/log-metric', { ...of, key: 'odd', value: 'NaN', timestamp: '7' })
    await call('runs/log-metric', { ...of, key: 'large', value: 'Infinity', timestamp: 7 })
    await call('runs/log-metric', { ...of, key: 'small', value: '-Infinity', timestamp: 7 })
    const { data } = await run(id)
    expect(data.params).toEqual([{ key: 'depth', value: '6' }])
    expect(data.tags).toContainEqual({ key: 'team', value: 'x' })
    expect(data.metrics).toEqual(
      expect.arrayContaining([
        { key: 'auc', value: 0.75, timestamp: 1001, step: 1 },
        { key: 'odd', value: 'NaN', timestamp: 7, step: 0 },
        { key: 'large', value: Number.MAX_VALUE, timestamp: 7, step: 0 },
        { key: 'small', value: -Number.MAX_VALUE, timestamp: 7, step: 0 },
      ]),
    )
    const ended = await call('runs/update', { ...of, status: 'FINISHED', end_time: 1_700_000_001_000, run_name: 'two' })
    expect(ended.body.run_info).toMatchObject({ status: 'FINISHED', end_time: 1_700_000_001_000, run_name: 'two' })
    await call('runs/delete-tag', { ...of, key: 'team' })
    expect((await run(id)).data.tags).toEqual([{ key: 'mlflow.runName', value: 'two' }])
    expect(await word('runs/delete-tag', { ...of, key: 'team' })).toEqual(gone)
    await call('runs/delete', of)
    expect((await run(id)).info.lifecycle_stage).toBe('deleted')
    for (const path of ['log-metric', 'log-parameter', 'set-tag', 'delete-tag', 'log-batch', 'update'])
      expect(await word(`runs/${path}`, { ...of, key: 'k', value: '1', timestamp: 1 }), path).toEqual(missing)
    await call('runs/restore', of)
    expect((await run(id)).info.lifecycle_stage).toBe('active')
  })

  it.each([
    ['RUNNING', 'RUNNING'],
    ['1', 'RUNNING'],
    ['SCHEDULED', 'SCHEDULED'],
    [2, 'SCHEDULED'],
    ['3', 'FINISHED'],
    ['FAILED', 'FAILED'],
    [4, 'FAILED'],
    ['KILLED', 'KILLED'],
    ['5', 'KILLED'],
  ])('take the state %s for %s', async (status, shown) => {
    const id = await startRun()
    expect((await call('runs/update', { run_id: id, status })).body.run_info).toMatchObject({ status: shown })
  })

  it('have names: given, tagged, or made', async () => {
    const name = async (body: object) => (await run(await startRun(body))).info.run_name
    const tags = [{ key: 'mlflow.runName', value: 'tagged' }]
    expect(await name({ tags })).toBe('tagged')
    expect(await name({ tags, run_name: 'tagged' })).toBe('tagged')
    expect(await name({})).toMatch(/^run-[0-9a-f]{8}$/)
    expect(await word('runs/create', { tags, run_name: 'other' })).toEqual(missing)
    const { info } = await run(await startRun())
    expect([info.start_time, info.experiment_id, info.user_id]).toEqual([app.clock.now() / 1000, '0', ''])
  })

  it.each([
    ['runs/get', undefined, missing],
    ['runs/get?run_id=nobody', undefined, gone],
    ['runs/create', { experiment_id: 'nobody' }, gone],
    ['runs/create', { run_name: 'n'.repeat(501) }, missing],
    ['runs/create', { start_time: 9e15 }, missing],
    ['runs/create', { tags: {} }, missing],
    ['runs/create', { tags: [1] }, missing],
    ['runs/create', { tags: [{ value: 'v' }] }, missing],
    ['runs/create', { tags: [{ key: 'k', value: 'v'.repeat(8001) }] }, missing],
  ])('refuse %s with %j', async (path, body, expected) => expect(await word(path, body)).toEqual(expected))

  it('refuse by the member that is wrong, at its limit and not before', async () => {
    const run_id = await startRun()
    const metric = { run_id, key: 'm', value: 1, timestamp: 1 }
    const parameter = { run_id, key: 'p', value: 'v' }
    for (const [path, body, reason] of [
      ['log-metric', { ...metric, value: 'much' }, "'value'"],
      ['log-metric', { ...metric, value: '' }, "Missing value for required parameter 'value'"],
      ['log-metric', { ...metric, value: [1] }, "'value'"],
      ['log-metric', { ...metric, timestamp: undefined }, "Missing value for required parameter 'timestamp'"],
      ['log-metric', { ...metric, timestamp: 9e15 }, 'years 1684 to 2255'],
      ['log-metric', { ...metric, step: 1.5 }, "'step'"],
      ['log-metric', { ...metric, step: true }, "'step'"],
      ['log-metric', { ...metric, key: 'k'.repeat(251) }, 'at most 250'],
      ['log-parameter', { ...parameter, value: 'v'.repeat(6001) }, 'at most 6000'],
      ['log-parameter', { ...parameter, key: undefined }, "'key'"],
      ['set-tag', { ...parameter, value: 'v'.repeat(8001) }, 'at most 8000'],
      ['set-tag', { ...parameter, value: 7 }, "'value'"],
      ['update', { run_id, status: 'DONE' }, "'status'"],
      ['update', { run_id, status: [] }, 'of a list or an object'],
    ] as const) {
      const answer = await call(`runs/${path}`, body)
      expect([answer.status, answer.body.error_code]).toEqual(missing)
      expect(answer.body.message, reason).toContain(reason)
    }
    expect((await call('runs/log-metric', { ...metric, key: 'k'.repeat(250) })).status).toBe(200)
    expect((await call('runs/log-parameter', { ...parameter, value: 'v'.repeat(6000) })).status).toBe(200)
    expect((await call('runs/set-tag', { ...parameter, value: 'v'.repeat(8000) })).status).toBe(200)
    // a parameter is set once
    expect((await call('runs/log-parameter', { run_id, key: 'p', value: 'other' })).status).toBe(400)
  })

  it('take batches of 1,000 metrics, 100 parameters and 100 tags, all or none', async () => {
    const run_id = await startRun()
    const list = (count: number, more: object) => Array.from({ length: count }, (_, i) => ({ key: `k${i}`, ...more }))
    const metrics = (count: number) => list(count, { value: 1, timestamp: 1 })
    const texts = (count: number) => list(count, { value: 'v' })
    for (const over of [{ metrics: metrics(1001) }, { params: texts(101) }, { tags: texts(101) }])
      expect(await word('runs/log-batch', { run_id, ...over })).toEqual(missing)
    expect(await word('runs/log-batch', { run_id, params: [...texts(2), { key: 'k0', value: 'v' }] })).toEqual(missing)
    expect(await word('runs/log-batch', { run_id, metrics: metrics(10_001) })).toEqual(missing)
    const half = { run_id, params: texts(1), metrics: [{ key: 'm', value: 'x', timestamp: 1 }] }
    expect((await call('runs/log-batch', half)).body.message).toContain("'metrics[0].value'")
    expect((await run(run_id)).data).not.toHaveProperty('params')
    const full = { run_id, metrics: metrics(1000), params: texts(100), tags: texts(99) }
    expect((await call('runs/log-batch', full)).status).toBe(200)
    const { data } = await run(run_id)
    expect([(data.metrics as []).length, (data.params as []).length, (data.tags as []).length]).toEqual([
      1000, 100, 100,
    ])
  })

  it('tell the history of a metric page by page', async () => {
    const run_id = await startRun()
    for (let step = 0; step < 5; step++)
      await call('runs/log-metric', { run_id, key: 'm', value: step, timestamp: step, step })
    const page = async (more: string) =>
      (await call(`metrics/get-history?run_id=${run_id}&metric_key=m${more}`)).body as {
        metrics?: { value: number }[]
        next_page_token?: string
      }
    expect((await page('')).metrics?.map(one => one.value)).toEqual([0, 1, 2, 3, 4])
    const first = await page('&max_results=3')
    expect(first.metrics?.map(one => one.value)).toEqual([0, 1, 2])
    const next = await page(`&max_results=3&page_token=${encodeURIComponent(first.next_page_token ?? '')}`)
    expect([next.metrics?.map(one => one.value), next.next_page_token]).toEqual([[3, 4], undefined])
    expect(await page('&max_results=5')).not.toHaveProperty('next_page_token')
    expect((await call(`metrics/get-history?run_id=${run_id}&metric_key=none`)).body).toEqual({})
    expect(await word(`metrics/get-history?run_id=${run_id}`)).toEqual(missing)
    expect(await word(`metrics/get-history?run_id=${run_id}&metric_key=m&max_results=25001`)).toEqual(missing)
  })

  it('are searched by experiment, state, filter and order, by page', async () => {
    const experimentId = await experiment('searched')
    const ids: string[] = []
    for (const [i, auc] of [0.5, 0.9, 0.7].entries()) {
      await app.clock.advance(1000)
      const id = await startRun({ experiment_id: experimentId, run_name: `r${i}` })
      await call('runs/log-metric', { run_id: id, key: 'auc', value: auc, timestamp: 1 })
      ids.push(id)
    }
    const search = async (body: object) =>
      (await call('runs/search', { experiment_ids: [experimentId], ...body })).body as {
        runs?: { info: { run_name: string } }[]
        next_page_token?: string
      }
    const names = async (body: object = {}) => (await search(body)).runs?.map(one => one.info.run_name)
    expect(await names()).toEqual(['r2', 'r1', 'r0'])
    expect(await names({ experiment_ids: ['0-none'] })).toBeUndefined()
    expect(await names({ experiment_ids: [Number(experimentId)] })).toEqual(['r2', 'r1', 'r0'])
    expect(await names({ filter: 'metrics.auc > 0.6' })).toEqual(['r2', 'r1'])
    expect(await names({ order_by: ['metrics.auc DESC'] })).toEqual(['r1', 'r2', 'r0'])
    const first = await search({ max_results: 2 })
    expect(first.runs).toHaveLength(2)
    expect(await names({ max_results: 2, page_token: first.next_page_token })).toEqual(['r0'])
    expect((await search({ max_results: 4 })).next_page_token).toBeUndefined()
    await call('runs/delete', { run_id: ids[1] })
    expect(await names()).toEqual(['r2', 'r0'])
    expect(await names({ run_view_type: 'DELETED_ONLY' })).toEqual(['r1'])
    expect(await names({ run_view_type: 2 })).toEqual(['r1'])
    expect(await names({ run_view_type: 'ALL' })).toEqual(['r2', 'r1', 'r0'])
    expect(await names({ run_view_type: '3' })).toEqual(['r2', 'r1', 'r0'])
    for (const [wrong, at] of [
      [{ experiment_ids: ['0', []] }, "'experiment_ids[1]'"],
      [{ order_by: [1] }, "'order_by[0]'"],
    ] as const)
      expect((await call('runs/search', wrong)).body.message).toContain(at)
    for (const wrong of [{ max_results: 50_001 }, { experiment_ids: [[]] }, { order_by: [1] }, { filter: 1 }])
      expect(await word('runs/search', wrong), JSON.stringify(wrong)).toEqual(missing)
  })
})

describe('files of a run', () => {
  const base = '/api/2.0/mlflow-artifacts/artifacts'
  const put = (path: string, body: string) => app.ask('PUT', `${base}/${path}`, body)

  it('are stored, listed, read and forgotten', async () => {
    const id = await startRun()
    const root = `0/${id}/artifacts`
    expect((await put(`${root}/model/a.json`, '{"a":1}')).status).toBe(200)
    await put(`${root}/notes.TXT`, 'hello')
    await put(`${root}/model/deep/b.bin`, 'b')
    const read = await app.ask('GET', `${base}/${root}/notes.TXT`)
    expect([read.status, read.text, read.headers.get('content-type')]).toEqual([200, 'hello', 'text/plain'])
    expect(read.headers.get('content-disposition')).toBe("attachment; filename*=UTF-8''notes.TXT")
    expect((await app.ask('GET', `${base}/${root}/model/deep/b.bin`)).headers.get('content-type')).toBe(
      'application/octet-stream',
    )
    const list = async (path = '') =>
      (await call(`artifacts/list?run_id=${id}${path === '' ? '' : `&path=${path}`}`)).body
    expect(await list()).toEqual({
      root_uri: `mlflow-artifacts:/${root}`,
      files: [
        { path: 'model', is_dir: true },
        { path: 'notes.TXT', is_dir: false, file_size: 5 },
      ],
    })
    expect((await list('model')).files).toEqual([
      { path: 'model/a.json', is_dir: false, file_size: 7 },
      { path: 'model/deep', is_dir: true },
    ])
    expect(await list('none')).not.toHaveProperty('files')
    expect((await app.ask('GET', `${base}?path=${root}/model`)).body).toEqual({
      files: [
        { path: 'a.json', is_dir: false, file_size: 7 },
        { path: 'deep', is_dir: true },
      ],
    })
    expect((await app.ask('DELETE', `${base}/${root}/notes.TXT`)).status).toBe(200)
    expect(await app.ask('GET', `${base}/${root}/notes.TXT`)).toMatchObject({
      status: 404,
      body: { error_code: 'RESOURCE_DOES_NOT_EXIST' },
    })
    expect(await word('artifacts/list?run_id=nobody')).toEqual(gone)
    expect(await word('artifacts/list')).toEqual(missing)
  })

  it.each([
    '0/r/%2e%2e/x',
    '0/r/a%255c..',
    '0/r/%252e%252e/x',
    '0/r//x',
    '0/r/a%23b',
    '0/r/C%3A/..',
    `0/r/${'x'.repeat(1000)}`,
    '0/r',
  ])('do not lie at %s', async path =>
    expect(await put(path, 'x')).toMatchObject({ status: 400, body: { error_code: 'INVALID_PARAMETER_VALUE' } }),
  )
})

describe('the wire', () => {
  it('takes what clients send: JSON in JSON, empty messages, unknown members', async () => {
    const name = { name: 'twice' }
    expect((await call('experiments/create', JSON.stringify(JSON.stringify(name)))).status).toBe(200)
    expect((await call('experiments/create', { name: 'more', later: { members: 1 } })).status).toBe(200)
    expect(await word('experiments/create', 'no json')).toEqual(missing)
    expect(await word('experiments/create', '[]')).toEqual(missing)
    const typed = await app.ask('POST', '/api/2.0/mlflow/experiments/create', '{"name":"x"}', {
      'content-type': 'text/plain',
    })
    expect([typed.status, (typed.body as { message: string }).message]).toEqual([
      400,
      expect.stringContaining("got 'text/plain'"),
    ])
    const deep = `{"name":${'['.repeat(40)}${']'.repeat(40)}}`
    expect((await call('experiments/create', deep)).status).toBe(400)
    expect((await call('experiments/create', JSON.stringify(deep))).status).toBe(400)
    expect((await call('logged-models/search', {})).body).toEqual({})
  })

  it('says what it does not serve in the words that let clients take their other way', async () => {
    expect(await word('registered-models/search', {})).toEqual([404, 'ENDPOINT_NOT_FOUND'])
    const ajax = await app.ask('GET', '/ajax-api/2.0/mlflow/none')
    expect([ajax.status, (ajax.body as { error_code: string }).error_code]).toEqual([404, 'ENDPOINT_NOT_FOUND'])
  })
})

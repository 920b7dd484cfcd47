import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { request } from 'node:http'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import fc from 'fast-check'
import { post, testServer, type TestServer } from './harness.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer()
})
afterAll(() => server.end())

const row = { p: 0.7, distance: 500, origin: 'SEA' }
const predict = (body: unknown): Promise<Response> => post(`${server.url}/v1/deployments/lateness-api/predict`, body)
const problemOf = async (answer: Response): Promise<{ status: number; code: string; title: string }> =>
  (await answer.json()) as { status: number; code: string; title: string }

test('predicts, and labels come back under the ids', async () => {
  const answer = await predict({ rows: [row, { ...row, p: 0.2 }], ids: ['a', 'b'], at: '2001-04-01T00:00:00Z' })
  expect(await answer.json()).toEqual({
    predictions: [
      { id: 'a', score: 0.7, label: true, arm: 'stable', version: 1 },
      { id: 'b', score: 0.2, label: false, arm: 'stable', version: 1 },
    ],
  })
  const url = `${server.url}/v1/deployments/lateness-api/feedback`
  const labels = [
    { id: 'a', label: true },
    { id: 'b', label: 0, at: 986_119_200_000_000 },
    { id: 'c', label: 1 },
  ]
  expect(await (await post(url, { labels })).json()).toEqual({ found: 2, sent: 3 })
  expect((await post(url, { labels: [{ id: 'a', label: 7 }] })).status).toBe(400)
})

test('bad rows are refused by column and row', async () => {
  const cases: [unknown, RegExp][] = [
    [{ p: 0.1, distance: 5 }, /origin.*missing/],
    [{ ...row, colour: 'red' }, /colour.*is no column/],
    [{ ...row, distance: '500' }, /distance.*whole number.*"500"/],
    [{ ...row, distance: 1.5 }, /distance.*whole number/],
    [{ ...row, p: 'NaN' }, /'p'.*finite/],
    [{ ...row, p: null }, /'p'.*null/],
    [{ ...row, origin: 7 }, /origin.*text/],
    [{ ...row, date: 'yesterday' }, /date.*time/],
    [[1], /object/],
    [{ ...row, p: 3 }, /between 0 and 1/],
  ]
  for (const [bad, message] of cases) {
    const answer = await predict({ rows: [row, bad] })
    expect(answer.status).toBe(400)
    const { title, code } = await problemOf(answer)
    expect(code === 'MR4105' || code === 'MR5015').toBe(true)
    expect(title).toMatch(message)
    expect(title).toMatch(/1/)
  }
  expect((await predict({ rows: [] })).status).toBe(400)
  expect((await predict({ rows: [row], colour: 1 })).status).toBe(400)
  expect((await predict({ rows: [row], ids: [] })).status).toBe(400)
  expect((await predict(`{"rows":[{"p":NaN}]}`)).status).toBe(400)
  expect((await predict('')).status).toBe(400)
  expect((await predict('[]')).status).toBe(400)
  expect((await predict('['.repeat(100_000))).status).toBe(400)
  expect(
    (await post(`${server.url}/v1/deployments/lateness-api/predict`, '{}', { 'content-type': 'text/csv' })).status,
  ).toBe(415)
  expect((await post(`${server.url}/v1/deployments/none/predict`, { rows: [row] })).status).toBe(404)
})

test('a path that is no text, and an id that is there twice, are refused', async () => {
  for (const path of ['predict', 'feedback']) {
    const answer = await post(`${server.url}/v1/deployments/%ff/${path}`, { rows: [row] })
    expect(answer.status).toBe(404)
  }
  expect((await fetch(`${server.url}/v1/deployments/%ff`)).status).toBe(404)
  const twice = await predict({ rows: [row, row, row], ids: ['a', 'b', 'a'] })
  expect(twice.status).toBe(400)
  expect((await problemOf(twice)).title).toMatch(/ids\[2\].*ids\[0\]/)
})

test('times are of years that can be kept, and without a zone only where the column has one', async () => {
  const dated = (date: unknown): Promise<Response> => predict({ rows: [{ ...row, date }] })
  for (const date of ['2255-06-05T00:00:00Z', '1684-08-01', '2016-03-01T00:00:00+01:00', 1_000_000])
    expect([date, (await dated(date)).status]).toEqual([date, 200])
  for (const date of ['2300-03-01T00:00:00Z', '1600-01-01', '2016-03-01T00:00:00', '2016-02-30T00:00:00Z']) {
    const answer = await dated(date)
    expect([date, answer.status]).toEqual([date, 400])
    expect((await problemOf(answer)).title).toMatch(/Row 0, column 'date'/)
  }
  const at = await predict({ rows: [row], at: '2300-03-01T00:00:00Z' })
  expect(at.status).toBe(400)
})

test('integers beyond 2^53 come as text', async () => {
  expect((await predict({ rows: [{ ...row, code: '9007199254740993' }] })).status).toBe(200)
  expect((await predict({ rows: [{ ...row, code: 2 ** 53 }] })).status).toBe(400)
  expect((await predict({ rows: [{ ...row, code: '99999999999999999999' }] })).status).toBe(400)
})

test('a body of 17 MB is refused whether or not it says its length', async () => {
  const large = `{"rows":[{"origin":"${'x'.repeat(17 * 1024 * 1024)}"}]}`
  const status = await new Promise<number>((resolve, reject) => {
    const sent = request(`${server.url}/v1/deployments/lateness-api/predict`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'transfer-encoding': 'chunked' },
    })
    sent.on('response', answer => resolve(answer.statusCode ?? 0))
    sent.on('error', reject)
    sent.end(large)
  })
  expect(status).toBe(413)
  const control = await post(`${server.url}/v1/datasets/flights:push`, large).catch(() => undefined)
  expect(control === undefined || control.status === 413).toBe(true)
})

test('small answers are never held back to be sent together', async () => {
  const sockets: object[] = []
  const note = (message: unknown): number => sockets.push((message as { socket: object }).socket)
  subscribe('net.server.socket', note)
  try {
    await new Promise((done, lost) => {
      // A connection of its own, so that it is seen as it is made
      const sent = request(`${server.url}/livez`, { agent: false })
      sent.on('response', answer => answer.resume().on('end', done))
      sent.on('error', lost)
      sent.end()
    })
  } finally {
    unsubscribe('net.server.socket', note)
  }
  const noDelay = (socket: object): unknown => {
    const key = Object.getOwnPropertySymbols(socket).find(symbol => symbol.description === 'kSetNoDelay')
    return key === undefined ? undefined : (socket as Record<symbol, unknown>)[key]
  }
  expect(sockets.map(noDelay)).toContain(true)
})

test('the open inference protocol', async () => {
  expect(await (await fetch(`${server.url}/v2`)).json()).toMatchObject({ name: 'millrace' })
  expect(await (await fetch(`${server.url}/v2/health/live`)).json()).toEqual({ live: true })
  expect(await (await fetch(`${server.url}/v2/health/ready`)).json()).toEqual({ live: true, ready: true })
  const model = (await (await fetch(`${server.url}/v2/models/lateness-api`)).json()) as { inputs: unknown[] }
  expect(model.inputs[0]).toEqual({ name: 'p', datatype: 'FP64', shape: [-1] })
  expect(await (await fetch(`${server.url}/v2/models/lateness-api/ready`)).json()).toEqual({
    name: 'lateness-api',
    ready: true,
  })
  const inputs = [
    { name: 'p', shape: [2, 1], datatype: 'FP32', data: [[0.25], [0.75]] },
    { name: 'distance', shape: [2], datatype: 'INT64', data: [1, 2] },
    { name: 'origin', shape: [2], datatype: 'BYTES', data: ['SEA', 'SFO'] },
  ]
  const url = `${server.url}/v2/models/lateness-api/infer`
  const answer = await post(url, { id: 'call-1', inputs, outputs: [{ name: 'score' }, { name: 'label' }] })
  expect(await answer.json()).toEqual({
    model_name: 'lateness-api',
    model_version: '1',
    id: 'call-1',
    outputs: [
      { name: 'score', shape: [2], datatype: 'FP64', data: [0.25, 0.75] },
      { name: 'label', shape: [2], datatype: 'BOOL', data: [false, true] },
    ],
  })
  const bad = await post(url, { inputs: [{ ...inputs[0], data: [1] }, ...inputs.slice(1)] })
  expect(bad.status).toBe(400)
  expect((await bad.json()) as { error: string }).toHaveProperty('error')
  expect((await post(url, { inputs: inputs.slice(1) })).status).toBe(400)
  expect((await post(url, { inputs: [...inputs, { ...inputs[0], name: 'colour' }] })).status).toBe(400)
})

test('the scoring protocol of MLflow', async () => {
  const url = `${server.url}/invocations?deployment=lateness-api`
  const columns = Object.keys(row)
  const split = await post(url, { dataframe_split: { index: [0], columns, data: [Object.values(row)] } })
  expect(await split.json()).toMatchObject({ predictions: [{ score: 0.7 }] })
  const records = await post(url, { dataframe_records: [row] })
  expect(await records.json()).toMatchObject({ predictions: [{ score: 0.7 }] })
  expect((await post(url, { dataframe_records: [row], dataframe_split: {} })).status).toBe(400)
  expect((await post(url, { inputs: [1] })).status).toBe(400)
  expect((await fetch(`${server.url}/ping`)).status).toBe(200)
})

test('callers at the same time get their own rows, in fewer calls', async () => {
  server.calls.length = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.double({ min: -0.2, max: 1, noNaN: true }), { minLength: 1, maxLength: 40 }),
      async values => {
        await Promise.all(
          values.map(async p => {
            const answer = await predict({ rows: [{ ...row, p }] })
            if (p < 0) expect(answer.status).toBe(400)
            else
              expect(((await answer.json()) as { predictions: { score: number }[] }).predictions[0]?.score).toBe(p + 0)
          }),
        )
      },
    ),
    { numRuns: 20 },
  )
  const rows = server.calls.reduce((sum, one) => sum + one, 0)
  expect(rows).toBeGreaterThan(server.calls.length)
})

test('health says why, and readiness ends before the server does', async () => {
  const own = await testServer()
  const health = async (path: string): Promise<[number, string]> => {
    const answer = await fetch(own.url + path)
    return [answer.status, await answer.text()]
  }
  expect((await health('/health'))[0]).toBe(200)
  own.deployment.ready = false
  await vi.waitFor(
    async () => {
      const [status, text] = await health('/health')
      expect([status, text.includes('told so')]).toEqual([503, true])
    },
    { timeout: 30_000, interval: 100 },
  )
  expect((await health('/readyz'))[0]).toBe(503)
  expect((await health('/livez'))[0]).toBe(200)
  expect((await health('/startupz'))[0]).toBe(200)
  const before = performance.now()
  // Each look writes down its own time: asking makes none, one a second is the timer's. How quick: test/alone
  const looks = new Set<string>()
  for (let i = 0; i < 200; i++) looks.add((await health('/health'))[1])
  expect(looks.size).toBeLessThanOrEqual(Math.floor((performance.now() - before) / 1000) + 2)
  await own.end()
  await expect(fetch(`${own.url}/livez`)).rejects.toThrow()
})

test('figures for Prometheus', async () => {
  const text = await (await fetch(`${server.url}/metrics`)).text()
  expect(text).toMatch(/millrace_infer_requests_total\{deployment="lateness-api",outcome="ok"\} \d+/)
  expect(text).toMatch(/millrace_infer_rows_total\{deployment="lateness-api",arm="stable",version="1"\} \d+/)
  expect(text).toMatch(/millrace_build_info\{version="[\d.]+"/)
  expect(text).toMatch(/millrace_rollout_weight\{deployment="lateness-api"\} 0/)
})

import { mkdtempSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer } from '../../src/server/index.ts'
import { createToken, revokeToken } from '../../src/server/auth/tokens.ts'
import { post, testServer, type TestServer } from './harness.ts'
import { answeredJobs } from '../support/jobs.ts'

// Whatever the server refuses: by which code, with which status, and what next to it just is not refused.

let server: TestServer
const row = { p: 0.7, distance: 500, origin: 'SEA', date: null, code: null }
beforeAll(async () => {
  server = await testServer()
})
afterAll(() => server.end())

async function told(answer: Response): Promise<string> {
  const { code, title, hint } = (await answer.json()) as { code: string; title: string; hint: string }
  expect([title, hint].every(text => typeof text === 'string' && text.length > 0)).toBe(true)
  return `${answer.status} ${code}`
}
const predictAt = (url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  post(`${url}/v1/deployments/lateness-api/predict`, body, headers)
const predict = (body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  predictAt(server.url, body, headers)

test('a route or a method that is not there is told with what is', async () => {
  expect(await told(await fetch(`${server.url}/v1/nothing`))).toBe('404 MR5010')
  const wrong = await fetch(`${server.url}/v1/runs`, { method: 'DELETE' })
  expect(await told(wrong.clone())).toBe('405 MR5011')
  expect(await wrong.text()).toContain('but GET')
  expect((await fetch(`${server.url}/v1/runs`)).status).toBe(200)
})

test('a body is JSON of a known type, not nested deeper than 32', async () => {
  const nested = (depth: number): string => `{"rows":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`
  expect(await told(await predict('{"rows":'))).toBe('400 MR5013')
  expect(await told(await predict(''))).toBe('400 MR5013')
  expect(await told(await predict(nested(33)))).toBe('400 MR5014')
  expect(await told(await predict(nested(32)))).not.toContain('MR5014')
  expect(await told(await predict('{}', { 'content-type': 'text/csv' }))).toBe('415 MR5016')
  for (const type of ['application/json', 'application/json; charset=utf-8', 'application/vnd.x+json'])
    expect((await predict({ rows: [row] }, { 'content-type': type })).status).toBe(200)
})

test('what is asked for by name is there, or is told as unknown', async () => {
  const unknown = ['/v1/runs/none', '/v1/models/x/versions/1', '/v1/decisions/x', '/v1/datasets/x', '/v1/monitors/x']
  for (const path of unknown) expect([path, await told(await fetch(server.url + path))]).toEqual([path, '404 MR5020'])
  expect(await told(await post(`${server.url}/v1/deployments/none/predict`, { rows: [row] }))).toBe('404 MR5020')
  expect((await fetch(`${server.url}/v1/datasets/flights`)).status).toBe(200)
})

test('the scoring protocol of MLflow takes one form of rows, whole', async () => {
  const url = `${server.url}/invocations?deployment=lateness-api`
  const columns = Object.keys(row)
  const data = [Object.values(row)]
  const wrong = [
    { dataframe_records: [row], dataframe_split: { columns, data } },
    { inputs: [1] },
    {},
    { dataframe_records: [] },
    { dataframe_split: { columns } },
    { dataframe_split: { columns: [...columns, 'p'], data } },
    { dataframe_split: { columns, data: [[1]] } },
    { dataframe_split: { columns, data, colour: 1 } },
  ]
  for (const body of wrong) expect([body, await told(await post(url, body))]).toEqual([body, '400 MR5025'])
  expect((await post(url, { dataframe_split: { columns, data } })).status).toBe(200)
})

test('a host name or an origin of others is refused, an allowed one is not', async () => {
  const asked = (url: string, host: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const sent = request(`${url}/v1/project`, { headers: { host } }, answer => {
        let text = ''
        answer.on('data', (part: Buffer) => (text += part.toString()))
        answer.on('end', () => resolve(`${answer.statusCode} ${/MR\d+/.exec(text)?.[0] ?? ''}`))
      })
      sent.on('error', reject)
      sent.end()
    })
  const named = await testServer({ allowedHosts: ['ml.example'] })
  expect(await asked(named.url, 'evil.example')).toBe('403 MR5017')
  expect(await asked(named.url, 'ML.example:8080')).toBe('200 ')
  expect(await asked(server.url, 'ml.example')).toBe('403 MR5017')
  await named.end()
  expect(await told(await predict({ rows: [row] }, { origin: 'http://evil.example' }))).toBe('403 MR5018')
  expect(await told(await predict({ rows: [row] }, { 'sec-fetch-site': 'cross-site' }))).toBe('403 MR5018')
  expect((await predict({ rows: [row] }, { origin: server.url })).status).toBe(200)
})

test('without a token, and with one that has ended or does not reach, nothing is answered', async () => {
  const guarded = await testServer({ auth: true })
  const { token } = await createToken(guarded.workspace, { name: 'reader', scopes: ['read'] })
  const bearer = { authorization: `Bearer ${token}` }
  expect(await told(await fetch(`${guarded.url}/v1/project`))).toBe('401 MR6001')
  expect(await told(await predictAt(guarded.url, { rows: [row] }))).toBe('401 MR6001')
  expect((await fetch(`${guarded.url}/v1/project`, { headers: bearer })).status).toBe(200)
  expect(await told(await predictAt(guarded.url, { rows: [row] }, bearer))).toBe('403 MR5019')
  const unknown = revokeToken(guarded.workspace, 'nobody')
  await expect(unknown).rejects.toMatchObject({ code: 'MR5023' })
  await guarded.end()
})

test('8,192 rows wait at most; then callers are sent away, until there is room again', async () => {
  const own = await testServer()
  const { predict: answer } = own.deployment
  let [letGo, arrived] = [(): void => {}, (): void => {}]
  const held = new Promise<void>(resolve => (letGo = resolve))
  const there = new Promise<void>(resolve => (arrived = resolve))
  own.deployment.predict = async rows => {
    arrived()
    await held
    return answer.call(own.deployment, rows)
  }
  const first = predictAt(own.url, { rows: Array.from({ length: 8_191 }, () => row) })
  await there
  expect(await told(await predictAt(own.url, { rows: [row, row] }))).toBe('429 MR5027')
  const fits = predictAt(own.url, { rows: [row] })
  letGo()
  expect([(await first).status, (await fits).status]).toEqual([200, 200])
  expect((await predictAt(own.url, { rows: [row, row] })).status).toBe(200)
  await own.end()
})

test('a server that is closing says so, and that somebody else will answer', async () => {
  const own = await testServer({ unreadyMs: 1_500 })
  expect((await predictAt(own.url, { rows: [row] })).status).toBe(200)
  const ended = own.close()
  expect(await told(await predictAt(own.url, { rows: [row] }))).toBe('503 MR5022')
  expect(await told(await fetch(`${own.url}/v1/project`))).toBe('503 MR5022')
  await ended
  await own.end()
})

test('an address that this machine does not have is named', async () => {
  const { workspace, serving } = server
  const started = startServer({ workspace, serving, jobs: answeredJobs(), host: '192.0.2.1', port: 0, auth: true })
  await expect(started).rejects.toMatchObject({
    code: 'MR5002',
    details: { reason: 'this machine has no such address' },
  })
})

test('without its files the dashboard says how to build them; the API answers all the same', async () => {
  const own = await testServer({ webFolder: mkdtempSync(join(tmpdir(), 'millrace-no-web-')) })
  expect(await told(await fetch(`${own.url}/`))).toMatch(/MR5026$/)
  expect((await fetch(`${own.url}/v1/project`)).status).toBe(200)
  await own.end()
})

test('what nobody foresaw is answered by a reference that the log has with its reason', async () => {
  const lines: Record<string, unknown>[] = []
  const own = await testServer({ log: line => lines.push(line as Record<string, unknown>) })
  own.workspace.store.getRun = () => Promise.reject(new RangeError('boom at secret.ts:7'))
  const answer = await fetch(`${own.url}/v1/runs/any`)
  const text = await answer.clone().text()
  expect(await told(answer)).toBe('500 MR5021')
  expect(text).not.toContain('boom')
  const [line] = lines.filter(one => one.level === 'error')
  expect(String(line?.error)).toContain('boom at secret.ts:7')
  expect(text).toContain(String(line?.reference))
  await own.end()
})

test('the tracking interface refuses in its own form, with the code beside it', async () => {
  const at = (path: string): string => `${server.url}/api/2.0/mlflow/${path}`
  const create = () => post(at('experiments/create'), { name: 'nights' })
  const codeOf = async (answer: Response): Promise<string> => {
    const body = (await answer.json()) as { code: string; error_code: string; message: string }
    return `${answer.status} ${body.code} ${body.error_code}`
  }
  expect((await create()).status).toBe(200)
  expect(await codeOf(await create())).toBe('400 MR5041 RESOURCE_ALREADY_EXISTS')
  expect(await codeOf(await fetch(at('runs/get?run_id=none')))).toBe('404 MR5042 RESOURCE_DOES_NOT_EXIST')
  expect(await codeOf(await post(at('model-versions/create'), {}))).toMatch(/^404 MR5043 /)
  expect(await codeOf(await post(at('experiments/create'), {}))).toMatch(/^400 MR5040 /)
})

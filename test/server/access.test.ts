import { request } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { routeTable } from '../../src/server/app.ts'
import { createToken, listTokens, revokeToken, startServer } from '../../src/server/index.ts'
import { post, testServer, type TestServer } from './harness.ts'
import { answeredJobs } from '../support/jobs.ts'

let open: TestServer
let guarded: TestServer
beforeAll(async () => {
  open = await testServer()
  guarded = await testServer({ auth: true })
})
afterAll(async () => {
  await open.end()
  await guarded.end()
})

/** Public on purpose: probes carry no token, and signing in is what one does without being signed in. */
const publicRoutes = [
  'GET /health',
  'GET /livez',
  'GET /ping',
  'GET /readyz',
  'GET /startupz',
  'GET /v2/health/live',
  'GET /v2/health/ready',
  'GET /v2/models/{model}/ready',
  'GET /v2/models/{model}/versions/{version}/ready',
  'GET /version',
  'POST /v1/session',
]
const example = (path: string): string => path.replace(/\{\w+\*?\}/g, 'lateness-api')

test('every route needs a token but the public ones', async () => {
  expect(routeTable.length).toBeGreaterThan(60)
  const open = routeTable.filter(one => one.permission === 'public').map(one => `${one.method} ${one.path}`)
  expect(open.toSorted()).toEqual(publicRoutes)
  for (const one of routeTable.filter(entry => entry.permission !== 'public')) {
    const body = one.method === 'GET' ? undefined : '{}'
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(guarded.url + example(one.path), {
      method: one.method,
      headers,
      ...(body ? { body } : {}),
    })
    expect([one.method, one.path, answer.status]).toEqual([one.method, one.path, 401])
    await answer.arrayBuffer()
  }
})

test('a token opens what its scopes say, until it is revoked', async () => {
  const { token, record } = await createToken(guarded.workspace, { name: 'ci', scopes: ['read'], expiresIn: '1h' })
  expect(token).toMatch(/^mlr_[0-9a-z]{10}_/)
  const headers = { authorization: `Bearer ${token}` }
  expect((await fetch(`${guarded.url}/v1/project`, { headers })).status).toBe(200)
  const basic = { authorization: `Basic ${Buffer.from(`x:${token}`).toString('base64')}` }
  expect((await fetch(`${guarded.url}/v1/project`, { headers: basic })).status).toBe(200)
  const refused = await post(`${guarded.url}/v1/deployments/lateness-api:promote`, {}, headers)
  expect(refused.status).toBe(403)
  expect(((await refused.json()) as { code: string }).code).toBe('MR5019')
  expect(JSON.stringify(await listTokens(guarded.workspace))).not.toContain(token.slice(15))
  await revokeToken(guarded.workspace, record.id)
  await new Promise(resolve => setTimeout(resolve, 1100))
  expect((await fetch(`${guarded.url}/v1/project`, { headers })).status).toBe(401)
})

test('an expired or altered token is no token', async () => {
  const { token } = await createToken(guarded.workspace, { name: 'short', scopes: ['admin'], expiresIn: '1us' })
  for (const wrong of [token, `${token.slice(0, -1)}_`, 'mlr_x', '']) {
    const answer = await fetch(`${guarded.url}/v1/project`, { headers: { authorization: `Bearer ${wrong}` } })
    expect(answer.status).toBe(401)
  }
  await expect(createToken(guarded.workspace, { name: 'x', scopes: ['all'] })).rejects.toMatchObject({ code: 'MR5024' })
})

test('signing in opens a session that is not the token, and signing out ends it at once', async () => {
  const { token, record } = await createToken(guarded.workspace, { name: 'me', scopes: ['operate'] })
  const answer = await post(`${guarded.url}/v1/session`, { token })
  const cookie = answer.headers.get('set-cookie') ?? ''
  expect(cookie).toContain('HttpOnly')
  expect(cookie).toContain('SameSite=Strict')
  expect(cookie).not.toContain(token.slice(15))
  const headers = { cookie: cookie.split(';')[0] ?? '' }
  const project = (given: Record<string, string>): Promise<number> =>
    fetch(`${guarded.url}/v1/project`, { headers: given }).then(found => found.status)
  expect(await project(headers)).toBe(200)
  const who = (await (await fetch(`${guarded.url}/v1/session`, { headers })).json()) as unknown
  expect(who).toEqual({ name: 'me', scopes: ['operate'], auth: true })
  // A token in the cookie is no session
  expect(await project({ cookie: `millrace_session=${token}` })).toBe(401)
  const stored = JSON.stringify(await guarded.workspace.store.listDocuments('session'))
  expect(stored).not.toContain(headers.cookie.slice(-40))
  expect((await fetch(`${guarded.url}/v1/session`, { method: 'DELETE', headers })).status).toBe(200)
  expect(await project(headers)).toBe(401)
  expect(await project({ authorization: `Bearer ${token}` })).toBe(200)
  // A session ends with its token, too
  const again = {
    cookie: (await post(`${guarded.url}/v1/session`, { token })).headers.get('set-cookie')?.split(';')[0] ?? '',
  }
  expect(await project(again)).toBe(200)
  await revokeToken(guarded.workspace, record.id)
  await new Promise(resolve => setTimeout(resolve, 1100))
  expect(await project(again)).toBe(401)
})

test('wrong tokens are recorded and held back; right ones are not', async () => {
  const server = await testServer({ auth: true })
  const { token } = await createToken(server.workspace, { name: 'me', scopes: ['read'] })
  const wrong = (): Promise<number> =>
    post(`${server.url}/v1/session`, { token: 'mlr_no' }).then(answer => answer.status)
  expect(await wrong()).toBe(401)
  const refusals = async (): Promise<readonly unknown[]> =>
    (await server.workspace.store.listDecisions({ kind: 'access' })).map(one => one.rule.value)
  expect(await refusals()).toEqual([1])
  for (let i = 0; i < 4; i++) await wrong()
  const begun = performance.now()
  const held = Promise.all(Array.from({ length: 12 }, wrong))
  const headers = { authorization: `Bearer ${token}` }
  expect((await fetch(`${server.url}/v1/project`, { headers })).status).toBe(200)
  const right = performance.now() - begun
  expect(await held).toEqual(Array.from({ length: 12 }, () => 401))
  const all = performance.now() - begun
  expect(all).toBeGreaterThan(1_900)
  expect(right).toBeLessThan(all)
  // A request without any token is asked for one, and is no attempt
  expect((await fetch(`${server.url}/v1/project`)).status).toBe(401)
  expect(await refusals()).toEqual([16, 8, 4, 2, 1])
  await server.end()
})

function withHost(url: string, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { headers: { host } }, answer => {
      answer.resume()
      resolve(answer.statusCode ?? 0)
    })
    sent.on('error', reject)
    sent.end()
  })
}

test('foreign host names and origins are refused', async () => {
  expect(await withHost(`${open.url}/v1/project`, 'evil.example')).toBe(403)
  expect(await withHost(`${open.url}/v2`, 'evil.example:8080')).toBe(403)
  expect(await withHost(`${open.url}/livez`, '10.0.0.7:8080')).toBe(200)
  expect(await withHost(`${open.url}/v1/project`, 'localhost:1')).toBe(200)
  const url = `${open.url}/v1/deployments/lateness-api:promote`
  for (const headers of [{ origin: 'http://evil.example' }, { 'sec-fetch-site': 'cross-site' }] as Record<
    string,
    string
  >[])
    expect((await post(url, {}, headers)).status).toBe(403)
  const own = await post(url, {}, { origin: open.url })
  expect(own.status).toBe(409)
})

test('no open address without tokens, and a taken port is named', async () => {
  const { workspace, serving } = open
  await expect(
    startServer({ workspace, serving, jobs: answeredJobs(), host: '0.0.0.0', port: 0 }),
  ).rejects.toMatchObject({
    code: 'MR5003',
  })
  const port = Number(new URL(open.url).port)
  await expect(startServer({ workspace, serving, jobs: answeredJobs(), port })).rejects.toMatchObject({
    code: 'MR5001',
  })
})

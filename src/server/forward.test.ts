import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BareApp, bareApp } from '../../test/support/bare-app.ts'
import { routeTable } from './app.ts'

// One that follows asks the one that leads: whoever asked hears the same, whichever was asked.

const seen: {
  readonly url: string
  readonly method: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}[] = []
const leader = createServer((request, response) => {
  let body = ''
  request.setEncoding('utf8').on('data', (text: string) => (body += text))
  request.on('end', () => {
    seen.push({ url: request.url ?? '', method: request.method ?? '', headers: request.headers, body })
    response.writeHead(request.method === 'GET' ? 200 : 409, { 'content-type': 'application/problem+json' })
    response.end('{"code":"MR5009"}')
  })
})
let [leads, url]: [boolean, string | undefined] = [false, undefined]
let app: BareApp
let address = ''
beforeAll(async () => {
  await new Promise<void>(done => leader.listen(0, '127.0.0.1', done))
  address = `http://127.0.0.1:${(leader.address() as AddressInfo).port}`
  app = await bareApp({ lead: { leads: () => leads, url: () => url } })
})
afterAll(async () => {
  leader.close()
  await app.close()
})

describe('one that follows', () => {
  it('passes on what the leader answers for, with who asks and what, and gives its answer whole', async () => {
    url = address
    const headers = { authorization: 'Bearer abc', 'x-other': 'no' }
    const answer = await app.ask('POST', '/v1/deployments/api:rollout?x=1', { version: 2 }, headers)
    expect(answer).toMatchObject({ status: 409, text: '{"code":"MR5009"}' })
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(seen.pop()).toMatchObject({
      url: '/v1/deployments/api:rollout?x=1',
      method: 'POST',
      body: '{"version":2}',
      headers: { authorization: 'Bearer abc', 'content-type': 'application/json', 'x-millrace-forwarded': '1' },
    })
    expect(await app.ask('GET', '/v1/deployments')).toMatchObject({ status: 200 })
    const last = seen.pop()
    expect([last?.url, last?.headers['x-other']]).toEqual(['/v1/deployments', undefined])
  })

  it('answers by itself what needs no leader, and all of it where it leads', async () => {
    url = address
    expect((await app.ask('GET', '/v1/runs')).status).toBe(200)
    leads = true
    expect((await app.ask('GET', '/v1/deployments')).status).toBe(200)
    leads = false
    expect(seen).toEqual([])
  })

  it('says so where none leads, where it cannot be reached, and where it has just let go', async () => {
    const refused = async (reason: RegExp, headers = {}): Promise<void> => {
      const answer = await app.ask('GET', '/v1/deployments/api', undefined, headers)
      expect(answer).toMatchObject({ status: 503, body: { code: 'MR5050' } })
      expect(answer.text).toMatch(reason)
    }
    for (const unknown of [undefined, '']) {
      url = unknown
      await refused(/none is known yet/)
    }
    url = 'http://127.0.0.1:9'
    await refused(/cannot be reached/)
    url = address
    await refused(/has let go/, { 'x-millrace-forwarded': '1' })
    expect(seen).toEqual([])
  })

  it('passes on everything about deployments, and nothing else of the control plane', () => {
    const passed = routeTable.filter(one => one.byLeader).map(one => one.path)
    const about = routeTable
      .filter(one => one.tag === 'deployments' && one.permission !== 'predict')
      .map(one => one.path)
    expect(passed.toSorted()).toEqual(about.toSorted())
    expect(passed.length).toBeGreaterThan(7)
  })
})

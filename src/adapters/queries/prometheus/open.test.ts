import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openPrometheus } from './open.ts'

// What a server may answer; a real Prometheus is asked in test/peers/prometheus.test.ts.

let server: Server
let url: string
let answer: { readonly status?: number; readonly body: string; readonly location?: string }
const asked: { readonly path: string; readonly token: string | undefined; readonly body: string }[] = []
beforeAll(async () => {
  server = createServer((request, response) => {
    let body = ''
    request.on('data', part => (body += String(part)))
    request.on('end', () => {
      asked.push({ path: request.url ?? '', token: request.headers.authorization, body })
      response.writeHead(answer.status ?? 200, answer.location === undefined ? {} : { location: answer.location })
      response.end(answer.body)
    })
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => new Promise(done => server.close(done)))

const success = (resultType: string, result: unknown): string =>
  JSON.stringify({ status: 'success', data: { resultType, result } })
const told = (body: string, status = 200) => {
  answer = { status, body }
  return openPrometheus(url).ask('up')
}

it('gives one number, or none', async () => {
  expect(await told(success('vector', [{ metric: {}, value: [1, '0.25'] }]))).toBe(0.25)
  expect(await told(success('scalar', [1, '-3e-2']))).toBe(-0.03)
  expect(await told(success('vector', []))).toBeNull()
})

it.each([
  ['several series', success('vector', [{ value: [1, '1'] }, { value: [1, '2'] }]), 200, 'it gives 2 series'],
  ['no number', success('scalar', [1, 'NaN']), 200, 'it gives NaN'],
  ['an infinite one', success('scalar', [1, '+Inf']), 200, 'it gives +Inf'],
  [
    'an error of its own',
    '{"status":"error","error":"parse error: unexpected end"}',
    400,
    'parse error: unexpected end',
  ],
  ['a range', success('matrix', []), 200, 'no answer of Prometheus'],
  ['a page', '<html>', 503, 'status 503'],
  ['more than a number takes', ' '.repeat(2 ** 20 + 1), 200, 'more than 1 MiB'],
])('%s is no answer', async (_, body, status, reason) => {
  await expect(told(body, status)).rejects.toMatchObject({ code: 'MR4150', message: expect.stringContaining(reason) })
})

it('asks below a path, with a token that it gives nobody else, and says who is away', async () => {
  answer = { body: success('scalar', [1, '1']) }
  await openPrometheus(`${url}/prom/`, 'secret').ask('sum(rate(a[5m])) > 0 & b')
  expect(asked.at(-1)).toEqual({
    path: '/prom/api/v1/query',
    token: 'Bearer secret',
    body: 'query=sum%28rate%28a%5B5m%5D%29%29+%3E+0+%26+b',
  })
  answer = { status: 307, body: '', location: `${url}/elsewhere` }
  const before = asked.length
  await expect(openPrometheus(url, 'secret').ask('up')).rejects.toMatchObject({ code: 'MR4150' })
  expect(asked.length).toBe(before + 1)
  await expect(openPrometheus('http://127.0.0.1:9').ask('up')).rejects.toMatchObject({ code: 'MR4150' })
})

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { project } from '../index.ts'
import { queriesOf } from './settings.ts'

const names = ['MILLRACE_TEST_PROM_URL', 'MILLRACE_TEST_PROM_TOKEN'] as const
afterEach(() => {
  for (const name of names) delete process.env[name]
})

it('a Prometheus is asked by what the variables hold, once it is needed', async () => {
  const tokens: (string | undefined)[] = []
  const server = createServer((request, response) => {
    tokens.push(request.headers.authorization)
    response.end(JSON.stringify({ status: 'success', data: { resultType: 'scalar', result: [1, '7'] } }))
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const [urlFrom, tokenFrom] = names
  const queries = queriesOf(project('shop', {}, { prometheus: { urlFrom, tokenFrom } }))
  expect(queriesOf(project('shop', {}))).toBeUndefined()
  // whoever trains needs no Prometheus
  await expect(queries?.()).rejects.toThrow(/MILLRACE_TEST_PROM_TOKEN that holds the Prometheus token is not set/)
  process.env[tokenFrom] = 'secret'
  await expect(queries?.()).rejects.toThrow(/MILLRACE_TEST_PROM_URL that holds the Prometheus URL is not set/)
  process.env[urlFrom] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  expect(await (await queries?.())?.ask('up')).toBe(7)
  const plain = queriesOf(project('shop', {}, { prometheus: { urlFrom } }))
  expect(await (await plain?.())?.ask('up')).toBe(7)
  expect(tokens).toEqual(['Bearer secret', undefined])
  await new Promise(done => server.close(done))
})

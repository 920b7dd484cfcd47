import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { project } from '../index.ts'
import { queriesOf, resolved, settingsOf, urlIn } from './settings.ts'

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

it.each([
  ['online', 'redis', 'Redis URL'],
  ['online', 'postgres', 'PostgreSQL URL'],
  ['metadata', 'postgres', 'PostgreSQL URL'],
  ['data', 'sparkConnect', 'Spark Connect URL'],
] as const)('%s of kind %s needs what its variable holds', async (name, kind, of) => {
  delete process.env[names[0]]
  const own = project('shop', {}, { [name]: { kind, urlFrom: names[0] } } as never)
  const context = { project: own, root: '/nowhere', folder: '/nowhere', note: () => undefined }
  await expect(resolved(name, context)).rejects.toMatchObject({
    code: 'MR1116',
    exit: 2,
    details: { variable: names[0], what: of },
  })
  // a variable that is set to nothing is not set
  process.env[names[0]] = ''
  expect(() => urlIn(names[0], of)).toThrow(/is not set/)
})

it('everything is on this machine where a project says nothing, one by one', () => {
  const kinds = (settings: object) =>
    Object.fromEntries(
      Object.entries(settingsOf(project('shop', {}, settings as never))).map(
        ([name, { kind }]) => [name, kind] as const,
      ),
    )
  const plain = { metadata: 'sqlite', artifacts: 'files', data: 'duckdb', online: 'lmdb', run: 'inline', keys: 'local' }
  expect(kinds({})).toEqual(plain)
  expect(kinds({ run: { kind: 'process' } })).toEqual({ ...plain, run: 'process' })
})

import { once } from 'node:events'
import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { join, resolve } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { startUp, type Server } from '../support/command.ts'
import { inside } from '../support/inside.ts'
import { refused } from '../support/refused.ts'
import { runningProject, until } from '../support/running.ts'

// `up` that speaks TLS: to whom it is shown, to commands of this machine, and over a renewal. The certificates are of
// test/fixtures/tls, good for a hundred years.

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const fixture = (name: string): string => resolve('test/fixtures/tls', name)
let root: string
let server: Server
const flags = ['--tls-cert', 'tls.crt', '--tls-key', 'tls.key']
const use = async (name: 'first' | 'second'): Promise<void> => {
  for (const end of ['crt', 'key']) await copyFile(fixture(`${name}.${end}`), join(root, `tls.${end}`))
}

beforeAll(async () => {
  root = await runningProject('')
  await use('first')
  server = await startUp(root, flags)
})
afterAll(async () => void (await server.end('SIGKILL')))

/** The name in the certificate that is shown, to one who trusts it, with the status of the answer. */
async function shown(trusted: 'first' | 'second', path = '/livez', headers = {}): Promise<[string, number, Headers]> {
  const ca = await readFile(fixture(`${trusted}.crt`))
  const asked = request(`${server.url}${path}`, {
    ca,
    headers,
    agent: false,
    method: path === '/livez' ? 'GET' : 'POST',
  })
  asked.end(path === '/livez' ? undefined : JSON.stringify({ token: 'x' }))
  const [answer] = (await once(asked, 'response')) as [import('node:http').IncomingMessage]
  answer.resume()
  const { subject } = (answer.socket as TLSSocket).getPeerCertificate()
  return [String(subject.CN), answer.statusCode ?? 0, new Headers(answer.headers as Record<string, string>)]
}

it('speaks TLS, and nothing else on that port', async () => {
  expect(server.url).toMatch(/^https:/)
  expect((await shown('first')).slice(0, 2)).toEqual(['first.example', 200])
  await expect(shown('second')).rejects.toThrow(/self-signed|certificate/)
  await expect(fetch(server.url.replace('https:', 'http:'))).rejects.toThrow()
})

it('is asked by commands of this machine, which need trust nobody: they know its file', async () => {
  expect((await inside(root, ['rollout', 'status'])).out).toContain('nothing is deployed')
  refused(await inside(root, ['rollout', 'abort']), 2, 'MR1112', 'rollout')
  // another's certificate in that file: nothing is sent to whom it does not show
  await writeFile(join(root, 'tls.crt'), await readFile(fixture('second.crt')))
  const said = await inside(root, ['rollout', 'abort'])
  expect(said.code).not.toBe(0)
  expect(said.said).toContain('it shows another certificate')
})

it('takes a renewed certificate as it comes, and keeps the old one while the files are not of each other', async () => {
  // a certificate without its key lies there since the last test
  await until('the warning', async () => server.said().includes('the old certificate stays') || false)
  expect((await shown('first'))[0]).toBe('first.example')
  await use('second')
  await until('the renewal', async () => {
    const name = await shown('second').then(
      ([found]) => found,
      () => '',
    )
    return name === 'second.example' || false
  })
  expect(server.said()).toContain('the certificate was renewed')
})

it('refuses what is no certificate and key, half of them, and gRPC in the clear beside it', async () => {
  await writeFile(join(root, 'no.key'), 'no key')
  refused(await inside(root, ['up', '--tls-cert', 'tls.crt', '--tls-key', 'no.key']), 2, 'MR5052', 'no.key')
  refused(await inside(root, ['up', '--tls-cert', 'none.crt', '--tls-key', 'tls.key']), 2, 'MR5052', 'none.crt')
  refused(await inside(root, ['up', '--tls-cert', 'tls.crt']), 2, 'MR1101', '--tls-key')
  refused(await inside(root, ['up', ...flags, '--grpc-port', '0']), 2, 'MR5053', 'gRPC')
  refused(await inside(root, ['up', ...flags, '--workers', '2']), 2, 'MR5053', 'workers')
})

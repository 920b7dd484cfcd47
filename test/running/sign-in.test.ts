import { readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { startUp } from '../support/command.ts'
import { inside as millrace } from '../support/inside.ts'
import { runningProject } from '../support/running.ts'

const secret = /ml[rs]_[0-9a-z]+_[0-9A-Za-z_-]{43}/

it('up --auth writes no token anywhere, and its commands and people get in all the same', async () => {
  const root = await runningProject('')
  for (const words of [['train'], ['deploy'], ['train']]) expect(await millrace(root, words)).toMatchObject({ code: 0 })
  const server = await startUp(root, ['--auth'])
  onTestFinished(() => void server.child.kill('SIGKILL'))
  expect((await fetch(`${server.url}/v1/project`)).status).toBe(401)

  // A command of this machine
  expect(await millrace(root, ['deploy', 'orders-api'])).toMatchObject({ code: 0 })
  expect(await millrace(root, ['rollout', 'pause', 'orders-api'])).toMatchObject({ code: 0 })

  // A person on this machine
  const made = await millrace(root, ['token', 'create', 'me', '--scope', 'admin', '--expires-in', '1h'])
  const token = secret.exec(made.out)?.[0] ?? ''
  const headers = { authorization: `Bearer ${token}` }
  const answer = await fetch(`${server.url}/v1/tokens`, { headers })
  expect(answer.status).toBe(200)
  // What commands made for themselves is gone again
  expect(((await answer.json()) as { tokens: { name: string }[] }).tokens.map(one => one.name)).toEqual(['me'])

  expect(server.printed() + server.said()).not.toMatch(secret)
  const folder = join(root, '.millrace')
  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (entry.isFile()) {
      const text = await readFile(join(folder, entry.name), 'latin1')
      expect(secret.exec(text)?.[0] ?? '', entry.name).toBe('')
    }
  expect(await server.end('SIGTERM')).toBe(0)
})

it('listens where the project says, unless a flag says otherwise', async () => {
  const root = await runningProject('')
  const file = join(root, 'millrace.config.ts')
  const serve = "{ serve: { host: '127.0.0.3', port: 0, auth: true } }"
  await writeFile(file, (await readFile(file, 'utf8')).replace('api, watch })', `api, watch }, ${serve})`))
  const server = await startUp(root, [], [])
  onTestFinished(() => void server.child.kill('SIGKILL'))
  expect(server.url).toMatch(/^http:\/\/127\.0\.0\.3:\d+$/)
  expect(server.url).not.toContain(':8790')
  expect((await fetch(`${server.url}/v1/project`)).status).toBe(401)
  expect(await server.end('SIGTERM')).toBe(0)
  const other = await startUp(root, ['--host', '127.0.0.1'])
  onTestFinished(() => void other.child.kill('SIGKILL'))
  expect(other.url).toMatch(/^http:\/\/127\.0\.0\.1:/)
  expect(await other.end('SIGTERM')).toBe(0)
})

it('listens on port 8790 of this machine where nothing is said', async () => {
  const root = await runningProject('')
  const taken = createServer()
  // whoever has it already has it as well
  await new Promise<void>(done => taken.once('error', () => done()).listen(8790, '127.0.0.1', done))
  onTestFinished(() => void taken.close())
  const refused = await millrace(root, ['up', '--json'])
  expect(JSON.parse(refused.out)).toMatchObject({ error: { details: { port: 8790, host: '127.0.0.1' } } })
})

it('names of tokens and keys are one line of 1 to 100 characters', async () => {
  const root = await runningProject('')
  vi.stubEnv('MILLRACE_KEY_PASSPHRASE', 'open')
  onTestFinished(() => void vi.unstubAllEnvs())
  for (const name of ['', '  ', 'a\nb', 'x'.repeat(5_000)]) {
    expect(await millrace(root, ['token', 'create', name])).toMatchObject({ code: 2, out: '' })
    expect(await millrace(root, ['keys', 'create', name])).toMatchObject({ code: 2, out: '' })
  }
  expect((await millrace(root, ['token', 'list', '--json'])).out.trim()).toMatch(/\[\]/)
})

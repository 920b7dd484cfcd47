import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openWorkspace } from '../src/config/workspace.ts'
import { project } from '../src/index.ts'
import { ownIdentity } from '../src/internal/process-identity.ts'
import { isHeldLock, takeFileLock } from '../src/internal/file-lock.ts'
import { millrace, startUp, type Said } from './support/command.ts'
import { inside } from './support/inside.ts'
import { refused } from './support/refused.ts'

// What a command is refused because of another process, or of what one left behind.

let root: string
const run = (...words: string[]): Promise<Said> => inside(root, words)
const config = (
  api = "deployment('api', { model: m })",
): string => `import { csv, dataset, deployment, gbt, model, project, t } from 'millrace'
const d = dataset('d', { source: csv('data/*.csv'), columns: { at: t.timestamp('UTC'), x: t.float() }, eventTime: 'at' })
const m = model('m', { task: 'regression', from: d, label: c => c.x, inputs: c => ({ hour: c.at.hour() }), split: { by: 'time', train: '2d', test: '1d' }, train: gbt({ trees: 1 }) })
export default project('p', { d, m, api: ${api} })
`
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'millrace-others-'))
  mkdirSync(join(root, 'data'))
  const rows = Array.from(
    { length: 96 },
    (_, i) => `${new Date(Date.UTC(2026, 0, 1) + i * 3_600_000).toISOString().slice(0, 19)},${i % 7}`,
  )
  writeFileSync(join(root, 'data', 'a.csv'), `at,x\n${rows.join('\n')}\n`)
  writeFileSync(join(root, 'millrace.config.ts'), config())
  expect(await run('train')).toMatchObject({ code: 0 })
})
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

test('a running server refuses in its own words what it would refuse over HTTP, and does what it does not', async () => {
  const server = await startUp(root)
  try {
    refused(await run('deploy', '--version', '9'), 2, 'MR1112', 'm@9', server.url)
    refused(await run('rollout', 'abort'), 2, 'MR1112', 'no rollout')
    expect(await run('deploy')).toMatchObject({ code: 0 })
  } finally {
    expect(await server.end()).toBe(0)
  }
})

test('a server that does not answer is named with its process', async () => {
  const closed = createServer()
  await new Promise<void>(done => closed.listen(0, '127.0.0.1', done))
  const { port } = closed.address() as AddressInfo
  await new Promise(done => closed.close(done))
  const state = join(root, '.millrace')
  const held = await takeFileLock(join(state, 'server.lock'), 0)
  if (!isHeldLock(held)) throw new Error('the lock is not free')
  const process_ = { host: hostname(), bootId: 'b', pid: process.pid, startTime: '1' }
  writeFileSync(
    join(state, 'server.json'),
    JSON.stringify({ url: `http://127.0.0.1:${port}`, auth: false, process: process_ }),
  )
  try {
    refused(await run('deploy'), 3, 'MR1111', String(process.pid))
  } finally {
    held.release()
    rmSync(join(state, 'server.json'))
  }
})

test('a run is gone on with by one process, if what it was made from is still there', async () => {
  const workspace = await openWorkspace(root, { project: project('p', {}) })
  const [made] = await workspace.store.listRuns({ kind: 'pipeline' })
  if (!made) throw new Error('no run')
  const { lease: _, endedAt: __, ...rest } = made
  const now = workspace.clock.now()
  const owner = ownIdentity()
  await workspace.store.createRun({ ...rest, id: 'held', status: 'running' })
  await workspace.store.acquireRunLease('held', owner, now + 600_000_000, now)
  await workspace.store.createRun({
    ...rest,
    id: 'gone',
    name: 'train-gone',
    parameters: { ...rest.parameters, model: 'gone' },
    status: 'running',
  })
  await workspace.close()
  refused(await millrace(root, ['runs', 'resume', 'held']), 2, 'MR3041', String(process.pid))
  refused(await run('runs', 'resume', 'gone'), 2, 'MR3043', 'gone')
  refused(await run('runs', 'resume', made.id), 2, 'MR3042')
})

test('data that training cannot use is told by code, in JSON too', async () => {
  const failed = async (): Promise<unknown> =>
    (JSON.parse((await run('train', '--json')).out) as { error: unknown }).error
  writeFileSync(
    join(root, 'millrace.config.ts'),
    config().replace("test: '1d'", "test: '1d', until: '2020-01-01T00:00:00Z'"),
  )
  expect(await failed()).toMatchObject({ code: 'MR2007' })
  writeFileSync(
    join(root, 'millrace.config.ts'),
    config().replace('hour: c.at.hour()', 'far: c.at.hour().plus(1).times(1e300).times(1e300)'),
  )
  expect(await failed()).toMatchObject({ code: 'MR4008' })
  writeFileSync(join(root, 'millrace.config.ts'), config())
})

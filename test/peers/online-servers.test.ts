import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openRedis } from '../../src/adapters/online/redis/store.ts'
import { startServer, type RunningServer } from '../../src/server/index.ts'
import { LiveServing } from '../../src/stages/serve/serving.ts'
import { answeredJobs } from '../support/jobs.ts'
import { afterRides, hour, trainedProject, type Trained } from '../support/trained-project.ts'

// Servers that share an online store on a Redis server of this test's own, which goes away in the middle and comes back.

const has = process.env['MILLRACE_TEST_REDIS'] !== undefined
if (!has) console.warn('SKIPPED: MILLRACE_TEST_REDIS is not set; scripts/test-peers.sh starts a server to test with')

const folder = mkdtempSync(join(tmpdir(), 'millrace-redis-'))
let port = 0
let redis: ChildProcess | undefined

const freePort = (): Promise<number> =>
  new Promise(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port: free } = server.address() as { port: number }
      server.close(() => resolve(free))
    })
  })

async function startRedis(): Promise<void> {
  redis = spawn(
    'redis-server',
    ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder, '--appendonly', 'yes', '--appendfsync', 'always'],
    { stdio: 'ignore' },
  )
  for (let tries = 0; tries < 200; tries++) {
    const isUp = await new Promise<boolean>(resolve => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false))
      socket.unref()
    })
    if (isUp) return
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  throw new Error('redis-server does not start')
}

async function killRedis(): Promise<void> {
  const gone = new Promise(resolve => redis?.once('close', resolve))
  redis?.kill('SIGKILL')
  await gone
}

interface Answer {
  readonly status: number
  readonly body: { readonly predictions?: readonly Record<string, unknown>[]; readonly code?: string }
}

describe.skipIf(!has)('servers on one Redis', () => {
  let trained: Trained
  const open: { server: RunningServer; serving: LiveServing }[] = []

  beforeAll(async () => {
    port = await freePort()
    await startRedis()
    trained = await trainedProject()
  })
  afterAll(async () => {
    for (const { server, serving } of open) {
      await server.close()
      await serving.close().catch(() => undefined)
    }
    await trained.close()
    await killRedis()
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  })

  async function serverOf(name: string, unreachable: 'refuse' | 'stale') {
    const { project } = trained.deployed(name)
    const own = {
      ...project,
      settings: { online: { kind: 'redis', urlFrom: 'NOT_READ_HERE', unreachable } },
    } as typeof project
    const store = await openRedis(`redis://127.0.0.1:${port}`)
    const workspace = { ...trained.workspace, project: own }
    const serving = await LiveServing.open(workspace, store)
    await serving.get(name)?.deploy(trained.versions.good, 'test')
    const server = await startServer({ workspace, serving, jobs: answeredJobs(), port: 0, log: () => undefined })
    open.push({ server, serving })
    /** The features that its views have of that ride. */
    const seen = async (): Promise<number[]> => {
      const [view] = serving.views.list()
      const out = new Float64Array(2)
      await view?.read('north', afterRides + hour, out)
      return [...out]
    }
    const ask = async (method: string, path: string, body: unknown): Promise<Answer> => {
      const answer = await fetch(server.url + path, {
        method,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      return { status: answer.status, body: (await answer.json()) as Answer['body'] }
    }
    return Object.assign(ask, { seen })
  }

  const at = new Date((afterRides + hour) / 1000).toISOString()
  const ride = { at, zone: 'north', km: 12 }

  test('see each other’s pushes at once, go on without the store as the project says, and with it when it is back', async () => {
    const one = await serverOf('one', 'stale')
    const other = await serverOf('other', 'refuse')
    const predict = (server: typeof one, name: string) =>
      server('POST', `/v1/deployments/${name}/predict`, { rows: [ride] })
    const before = await predict(other, 'other')
    expect(before.status).toBe(200)
    const [hadRides = 0] = await other.seen()

    // pushed at one, in the answer of the other
    const rows = Array.from({ length: 5 }, (_, i) => ({
      at: new Date((afterRides + i * 60_000_000) / 1000).toISOString(),
      zone: 'north',
      km: 35,
      late: true,
    }))
    expect((await one('POST', '/v1/datasets/rides:push', { rows })).status).toBe(200)
    expect((await other.seen())[0]).toBe(hadRides + 5)
    expect(await other.seen()).toEqual(await one.seen())
    const own = await predict(one, 'one')

    await killRedis()
    const [stale, refused] = [await predict(one, 'one'), await predict(other, 'other')]
    expect([stale.status, stale.body.predictions?.[0]]).toMatchObject([
      200,
      { score: own.body.predictions?.[0]?.['score'], unreachable: ['recent'] },
    ])
    expect([refused.status, refused.body.code]).toEqual([503, 'MR2060'])
    // what is pushed meanwhile is kept in the log, and the sender hears that it is not served
    const away = { at: new Date((afterRides + 600_000_000) / 1000).toISOString(), zone: 'north', km: 1, late: false }
    expect((await one('POST', '/v1/datasets/rides:push', { rows: [away] })).status).toBe(503)

    await startRedis()
    await expect.poll(async () => (await predict(other, 'other')).status, { timeout: 20_000, interval: 200 }).toBe(200)
    // sent again, as whoever is not answered does: it counts once
    await expect
      .poll(async () => (await one('POST', '/v1/datasets/rides:push', { rows: [away] })).status, { timeout: 20_000 })
      .toBe(200)
    expect((await predict(one, 'one')).body.predictions?.[0]).not.toHaveProperty('unreachable')
    for (const server of [one, other]) expect((await server.seen())[0]).toBe(hadRides + 6)
  })
})

import { cp, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { millrace, type Server, startUp } from '../support/command.ts'
import { orders, runningProject, until } from '../support/running.ts'

// Several real `up` on one PostgreSQL and one folder: one truth, whoever is asked and whoever dies.

const postgres = process.env['MILLRACE_TEST_POSTGRES']
if (postgres === undefined)
  console.warn('SKIPPED: MILLRACE_TEST_POSTGRES is not set; see scripts/peers/postgres.sh for a server to test with')

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

interface View {
  readonly rollout: {
    readonly phase: string
    readonly hold: string | null
    readonly requests: { readonly stable: number; readonly canary: number }
    readonly shadow: { readonly rows: number; readonly flips: number }
    readonly losses: { readonly n: number }
  } | null
  readonly decisions: readonly { readonly verdict: string; readonly reason: string }[]
  readonly status: {
    readonly stable: { readonly version: number } | null
    readonly labels: { readonly waiting: number }
  }
}

const database = `instances_${process.pid}`
let root: string
const running = new Set<Server>()

async function admin(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: postgres })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

async function start(options: readonly string[] = []): Promise<Server> {
  const server = await startUp(root, options)
  running.add(server)
  return server
}

async function end(server: Server, signal: NodeJS.Signals): Promise<number | string> {
  running.delete(server)
  return server.end(signal)
}

async function ask<T = View>(server: Server, path: string, body?: unknown): Promise<T> {
  const sent = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
  const answer = await fetch(`${server.url}/v1/deployments/${path}`, {
    headers: { 'content-type': 'application/json' },
    ...sent,
  })
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
  return (await answer.json()) as T
}

let sent = 0
/** Rows with ids of their own, in requests of 50; gives the ids. */
async function predict(server: Server, count: number): Promise<readonly string[]> {
  const ids: string[] = []
  for (let i = 0; i < count; i += 50) {
    const rows = orders(50, ++sent).map(({ weight, distance }) => ({ weight, distance }))
    const own = rows.map((_, k) => `p${sent}-${k}`)
    await ask(server, 'orders-api/predict', { rows, ids: own })
    ids.push(...own)
  }
  return ids
}

const leads = (server: Server): boolean => server.said().includes('this instance leads')
/** The rollout as it is when everything that was sent is heard. */
const rows = (server: Server, count: number): Promise<View> =>
  until(`${count} rows`, async () => {
    const view = await ask(server, 'orders-api').catch(() => undefined)
    return view?.rollout?.shadow.rows === count ? view : undefined
  })

describe.runIf(postgres !== undefined)('instances on one store', () => {
  beforeAll(async () => {
    await admin(`create database ${database}`)
    const url = new URL(postgres as string)
    url.pathname = `/${database}`
    process.env['INSTANCES_DATABASE_URL'] = url.href
    root = await runningProject('', 10)
    const config = join(root, 'millrace.config.ts')
    const written = (await readFile(config, 'utf8'))
      .replace(
        '{ model: lateness })',
        "{ model: lateness, canary: { shadowRows: 1_000, minRequests: 100, steps: ['50%'], slower: 1_000, timeout: '30s', bake: '1s', expected: { flipRate: 1 } } })",
      )
      .replace('api, watch })', "api, watch }, { metadata: { kind: 'postgres', urlFrom: 'INSTANCES_DATABASE_URL' } })")
    await writeFile(config, written)
    expect(await millrace(root, ['train'])).toMatchObject({ code: 0 })
    await writeFile(config, written.replace('trees: 10', 'trees: 12'))
    expect(await millrace(root, ['train'])).toMatchObject({ code: 0 })
    expect(await millrace(root, ['deploy', 'orders-api', '--version', '1'])).toMatchObject({ code: 0 })
  })
  afterEach(async () => {
    for (const server of running) await end(server, 'SIGKILL')
  })
  afterAll(() => admin(`drop database if exists ${database} with (force)`))

  it('hears of everything that any of them is asked and told, and goes on where the one that led has died', async () => {
    const [first, second] = [await start(), await start()]
    expect([leads(first), leads(second)]).toEqual([true, false])

    // asked of one that follows
    await ask(second, 'orders-api:rollout', { version: 2 })
    await until(
      'both try it',
      async () => (
        await ask<{ predictions: { arm: string }[] }>(second, 'orders-api/predict', {
          rows: [{ weight: 1, distance: 1 }],
        }),
        (await ask(second, 'orders-api')).rollout?.phase === 'shadow'
      ),
    )
    await until('the follower shadows', async () => {
      await predict(second, 50)
      return ((await ask(first, 'orders-api')).rollout?.shadow.rows ?? 0) > 0
    })
    const before = (await until('it is quiet', async () => {
      const one = (await ask(first, 'orders-api')).rollout?.shadow.rows
      await new Promise(done => setTimeout(done, 2_000))
      return one === (await ask(first, 'orders-api')).rollout?.shadow.rows ? one : undefined
    })) as number
    const [mine, theirs] = [await predict(first, 200), await predict(second, 200)]
    await rows(first, before + 400)
    // labels come to whoever is asked
    await ask(second, 'orders-api/feedback', { labels: mine.map(id => ({ id, label: true })) })
    await ask(first, 'orders-api/feedback', { labels: theirs.map(id => ({ id, label: false })) })
    await until('labels', async () => (await ask(second, 'orders-api')).status.labels.waiting === 400)

    // What came in the last second and a half a kill may take, as the guide says; nothing else
    await new Promise(done => setTimeout(done, 1_500))
    await end(first, 'SIGKILL')
    await until('the other leads', async () => leads(second), 30)
    expect(await ask(second, 'orders-api')).toMatchObject({
      rollout: { phase: 'shadow', shadow: { rows: before + 400 } },
      status: { labels: { waiting: 400 } },
    })
    const third = await start()
    expect(leads(third)).toBe(false)
    await until('the first step', async () => {
      for (const one of [second, third]) await predict(one, 50)
      return (await ask(third, 'orders-api')).rollout?.phase !== 'shadow'
    })
    await until('the end', async () => {
      for (const one of [second, third]) await predict(one, 50)
      return (await ask(third, 'orders-api')).status.stable?.version === 2
    })
    const { decisions } = await ask(second, 'orders-api')
    expect(decisions.map(one => one.verdict).toSorted()).toEqual([
      'advanced',
      'completed',
      'promoted',
      'promoted',
      'promoted',
    ])
    // Both answer by the new version
    for (const one of [second, third])
      await until('version 2', async () => {
        const { predictions } = await ask<{ predictions: { version: number }[] }>(one, 'orders-api/predict', {
          rows: [{ weight: 1, distance: 1 }],
        })
        return predictions[0]?.version === 2
      })
    expect([await end(second, 'SIGTERM'), await end(third, 'SIGTERM')]).toEqual([0, 0])
  })

  it('is asked by the others where it says that it can be reached', async () => {
    const first = await start(['--advertise', 'http://127.0.0.1:9/'])
    const second = await start()
    expect((await ask(first, 'orders-api')).status.stable).toBeTruthy()
    const answer = await until('the address', async () => {
      const one = await fetch(`${second.url}/v1/deployments/orders-api`)
      const said = (await one.json()) as { code: string; title: string }
      return /none is known/.test(JSON.stringify(said)) ? undefined : { status: one.status, said }
    })
    expect(answer).toMatchObject({ status: 503, said: { code: 'MR5050' } })
    // Predictions need nobody
    expect(
      (await ask<{ predictions: unknown[] }>(second, 'orders-api/predict', { rows: [{ weight: 1, distance: 1 }] }))
        .predictions,
    ).toHaveLength(1)
    await end(second, 'SIGTERM')
    const wrong = await millrace(root, ['up', '--advertise', 'here'])
    expect(wrong).toMatchObject({ code: 2, said: expect.stringContaining('MR1101') })
  })

  it('refuses to serve from another folder than the others, whose commands ask the one that leads', async () => {
    const server = await start()
    const other = await mkdtemp(join(tmpdir(), 'millrace-elsewhere-'))
    await cp(root, other, { recursive: true, filter: path => !path.endsWith('folder-id') })
    expect(await millrace(other, ['up', '--port', '0'])).toMatchObject({
      code: 3,
      said: expect.stringContaining('MR5051'),
    })
    expect(await millrace(other, ['deploy', 'orders-api', '--version', '1'])).toMatchObject({
      code: 0,
      said: expect.stringContaining(`done by the server at ${server.url}`),
    })
  })
})

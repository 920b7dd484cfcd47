import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openSqlite } from '../../src/adapters/metadata/sqlite/open.ts'
import type { RunRecord } from '../../src/ports/metadata-store.ts'
import { type Server } from '../support/command.ts'
import { inside as millrace } from '../support/inside.ts'
import { orders, ordersCsv, predict, runningProject, startUp, until } from '../support/running.ts'

/** A request of which half is sent; `finish` sends the rest and gives the whole answer. */
async function begin(server: Server, path: string, body: unknown): Promise<{ finish(): Promise<string> }> {
  const { hostname, port } = new URL(server.url)
  const text = JSON.stringify(body)
  const socket = connect(Number(port), hostname)
  let answer = ''
  socket.setEncoding('utf8').on('data', (part: string) => (answer += part))
  const ended = new Promise<string>((done, failed) => {
    socket.once('end', () => done(answer))
    socket.once('error', failed)
  })
  await new Promise<void>(done => socket.once('connect', () => done()))
  socket.write(
    `POST ${path} HTTP/1.1\r\nhost: ${hostname}:${port}\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text.slice(0, 5)}`,
  )
  await new Promise(done => setTimeout(done, 200))
  return {
    finish() {
      socket.write(text.slice(5))
      return ended
    },
  }
}

interface RolloutAnswer {
  readonly rollout: {
    readonly config: { readonly challenger: string }
    readonly shadow: { readonly rows: number }
  } | null
}

const rolloutOf = async (server: Server): Promise<RolloutAnswer['rollout']> =>
  ((await (await fetch(`${server.url}/v1/deployments/orders-api`)).json()) as RolloutAnswer).rollout

it('SIGTERM lets requests of both planes end, takes no new one, and ends with 0', async () => {
  const root = await runningProject('')
  for (const words of [['train'], ['deploy'], ['train']]) expect(await millrace(root, words)).toMatchObject({ code: 0 })
  const server = await startUp(root)
  const data = await begin(server, '/v1/deployments/orders-api/predict', {
    rows: [{ weight: 3, distance: 4 }],
    ids: ['in-flight'],
  })
  const control = await begin(server, '/v1/deployments/orders-api:rollout', { version: 2 })
  const end = server.end('SIGTERM')
  await until(
    'the door to close',
    () =>
      fetch(`${server.url}/livez`).then(
        () => false,
        () => true,
      ),
    5,
  )
  const answers = [await data.finish(), await control.finish()]
  for (const answer of answers) expect(answer).toMatch(/^HTTP\/1.1 200 /)
  expect(answers[0]).toContain('"id":"in-flight"')
  expect(answers[0]?.toLowerCase()).toContain('connection: close')
  expect(await end).toBe(0)

  // both took effect for good
  const again = await startUp(root)
  expect((await rolloutOf(again))?.config.challenger).toBe('lateness@2')
  const found = await fetch(`${again.url}/v1/deployments/orders-api/feedback`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ labels: [{ id: 'in-flight', label: 1 }] }),
  })
  expect(await found.json()).toMatchObject({ found: 1 })
  expect(await again.end('SIGTERM')).toBe(0)
})

it('SIGTERM in the midst of a retrain and of a rollout loses nothing: the next server goes on', async () => {
  const root = await runningProject("retrain: { on: ['data'] }", 600)
  for (const words of [['train'], ['deploy']]) expect(await millrace(root, words)).toMatchObject({ code: 0 })
  const store = await openSqlite(join(root, '.millrace', 'millrace.db'))
  const retrain = async (): Promise<RunRecord | undefined> =>
    (await store.listRuns({ kind: 'pipeline' })).find(run => run.trigger === 'data')
  const begun = async (step: string): Promise<boolean> => {
    const run = await retrain()
    return (
      run !== undefined && (await store.listSteps(run.id)).some(one => one.step === step && one.status !== 'pending')
    )
  }

  let server = await startUp(root)
  await writeFile(join(root, 'data', '1.csv'), ordersCsv(orders(3_000, 21), Date.UTC(2026, 0, 29)))
  await until('the run', retrain)
  expect(await server.end('SIGTERM')).toBe(0)
  expect((await retrain())?.status).toBe('running')

  server = await startUp(root)
  await until('training', () => begun('train-lateness'))
  // what was left half done is taken up in a process of its own, too
  const owner = (await retrain())?.lease?.owner
  expect(owner).toBeDefined()
  expect(owner?.pid).not.toBe(server.child.pid)
  expect(await server.end('SIGTERM')).toBe(0)

  server = await startUp(root)
  const rollout = await until('the rollout', async () => (await rolloutOf(server)) ?? undefined)
  expect(rollout.config.challenger).toBe('lateness@2')
  await predict(server.url, orders(300, 31), Date.now(), 'shadowed')
  expect(await server.end('SIGTERM')).toBe(0)

  server = await startUp(root)
  expect(await rolloutOf(server)).toMatchObject({ config: { challenger: 'lateness@2' }, shadow: { rows: 300 } })
  await predict(server.url, orders(100, 32), Date.now(), 'more')
  await new Promise(done => setTimeout(done, 1000))
  expect(await server.end('SIGKILL')).toBe('SIGKILL')
  server = await startUp(root)
  expect(await rolloutOf(server)).toMatchObject({ shadow: { rows: 400 } })

  // what happens past a server that died is not undone by what it remembered
  expect(await server.end('SIGKILL')).toBe('SIGKILL')
  for (const words of [
    ['rollout', 'abort'],
    ['deploy', '--version', '2'],
  ])
    expect(await millrace(root, words)).toMatchObject({ code: 0 })
  server = await startUp(root)
  expect(await rolloutOf(server)).toMatchObject({ phase: 'shadow', shadow: { rows: 0 } })

  // one run, one version, one trigger
  expect(await store.listRuns({ kind: 'pipeline' })).toHaveLength(2)
  expect(await store.listModelVersions('lateness')).toHaveLength(2)
  expect(await store.listDecisions({ kind: 'trigger' })).toHaveLength(1)
  expect(await store.listDocuments('alert')).toEqual([])
  expect(await server.end('SIGTERM')).toBe(0)
  await store.close()
})

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server as Http } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openWorkspace } from '../../src/config/workspace.ts'
import { csv, dataset, entity, features, project, t, type FeatureView } from '../../src/index.ts'
import { recordsOf } from '../../src/stages/features/channels.ts'
import { startUp, type Server } from '../support/command.ts'
import { inside } from '../support/inside.ts'

// A record is not what it should be: whoever reads it gets another entity's features. The server finds it out by itself, tells the
// webhook that the view names, and tells it when reads are right again.

interface Told {
  readonly status: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

// As the project file declares them: one definition has one place in the store.
const rides = dataset('rides', {
  source: csv('data/*.csv'),
  columns: { at: t.timestamp('UTC'), zone: t.text() },
  eventTime: 'at',
})
const zones = features('zones', {
  entity: entity('zone', { zone: t.text() }),
  from: rides,
  compute: f => ({ rides: f.count('1d') }),
})

let root = ''
let server: Server
let hook: Http
const told: Told[] = []

beforeAll(async () => {
  hook = createServer((request, response) => {
    let text = ''
    request.on('data', part => (text += String(part)))
    request.on('end', () => {
      told.push(...(JSON.parse(text) as { alerts: Told[] }).alerts)
      response.end()
    })
  })
  await new Promise<void>(listening => hook.listen(0, '127.0.0.1', listening))
  root = mkdtempSync(join(tmpdir(), 'millrace-wrong-reads-'))
  mkdirSync(join(root, 'data'))
  const lines = Array.from({ length: 30 }, (_, i) => `2026-01-01T10:${String(i).padStart(2, '0')}:00Z,${'aab'[i % 3]}`)
  writeFileSync(join(root, 'data', 'rides.csv'), `at,zone\n${lines.join('\n')}\n`)
  writeFileSync(
    join(root, 'millrace.config.ts'),
    `import { csv, dataset, entity, features, project, t } from 'millrace'
const rides = dataset('rides', {
  source: csv('data/*.csv'), columns: { at: t.timestamp('UTC'), zone: t.text() }, eventTime: 'at',
})
const zones = features('zones', {
  entity: entity('zone', { zone: t.text() }), from: rides, compute: f => ({ rides: f.count('1d') }),
  verify: { every: '3s' }, notify: ['http://127.0.0.1:${(hook.address() as AddressInfo).port}/'],
})
export default project('reads', { rides, zones })
`,
  )
  await inside(root, ['data', 'snapshot', 'rides'])
  await inside(root, ['features', 'materialise'])
}, 120_000)
afterAll(async () => {
  await server?.end()
  hook.close()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

/** The records of the zones a and b in each other's place. */
async function exchange(): Promise<void> {
  const workspace = await openWorkspace(root, { project: project('reads', { rides, zones }) })
  const store = await workspace.online()
  try {
    const records = recordsOf(zones as unknown as FeatureView)
    const [a, b] = await store.getMany(records, [{ key: 'a' }, { key: 'b' }])
    if (!a || !b || a === 'unchanged' || b === 'unchanged') throw new Error('no records')
    await store.writeMany(records, [
      { key: 'a', bytes: b.bytes, after: a.revision },
      { key: 'b', bytes: a.bytes, after: b.revision },
    ])
    await store.flush()
  } finally {
    await workspace.close()
  }
}

async function read(): Promise<unknown[]> {
  const answer = await fetch(`${server.url}/v1/features/zones:get`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ entities: [{ zone: 'a' }, { zone: 'b' }], asOf: '2026-01-01T11:00:00Z' }),
  })
  return ((await answer.json()) as { entities: { values: unknown[] }[] }).entities.map(one => one.values[0])
}

/** Reads on until the webhook was told so; the test's own time ends it. */
async function readUntil(status: string): Promise<Told> {
  for (;;) {
    const found = told.find(one => one.status === status && one.labels['view'] === 'zones')
    if (found) return found
    await read()
    await sleep(300)
  }
}

test('reads that are wrong are told to the webhook, and that they are right again', { timeout: 180_000 }, async () => {
  await exchange()
  server = await startUp(root)
  expect(await read()).toEqual([10, 20])
  const firing = await readUntil('firing')
  expect(firing.labels).toMatchObject({ alertname: 'feature reads', view: 'zones' })
  expect(firing.annotations['summary']).toMatch(
    /^\d+ of \d+ values that were read of zones are not what training has: rides of [ab] was \d+, and is \d+ \(code\)$/,
  )
  const alerts = async () => (await fetch(`${server.url}/v1/alerts`)).json()
  expect(await alerts()).toMatchObject({ alerts: [{ name: 'feature reads', state: 'firing' }] })

  await exchange()
  expect(await read()).toEqual([20, 10])
  const resolved = await readUntil('resolved')
  expect(resolved.annotations['summary']).toBe('what is read of zones is what training has again')
  expect(told.map(one => one.status)).toEqual(['firing', 'resolved'])
  expect(await alerts()).toMatchObject({ alerts: [{ name: 'feature reads', state: 'resolved' }] })
})

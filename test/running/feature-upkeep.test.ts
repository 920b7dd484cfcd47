import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server as Http } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startUp, type Server } from '../support/command.ts'

// A server that is given nothing but a folder of files: it takes them in, writes the online records, and says when they are
// older than promised. Nobody calls a command.

let root = ''
let server: Server
let hook: Http
const alerts: { readonly status: string; readonly labels: Record<string, string> }[] = []

/** Rides of one zone, one a minute, the newest so many minutes ago. */
const rides = (count: number, newest: number): string =>
  `at,zone\n${Array.from({ length: count }, (_, i) => `${new Date(Date.now() - (newest + i) * 60_000).toISOString()},a`).join('\n')}\n`

beforeAll(async () => {
  hook = createServer((request, response) => {
    let text = ''
    request.on('data', part => (text += String(part)))
    request.on('end', () => {
      alerts.push(...(JSON.parse(text) as { alerts: typeof alerts }).alerts)
      response.end()
    })
  })
  await new Promise<void>(listening => hook.listen(0, '127.0.0.1', listening))
  root = mkdtempSync(join(tmpdir(), 'millrace-upkeep-'))
  mkdirSync(join(root, 'data'))
  writeFileSync(join(root, 'data', 'a.csv'), rides(50, 240))
  writeFileSync(
    join(root, 'millrace.config.ts'),
    `import { csv, dataset, entity, features, project, t } from 'millrace'
const rides = dataset('rides', {
  source: csv('data/*.csv'), columns: { at: t.timestamp('UTC'), zone: t.text() }, eventTime: 'at',
})
const zones = features('zones', {
  entity: entity('zone', { zone: t.text() }), from: rides,
  freshness: '3h', materialise: { onData: true }, notify: ['http://127.0.0.1:${(hook.address() as AddressInfo).port}/'],
  compute: f => ({ rides: f.count('1d') }),
})
export default project('upkeep', { rides, zones })
`,
  )
  server = await startUp(root)
}, 120_000)
afterAll(async () => {
  await server?.end()
  hook.close()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

/** Looks again until it is so; the test's own time ends it. */
async function until<T>(look: () => Promise<T>, holds: (found: T) => boolean): Promise<T> {
  for (;;) {
    const found = await look()
    if (holds(found)) return found
    await sleep(200)
  }
}

const counted = async (): Promise<unknown> => {
  const answer = await fetch(`${server.url}/v1/features/zones:get`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ entities: [{ zone: 'a' }] }),
  })
  return ((await answer.json()) as { entities?: { values: unknown[] }[] }).entities?.[0]?.values[0]
}
const textOf = async (path: string): Promise<string> => (await fetch(server.url + path)).text()
const states = async (): Promise<string[]> => alerts.filter(one => one.labels.view === 'zones').map(one => one.status)

test('files that come are in the features, and a broken promise alerts until they are fresh again', async () => {
  await until(counted, count => count === 50)
  // nothing newer than four hours, and three are promised
  await until(states, all => all.length === 1)
  const check = await until(
    async () => {
      const { checks } = JSON.parse(await textOf('/health')) as { checks: Record<string, { observedValue?: number }[]> }
      return checks['features zones:freshness']?.[0]
    },
    found => (found?.observedValue ?? 0) > 3 * 3_600,
  )
  expect(check).toMatchObject({ status: 'warn', output: 'older than the 3h that are promised', observedUnit: 's' })
  expect(JSON.parse(await textOf('/health'))).toMatchObject({ status: 'warn' })
  expect(await textOf('/metrics')).toContain('millrace_feature_freshness_broken{view="zones"} 1')
  // what is degraded answers
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200)

  writeFileSync(join(root, 'data', 'b.csv'), rides(7, 1))
  await until(counted, count => count === 57)
  await until(states, all => all.length === 2)
  expect(await states()).toEqual(['firing', 'resolved'])
  const metrics = await until(
    () => textOf('/metrics'),
    text => text.includes('millrace_feature_freshness_broken{view="zones"} 0'),
  )
  const age = Number(/millrace_feature_age_seconds\{view="zones"\} ([\d.]+)/.exec(metrics)?.[1])
  expect(age).toBeGreaterThan(55)
  expect(age).toBeLessThan(3_600)
  const fired = (await (await fetch(`${server.url}/v1/alerts`)).json()) as { alerts: unknown[] }
  expect(fired.alerts).toMatchObject([{ name: 'feature freshness', state: 'resolved', labels: { view: 'zones' } }])
})

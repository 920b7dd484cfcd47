import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createApp } from '../../src/server/app.ts'
import { Guard } from '../../src/server/auth/guard.ts'
import { EventBus } from '../../src/server/events/bus.ts'
import { Health } from '../../src/server/health.ts'
import type { ServerServices } from '../../src/server/services.ts'
import { echoServing } from './echo-serving.ts'
import { type ManualClock, manualClock } from '../../src/testing/manual-clock.ts'
import { openTestWorkspace } from '../server/harness.ts'
import { answeredJobs } from './jobs.ts'

export interface BareApp {
  readonly services: ServerServices
  readonly clock: ManualClock
  readonly logged: Readonly<Record<string, unknown>>[]
  ask(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<{ readonly status: number; readonly headers: Headers; readonly text: string; readonly body: never }>
  close(): Promise<void>
}

/** The control plane over a real store that is empty, without a port: what it answers is what the server sends. */
export async function bareApp(over: Partial<ServerServices> = {}): Promise<BareApp> {
  const clock = manualClock()
  const opened = await openTestWorkspace(mkdtempSync(join(tmpdir(), 'millrace-app-')))
  const workspace = { ...opened, clock }
  const logged: Readonly<Record<string, unknown>>[] = []
  const serving = echoServing([])
  const health = new Health({ store: workspace.store, serving, clock, version: '1.2.3', folder: workspace.folder })
  const services: ServerServices = {
    workspace,
    serving,
    jobs: answeredJobs(),
    bus: new EventBus(),
    health,
    guard: new Guard({ store: workspace.store, clock, host: '127.0.0.1', auth: false }),
    version: '1.2.3',
    lead: { leads: () => true, url: () => undefined },
    log: line => logged.push(line),
    ...over,
  }
  const app = createApp(services)
  return {
    services,
    clock,
    logged,
    async ask(method, path, body, headers = {}) {
      const sent = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }
      const type = body === undefined ? {} : { 'content-type': 'application/json' }
      const given = { host: 'localhost', ...type, ...headers }
      const answer = await app.fetch(new Request(`http://localhost${path}`, { method, headers: given, ...sent }))
      const text = await answer.text()
      const json = text !== '' && /json/.test(answer.headers.get('content-type') ?? '')
      return { status: answer.status, headers: answer.headers, text, body: (json ? JSON.parse(text) : {}) as never }
    },
    async close() {
      health.close()
      await workspace.store.close()
    },
  }
}

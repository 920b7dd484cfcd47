import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { adapters } from '../../src/config/resolve.ts'
import { dataset, deployment, entity, features, gbt, model, monitor, parquet, project, t } from '../../src/index.ts'
import type { Project } from '../../src/define/project.ts'
import { startServer, type RunningServer, type ServerOptions } from '../../src/server/index.ts'
import type { ServerServices } from '../../src/server/services.ts'
import { echoDeployment, echoServing, type EchoDeployment } from '../support/echo-serving.ts'
import { answeredJobs } from '../support/jobs.ts'

const flights = dataset('flights', {
  source: parquet('data/*.parquet'),
  columns: {
    date: t.timestamp('UTC'),
    delay: t.int(),
    distance: t.int(),
    origin: t.text(),
    destination: t.nullable(t.text()),
  },
  eventTime: 'date',
  knownAt: { delay: c => c.date.plusMinutes(c.delay) },
  expect: c => [c.delay.between(-120, 1440, { mostly: 0.9999 }), c.origin.matches(/^[A-Z]{3}$/)],
})
const departures = features('departures', {
  entity: entity('airport', { origin: t.text() }),
  from: flights,
  freshness: '6h',
  compute: f => ({ departures_1h: f.count('1h'), mean_delay_3h: f.mean('delay', '3h') }),
})
const lateness = model('lateness', {
  task: 'binary',
  from: flights,
  label: c => c.delay.gt(15),
  inputs: c => ({ ...departures.all, distance: c.distance }),
  features: [departures],
  split: { by: 'time', train: '75d', test: '15d' },
  train: gbt({ trees: 100, depth: 6 }),
})
const api = deployment('lateness-api', { model: lateness })
const watch = monitor('lateness-watch', { deployment: api })

export const sampleProject = project('flight-delays', { flights, departures, lateness, api, watch })

export interface TestServer extends RunningServer {
  readonly workspace: ServerServices['workspace']
  readonly deployment: EchoDeployment
  readonly serving: ReturnType<typeof echoServing>
  /** Sizes of the calls that the deployment got. */
  readonly calls: number[]
  end(): Promise<void>
}

export async function openTestWorkspace(
  folder: string,
  given: Project = sampleProject,
): Promise<ServerServices['workspace']> {
  return {
    project: given,
    root: folder,
    folder,
    store: await (await adapters.metadata.sqlite()).openSqlite(join(folder, 'millrace.db')),
    artifacts: await (await adapters.artifacts.fs()).openArtifacts(join(folder, 'artifacts')),
    clock: (await adapters.clock.system()).systemClock(),
    processes: (await adapters.executor.process()).processExecutor(),
  }
}

/** A real server over a real SQLite store; only the model is an echo. */
export async function testServer(
  options: Partial<ServerOptions> = {},
  rollout?: Parameters<typeof echoDeployment>[0]['rollout'],
  given: Project = sampleProject,
): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-server-'))
  const workspace = await openTestWorkspace(folder, given)
  const calls: number[] = []
  const deployment = echoDeployment({
    name: 'lateness-api',
    score: 'p',
    columns: [
      { name: 'p', type: 'float', nullable: false },
      { name: 'distance', type: 'int', nullable: false },
      { name: 'origin', type: 'text', nullable: false },
      { name: 'date', type: 'timestamp', nullable: true },
      { name: 'code', type: 'int', nullable: true },
    ],
    called: rows => calls.push(rows),
    ...(rollout ? { rollout } : {}),
  })
  const serving = echoServing([deployment], given.views)
  const server = await startServer({ workspace, serving, jobs: answeredJobs(), port: 0, log: () => {}, ...options })
  return {
    ...server,
    workspace,
    deployment,
    serving,
    calls,
    async end() {
      await server.close()
      await workspace.store.close()
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** JSON body by POST. */
export function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return fetch(url, { method: 'POST', body: text, headers: { 'content-type': 'application/json', ...headers } })
}

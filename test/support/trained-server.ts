import type { ServerOptions, RunningServer } from '../../src/server/index.ts'
import { startServer } from '../../src/server/index.ts'
import type { Project } from '../../src/index.ts'
import type { LiveDeployment } from '../../src/stages/serve/deployment.ts'
import type { LiveServing } from '../../src/stages/serve/serving.ts'
import { faultyRuntime, type FaultyRuntime } from './faulty-runtime.ts'
import type { Trained } from './trained-project.ts'
import { answeredJobs } from './jobs.ts'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Empty where it is no JSON. */
  readonly body: Readonly<Record<string, unknown>>
}

export interface TrainedServer extends RunningServer {
  readonly live: LiveDeployment
  readonly serving: LiveServing
  readonly project: Project
  readonly faults: FaultyRuntime['faults']
  /** Digests of the models that are loaded and not closed. */
  readonly loaded: FaultyRuntime['open']
  /** Serves the deployment again, as after a restart, by the same runtime. */
  again(): Promise<TrainedServer>
  /** Lines of the log. */
  readonly logged: Readonly<Record<string, unknown>>[]
  ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
}

/** A real server in front of a real serving of the trained project: `name` is a deployment of `late`, the first version stable. */
export async function trainedServer(
  trained: Trained,
  name: string,
  options: Partial<ServerOptions> = {},
  deployed: Parameters<Trained['deployed']>[1] = {},
  over: Parameters<Trained['serve']>[1] = {},
): Promise<TrainedServer> {
  const { project } = trained.deployed(name, deployed, {})
  const { runtime, faults, open } = faultyRuntime(trained.workspace.runtime)
  const front = async (serving: LiveServing): Promise<TrainedServer> => {
    const logged: Readonly<Record<string, unknown>>[] = []
    const server = await startServer({
      workspace: { ...trained.workspace, project },
      serving,
      jobs: answeredJobs(),
      port: 0,
      log: line => logged.push(line),
      ...options,
    })
    return {
      ...server,
      live: serving.get(name) as LiveDeployment,
      serving,
      project,
      faults,
      loaded: open,
      logged,
      again: async () => front(await trained.serve(project, { runtime, ...over })),
      async ask(method, path, body, headers = {}) {
        const sent = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }
        const type = body === undefined ? {} : { 'content-type': 'application/json' }
        const answer = await fetch(server.url + path, { method, headers: { ...type, ...headers }, ...sent })
        const text = await answer.text()
        const json = text !== '' && /json(?!lines)/.test(answer.headers.get('content-type') ?? '')
        return { status: answer.status, headers: answer.headers, text, body: json ? JSON.parse(text) : {} }
      },
    }
  }
  const serving = await trained.serve(project, { runtime, ...over })
  await (serving.get(name) as LiveDeployment).deploy(trained.versions.good, 'test')
  return front(serving)
}

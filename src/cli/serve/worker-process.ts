import type { Server } from 'node:net'
import { openJobs } from '../../app/jobs/jobs.ts'
import { oneInstance } from '../../app/live/instances.ts'
import { messageOf } from '../../internal/message-of.ts'
import { startServer } from '../../server/index.ts'
import { openServing } from './open-serving.ts'
import { ignoreSignals, log, openPart, say, untilAsked } from './part.ts'
import type { WorkerMessage, WorkerRequest } from './workers.ts'

// A process that answers predictions beside the server, which answers all else: worker-process.js ROOT HOST AUTH PORT
ignoreSignals()
const asked = untilAsked()
const [root = '', host = '', auth, port] = process.argv.slice(2)
const tell = (told: WorkerMessage): void => say({ told })

/** It takes connections from the moment at which it comes, for whoever listens by then. */
const listener = (): Promise<Server> =>
  new Promise(resolve => {
    process.on('message', (request: WorkerRequest, handle) => {
      if ('listen' in request) resolve(handle as Server)
    })
    tell('listener please')
  })
const workspace = await openPart(root)
const serving = await openServing(workspace, log)
const jobs = openJobs(workspace)
const instance = await oneInstance({ workspace, serving, jobs, log }, false)
const beat = setInterval(() => {
  instance.beat().catch((error: unknown) => log({ level: 'error', reason: messageOf(error) }))
}, 1000)
const server = await startServer({
  workspace,
  serving,
  jobs,
  host,
  port: 0,
  auth: auth === 'true',
  limits: workspace.project.settings.serve ?? {},
  log,
  lead: { leads: () => false, url: () => instance.leader()?.url },
  worker: { listener, server: Number(port) },
})
process.on('message', (request: WorkerRequest) => {
  if ('figures' in request) void server.figures().then(figures => tell({ asked: request.figures, figures }))
})
say({ ready: 0 })
await asked
clearInterval(beat)
await server.close()
await instance.close()
await jobs.close()
await workspace.close()
process.exit(0)

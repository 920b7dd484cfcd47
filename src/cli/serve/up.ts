import { networkInterfaces } from 'node:os'
import { resolve } from 'node:path'
import { findRoot, loadProject } from '../../config/load.ts'
import { makeStateFolder } from '../../config/state-folder.ts'
import { openWorkspace, type Workspace } from '../../config/workspace.ts'
import type { Project } from '../../define/project.ts'
import { fail } from '../../errors/index.ts'
import { ownIdentity } from '../../internal/process-identity.ts'
import { messageOf } from '../../internal/message-of.ts'
import type { Log } from '../../ports/log.ts'
import { checkBind, EventBus, readTls, startServer, type TlsFiles } from '../../server/index.ts'
import { LiveServing } from '../../stages/serve/serving.ts'
import { openJobs } from '../../app/jobs/jobs.ts'
import { oneInstance, onlyInstance } from '../../app/live/instances.ts'
import { recovery } from '../../app/live/recovery.ts'
import { fillingViews, lostView } from '../../app/fill-views.ts'
import { announce, type Claim, claimServing, withdraw } from './running.ts'

export interface UpOptions {
  readonly cwd: string
  /** These go before the project's `serve` settings. */
  readonly port?: number | undefined
  readonly host?: string | undefined
  readonly auth?: boolean | undefined
  /** Where other instances reach this one; where it listens by default. */
  readonly advertise?: string | undefined
  readonly grpcPort?: number | undefined
  readonly tls?: TlsFiles | undefined
  readonly log: Log
}

/** Where it listens, once the project was asked, too. */
interface Address {
  readonly port: number
  readonly host: string
  readonly auth: boolean
  readonly grpcPort: number | undefined
}

export interface Up {
  readonly url: string
  /** Host and port of gRPC, where it is spoken. */
  readonly grpc?: string
  /** Whether it asks for tokens. */
  readonly auth: boolean
  close(): Promise<void>
}

async function openServing(workspace: Workspace, log: Log): Promise<LiveServing> {
  const { fill, filled, lost } = fillingViews(workspace)
  const tell = (): void => {
    for (const view of filled.splice(0)) log({ level: 'info', text: `filled the online records of ${view}` })
    for (const one of lost.splice(0)) log({ level: 'error', code: one.error.code, text: lostView(one) })
  }
  const services = { ...workspace, challengers: workspace.childProcessRuntime }
  const serving = await LiveServing.open(services, await workspace.online(), (view, reader) =>
    fill(view, reader).finally(tell),
  )
  for (const { name, down } of serving.list())
    if (down) log({ level: 'error', text: `${name} is down: ${messageOf(down.error)}`, deployment: name })
  for (const { name, error } of serving.lost)
    log({
      level: 'error',
      text: `${name}, declared no more, cannot be served on: ${messageOf(error)}`,
      deployment: name,
    })
  await workspace.artifacts.wipe()
  return serving
}

/**
 * Serves a project: predictions, API, dashboard, monitors, triggers, and recovery of runs that died. Nothing trains in this
 * process: retrains and recovered runs have processes of their own.
 */
export async function up(options: UpOptions): Promise<Up> {
  const root = findRoot(options.cwd)
  const project = await loadProject(root)
  const { serve: said = {} } = project.settings
  const { port = said.port ?? 8790, host = said.host ?? '127.0.0.1', auth = said.auth ?? false } = options
  const grpcPort = options.grpcPort ?? said.grpcPort
  checkBind(host, auth)
  const { tls } = options
  if (tls) {
    readTls(tls)
    // gRPC would be spoken in the clear beside it
    if (grpcPort !== undefined) throw fail('tlsWithoutGrpc')
  }
  // A database in a file serves one process; of a server's many may serve beside each other
  const own = await claimServing(makeStateFolder(root), mayBeSeveral(project))
  try {
    const running = await serve(project, options, { port, host, auth, grpcPort }, own)
    return { ...running, close: () => running.close().finally(() => own.release()) }
  } catch (error) {
    own.release()
    throw error
  }
}

/** An address of this machine where it listens on all of them. */
function reachedAt(listening: string): string {
  const url = new URL(listening)
  if (url.hostname !== '0.0.0.0' && url.hostname !== '[::]') return listening
  const own = Object.values(networkInterfaces()).flatMap(all => all ?? [])
  const other = own.find(one => !one.internal && one.family === 'IPv4')
  url.hostname = other?.address ?? '127.0.0.1'
  return url.origin
}

const mayBeSeveral = ({ settings }: Project): boolean => settings.metadata?.kind === 'postgres'

async function serve(
  project: Project,
  { cwd, log, advertise, tls }: UpOptions,
  address: Address,
  claim: Claim,
): Promise<Up> {
  const { auth } = address
  const workspace: Workspace = await openWorkspace(cwd, {
    project,
    principal: 'serving',
    note: text => log({ level: 'warn', text }),
  })
  const serving = await openServing(workspace, log).catch(async (error: unknown) => {
    await workspace.close()
    throw error
  })
  const bus = new EventBus()
  const jobs = openJobs(workspace)
  const letGo = async (): Promise<void> => {
    await jobs.close()
    await serving.close()
    await workspace.close()
  }
  try {
    const parts = { workspace, serving, jobs, log }
    const instance = mayBeSeveral(project) ? await oneInstance(parts) : await onlyInstance(parts)
    const server = await startServer({
      workspace,
      serving,
      jobs,
      ...address,
      tls,
      limits: project.settings.serve ?? {},
      bus,
      log,
      lead: { leads: instance.leads, url: () => instance.leader()?.url },
    })
    instance.listening(advertise ?? reachedAt(server.url))
    const recover = recovery(await workspace.engineOf(), jobs, workspace.clock, log)
    const wrong = (error: unknown): void => log({ level: 'error', reason: messageOf(error) })
    const under = new Set<Promise<void>>()
    const follow = (work: Promise<void>): void => {
      const safe = work.catch(wrong).finally(() => under.delete(safe))
      under.add(safe)
    }
    const beat = setInterval(() => {
      follow(instance.beat())
      follow(recover())
    }, 1000)
    const certificate = tls && resolve(cwd, tls.cert)
    await announce(claim, { url: server.url, process: ownIdentity(), auth, certificate })
    return {
      url: server.url,
      ...(server.grpc === undefined ? {} : { grpc: server.grpc }),
      auth,
      async close() {
        clearInterval(beat)
        await withdraw(claim)
        await server.close()
        await jobs.close()
        await Promise.all(under)
        await instance.close()
        await letGo()
      },
    }
  } catch (error) {
    await letGo()
    throw error
  }
}

import { networkInterfaces } from 'node:os'
import { resolve } from 'node:path'
import { compiledModules, findRoot, loadProject } from '../../config/load.ts'
import { makeStateFolder } from '../../config/state-folder.ts'
import { openWorkspace, type Workspace } from '../../config/workspace.ts'
import type { Project } from '../../define/project.ts'
import { fail } from '../../errors/index.ts'
import { ownIdentity } from '../../internal/process-identity.ts'
import { messageOf } from '../../internal/message-of.ts'
import type { Log } from '../../ports/log.ts'
import { checkBind, EventBus, readTls, startServer, type TlsFiles } from '../../server/index.ts'
import { openJobs } from '../../app/jobs/jobs.ts'
import { oneInstance, onlyInstance } from '../../app/live/instances.ts'
import { recovery } from '../../app/live/recovery.ts'
import { openServing } from './open-serving.ts'
import { Workers } from './workers.ts'
import { Supervisor } from './supervisor.ts'
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
  /** Processes that answer predictions. */
  readonly workers?: number | undefined
  readonly log: Log
}

/** Where it listens, once the project was asked, too. */
interface Address {
  readonly port: number
  readonly host: string
  readonly auth: boolean
  readonly grpcPort: number | undefined
  readonly workers: number
}

export interface Up {
  readonly url: string
  /** Host and port of gRPC, where it is spoken. */
  readonly grpc?: string
  /** Whether it asks for tokens. */
  readonly auth: boolean
  close(): Promise<void>
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
  const workers = options.workers ?? said.workers ?? 1
  checkBind(host, auth)
  const { tls } = options
  if (tls) {
    readTls(tls)
    // What has no TLS would be spoken in the clear beside it
    if (grpcPort !== undefined) throw fail('tlsAlone', { what: 'gRPC' })
    if (workers > 1) throw fail('tlsAlone', { what: 'further workers' })
  }
  // A database in a file serves one process; of a server's many may serve beside each other
  const own = await claimServing(makeStateFolder(root), mayBeSeveral(project))
  try {
    const running = await serve(project, options, { port, host, auth, grpcPort, workers }, own)
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
  const { workers, ...listening } = address
  const { auth } = address
  const workspace: Workspace = await openWorkspace(cwd, {
    project,
    principal: 'serving',
    note: text => log({ level: 'warn', text }),
  })
  // Long searches and large files keep no prediction waiting: another process answers them
  const part = {
    args: [workspace.root, address.host, String(auth)],
    project: { modules: compiledModules(workspace.root) },
    log,
  }
  const control = new Supervisor({ name: 'the process for records', module: './control-process.ts', ...part })
  const serving = await openServing(workspace, log).catch(async (error: unknown) => {
    await control.close()
    await workspace.close()
    throw error
  })
  const bus = new EventBus()
  const jobs = openJobs(workspace)
  const letGo = async (): Promise<void> => {
    await control.close()
    await jobs.close()
    await serving.close()
    await workspace.close()
  }
  try {
    const given = { workspace, serving, jobs, log }
    const instance = mayBeSeveral(project) || workers > 1 ? await oneInstance(given) : await onlyInstance(given)
    const beside = workers > 1 ? new Workers() : undefined
    const server = await startServer({
      control: () => control.port,
      workspace,
      serving,
      jobs,
      ...listening,
      tls,
      limits: project.settings.serve ?? {},
      ...(beside ? { workers: beside } : {}),
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
    beside?.start(workers - 1, server, part)
    await control.port.catch(wrong)
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

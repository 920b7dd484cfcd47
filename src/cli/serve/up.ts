import { findRoot, loadProject } from '../../config/load.ts'
import { makeStateFolder } from '../../config/state-folder.ts'
import { openWorkspace, type Workspace } from '../../config/workspace.ts'
import type { Project } from '../../define/project.ts'
import { ownIdentity } from '../../internal/process-identity.ts'
import { messageOf } from '../../internal/message-of.ts'
import type { Log } from '../../ports/log.ts'
import { checkBind, EventBus, startServer } from '../../server/index.ts'
import { LiveServing } from '../../stages/serve/serving.ts'
import { openJobs } from '../../app/jobs/jobs.ts'
import { recovery } from '../../app/live/recovery.ts'
import { retrainer } from '../../app/live/retrainer.ts'
import { announce, claimServing, withdraw } from './running.ts'
import { fillingViews, lostView } from '../../app/fill-views.ts'
import { watchAll } from '../../app/live/watching.ts'

export interface UpOptions {
  readonly cwd: string
  /** These go before the project's `serve` settings. */
  readonly port?: number | undefined
  readonly host?: string | undefined
  readonly auth?: boolean | undefined
  readonly log: Log
}

/** Where it listens, once the project was asked, too. */
interface Address {
  readonly port: number
  readonly host: string
  readonly auth: boolean
}

export interface Up {
  readonly url: string
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
  checkBind(host, auth)
  const own = await claimServing(makeStateFolder(root))
  try {
    const running = await serve(project, options, { port, host, auth })
    return { ...running, close: () => running.close().finally(() => own.release()) }
  } catch (error) {
    own.release()
    throw error
  }
}

async function serve(project: Project, { cwd, log }: UpOptions, { port, host, auth }: Address): Promise<Up> {
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
  const retrains = retrainer(workspace, jobs, log)
  const letGo = async (): Promise<void> => {
    retrains.close()
    await jobs.close()
    await serving.close()
    await workspace.close()
  }
  try {
    const watching = await watchAll(workspace, serving, retrains, jobs, log)
    const server = await startServer({
      workspace,
      serving,
      jobs,
      port,
      host,
      auth,
      bus,
      log,
    })
    const recover = recovery(await workspace.engineOf(), jobs, workspace.clock, log)
    const wrong = (error: unknown): void => log({ level: 'error', reason: messageOf(error) })
    const under = new Set<Promise<void>>()
    const follow = (work: Promise<void>): void => {
      const safe = work.catch(wrong).finally(() => under.delete(safe))
      under.add(safe)
    }
    const beat = setInterval(() => {
      follow(watching.beat())
      follow(recover())
    }, 1000)
    await announce(workspace.folder, { url: server.url, process: ownIdentity(), auth })
    return {
      url: server.url,
      auth,
      async close() {
        clearInterval(beat)
        await withdraw(workspace.folder)
        await server.close()
        retrains.close()
        await jobs.close()
        await Promise.all(under)
        await watching.settled()
        await letGo()
      },
    }
  } catch (error) {
    await letGo()
    throw error
  }
}

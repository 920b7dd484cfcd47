import { adapters } from '../../config/resolve.ts'
import { openWorkspace, type Workspace } from '../../config/workspace.ts'
import { fail } from '../../errors/index.ts'
import { ownIdentity } from '../../internal/process-identity.ts'
import type { Notifier } from '../../ports/notifier.ts'
import { createToken, EventBus, startServer } from '../../server/index.ts'
import { resumeGraph } from '../../stages/pipeline/run.ts'
import { LiveServing } from '../../stages/serve/serving.ts'
import { LiveMonitor } from '../../stages/watch/live.ts'
import { retrainApart, type Retrainer } from './retrain-apart.ts'
import { announce, runningServer, withdraw } from './running.ts'
import { warmViews } from './warm-views.ts'

export interface UpOptions {
  readonly cwd: string
  readonly port: number
  readonly host: string
  readonly auth: boolean
  readonly log: (line: Readonly<Record<string, unknown>>) => void
}

export interface Up {
  readonly url: string
  readonly token: string | undefined
  close(): Promise<void>
}

async function notifiersOf(urls: readonly string[], log: UpOptions['log']): Promise<Notifier[]> {
  const { logNotifier } = await adapters.notifier.log()
  const { webhookNotifier } = await adapters.notifier.webhook()
  const secret = process.env.MILLRACE_WEBHOOK_SECRET
  return [
    logNotifier(line => log(JSON.parse(line) as Record<string, unknown>)),
    ...urls.map(url => webhookNotifier({ url, ...(secret ? { secret } : {}) })),
  ]
}

/** Monitors of all deployments, restored, wired to what they watch; a retrain they ask for runs in its own process. */
async function watchAll(
  workspace: Workspace,
  serving: LiveServing,
  retrainer: Retrainer,
  log: UpOptions['log'],
): Promise<LiveMonitor[]> {
  const monitors: LiveMonitor[] = []
  for (const definition of workspace.project.monitors.values()) {
    const deployment = serving.get(definition.deployment.name)
    if (!deployment) continue
    const monitor = new LiveMonitor(
      { store: workspace.store, clock: workspace.clock, notifiers: await notifiersOf(definition.notify, log) },
      definition,
    )
    await monitor.restore()
    if (deployment.stable) monitor.watch(deployment.stable.profile)
    deployment.observer = monitor
    deployment.onStable = version => monitor.watch(version.profile)
    monitor.onRetrain = ({ decision, cause }) => {
      retrainer
        .retrain(deployment, cause, decision.id)
        .catch((error: unknown) => log({ level: 'error', text: 'the retrain did not start', reason: String(error) }))
        .finally(() => monitor.retrained())
    }
    monitors.push(monitor)
  }
  return monitors
}

/** Serves a project: predictions, API, dashboard, monitors, schedules, and recovery of runs that died. */
export async function up(options: UpOptions): Promise<Up> {
  const { log } = options
  const workspace: Workspace = await openWorkspace(options.cwd, { resolveRun: run => resumeGraph(workspace, run) })
  const other = await runningServer(workspace.folder)
  if (other) {
    await workspace.close()
    throw fail('alreadyUp', { pid: other.process.pid, url: other.url })
  }
  for (const view of await warmViews(workspace)) log({ level: 'info', text: `filled the online records of ${view}` })
  const serving = await LiveServing.open(workspace, await workspace.online())
  const bus = new EventBus()
  const engine = await workspace.engineOf(bus.fromEngine)
  const retrainer = retrainApart(workspace, log)
  const monitors = await watchAll(workspace, serving, retrainer, log)
  const wrong = (error: unknown): void =>
    log({ level: 'error', reason: error instanceof Error ? error.message : String(error) })
  const server = await startServer({
    workspace,
    serving,
    port: options.port,
    host: options.host,
    auth: options.auth,
    bus,
    log,
  }).catch(async (error: unknown) => {
    await serving.close()
    await workspace.close()
    throw error
  })
  engine.watch(wrong)
  const beat = setInterval(() => {
    for (const deployment of serving.list()) {
      deployment.tick()
      deployment.settled().catch(wrong)
    }
    for (const monitor of monitors) monitor.settled().catch(wrong)
  }, 1000)
  const { Cron } = await import('croner')
  const schedules = [...workspace.project.monitors.values()].flatMap(monitor => {
    const deployment = serving.get(monitor.deployment.name)
    return monitor.schedule && deployment
      ? [
          new Cron(monitor.schedule, { timezone: 'UTC', protect: true, catch: wrong }, () =>
            retrainer.retrain(deployment, 'schedule', undefined),
          ),
        ]
      : []
  })
  const token = options.auth
    ? (
        await createToken(
          { store: workspace.store, clock: workspace.clock },
          { name: 'this-machine', scopes: ['admin'], expiresIn: '30d' },
        )
      ).token
    : undefined
  await announce(workspace.folder, { url: server.url, process: ownIdentity(), ...(token ? { token } : {}) })
  return {
    url: server.url,
    token,
    async close() {
      clearInterval(beat)
      for (const schedule of schedules) schedule.stop()
      await withdraw(workspace.folder)
      await server.close()
      await retrainer.close()
      for (const monitor of monitors) await monitor.settled()
      await serving.close()
      await workspace.close()
    },
  }
}

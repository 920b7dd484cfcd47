import { join } from 'node:path'
import type { Workspace } from '../../config/workspace.ts'
import type { Monitor } from '../../define/monitor.ts'
import type { Log } from '../../ports/log.ts'
import { ArrivalTrigger } from '../../stages/retrain/arrivals.ts'
import { ScheduledTests, type TestedOnSchedule } from '../../stages/retrain/scheduled-tests.ts'
import { ScheduleTrigger } from '../../stages/retrain/schedule.ts'
import { versionName } from '../../stages/register/version-parts.ts'
import type { LiveDeployment } from '../../stages/serve/deployment.ts'
import type { LiveServing } from '../../stages/serve/serving.ts'
import { LiveMonitor } from '../../stages/watch/live.ts'
import { ContestAlert } from '../../stages/watch/contest-alert.ts'
import { RolloutAlert } from '../../stages/watch/rollout-alert.ts'
import { ObservationReader, type Positions } from '../../stages/instances/observation-reader.ts'
import type { Keeper } from '../../stages/serve/journal.ts'
import type { Json } from '../../internal/canonical-json.ts'
import type { Jobs } from '../jobs/jobs.ts'
import { notifiersOf } from './notifiers.ts'
import { keepingFeatures } from './keeping-features.ts'
import type { Retrainer } from './retrainer.ts'
import { messageOf } from '../../internal/message-of.ts'

/** Monitors of all deployments, what triggers their retrains, and what keeps their memory. */
export interface MonitorWatch {
  /** Every second: time has passed. */
  beat(): Promise<void>
  settled(): Promise<void>
}

/** Other instances of the project, of which this one leads. */
export interface Others {
  /** This one still does. */
  readonly leads: () => boolean
  /** Ids of those that live. */
  readonly alive: () => ReadonlySet<string>
}

/** Where the instances write down what they were asked under one name, each in a folder of its own. */
export const observationsFolder = (folder: string, deployment: string): string =>
  join(folder, 'serving', deployment, 'instances')

const tested = (monitor: Monitor): monitor is TestedOnSchedule => monitor.test !== undefined
const scheduled = (monitor: Monitor): monitor is Monitor & { readonly schedule: string } =>
  monitor.schedule !== undefined

async function monitorOf(
  workspace: Workspace,
  definition: Monitor,
  deployment: LiveDeployment,
  retrainer: Retrainer,
  log: Log,
): Promise<LiveMonitor> {
  const { store, clock } = workspace
  const notifiers = await notifiersOf(definition.notify, log)
  const monitor = new LiveMonitor(
    { store, clock, notifiers },
    definition,
    (deployment.stable ?? deployment.definition).model,
  )
  await monitor.restore()
  if (deployment.stable) monitor.watch(deployment.stable.profile, deployment.stable.scaler)
  deployment.observer = monitor
  monitor.challenger = () => deployment.tried
  deployment.onStable = version => monitor.watch(version.profile, version.scaler)
  monitor.onRetrain = ({ decision }) => void retrainer.carry(deployment, monitor, decision.id)
  return monitor
}

/** Tests of what is served run in a process of their own: nobody waits for them. */
async function scheduledTests(
  { store, clock }: Workspace,
  definition: TestedOnSchedule,
  deployment: LiveDeployment,
  jobs: Jobs,
  log: Log,
): Promise<ScheduledTests> {
  const notifiers = await notifiersOf(definition.notify, log)
  return new ScheduledTests({ store, clock, notifiers }, definition, {
    stable: () => deployment.stable && versionName(deployment.stable.record),
    run: async version => (await jobs.start('test', { version }, { actor: 'schedule' })).answer,
  })
}

/** Restores and wires everything that watches. What an earlier server left in memory or under way is taken up. */
export async function watchAll(
  workspace: Workspace,
  serving: LiveServing,
  retrainer: Retrainer,
  jobs: Jobs,
  log: Log,
  others?: Others,
): Promise<MonitorWatch> {
  const { clock } = workspace
  const readers: ObservationReader[] = []
  const onError = (error: unknown): void => log({ level: 'error', reason: messageOf(error) })
  const monitors = new Map<LiveMonitor, LiveDeployment>()
  const triggers: { look(): Promise<void> }[] = []
  for (const definition of workspace.project.monitors.values()) {
    const deployment = serving.get(definition.deployment.name)
    if (!deployment) continue
    const monitor = await monitorOf(workspace, definition, deployment, retrainer, log)
    monitors.set(monitor, deployment)
    if (tested(definition)) triggers.push(await scheduledTests(workspace, definition, deployment, jobs, log))
    if (scheduled(definition)) triggers.push(new ScheduleTrigger(workspace, definition, monitor))
    if (definition.retrain?.on.includes('data')) triggers.push(new ArrivalTrigger(workspace, definition, monitor))
  }
  triggers.push(...(await keepingFeatures(workspace, jobs, log)))
  for (const deployment of serving.list()) {
    const own = [...monitors].filter(([, watched]) => watched === deployment).map(([monitor]) => monitor)
    const retention = Math.max(
      2 * deployment.labelHorizon,
      ...own.map(({ definition }) => 4 * definition.window + definition.labelHorizon),
    )
    const notifiers = await notifiersOf([...new Set(own.flatMap(one => one.definition.notify))], log)
    const { store } = workspace
    triggers.push(new RolloutAlert({ store, clock, notifiers }, deployment.name, () => deployment.rollout))
    triggers.push(new ContestAlert({ store, clock, notifiers }, deployment.name, () => deployment.contest))
    const folder = join(workspace.folder, 'serving', deployment.name)
    const keepers: Keeper[] = [...own]
    if (others) {
      const counted = (deployment.heard ?? {}) as unknown as Positions
      const reader = new ObservationReader(
        observationsFolder(workspace.folder, deployment.name),
        deployment.memory,
        counted,
      )
      deployment.keepHeard(() => reader.positions as unknown as Json)
      keepers.push(reader)
      readers.push(reader)
    }
    await deployment.remember(folder, keepers, {
      clock,
      retention,
      onError,
      store: workspace.store,
      ...(others ? { leads: others.leads } : {}),
    })
  }
  for (const [monitor, deployment] of monitors)
    if (monitor.retraining !== null) void retrainer.carry(deployment, monitor, monitor.retraining)
  let looking = false
  return {
    async beat() {
      for (const reader of readers) {
        // One folder that cannot be read keeps nothing else waiting
        await reader.read().catch(onError)
        if (others) await reader.sweep(others.alive()).catch(onError)
      }
      for (const deployment of serving.list()) {
        deployment.tick()
        deployment.settled().catch(onError)
      }
      for (const monitor of monitors.keys()) {
        monitor.tick()
        monitor.settled().catch(onError)
      }
      if (looking) return
      looking = true
      for (const trigger of triggers) await trigger.look().catch(onError)
      looking = false
    },
    async settled() {
      for (const monitor of monitors.keys()) await monitor.settled()
    },
  }
}

import { openWorkspace, type Workspace } from '../../config/workspace.ts'
import type { Deployment } from '../../define/deployment.ts'
import { viewOfRole } from '../../define/features.ts'
import type { Project } from '../../define/project.ts'
import { fail } from '../../errors/index.ts'
import type { ContestState } from '../../stages/deploy/contest/index.ts'
import type { RolloutCommand } from '../../stages/deploy/rollout/index.ts'
import type { LiveDeployment } from '../../stages/serve/deployment.ts'
import { LiveServing } from '../../stages/serve/serving.ts'
import { stableDocuments } from '../../stages/serve/stable-record.ts'
import type { DeploymentStatus } from '../../stages/serve/types.ts'
import type { Command, Invocation, Output } from '../command.ts'
import { releaseLead, seizeLead } from '../../stages/instances/leadership.ts'
import { contestLines } from './contest-lines.ts'
import { ask, serverOf } from './running.ts'
import { fillingViews, lostView } from '../../app/fill-views.ts'

export function deploymentOf(project: Project, name: string | undefined): Deployment {
  const { deployments } = project
  const [only] = deployments.values()
  if (name === undefined && only && deployments.size === 1) return only
  if (name === undefined && deployments.size > 1)
    throw fail('notNamed', { kind: 'deployment', count: deployments.size, known: [...deployments.keys()].join(', ') })
  const found = name === undefined ? undefined : deployments.get(name)
  if (!found)
    throw fail('notDefined', {
      kind: 'deployment',
      name: name ?? '(none given)',
      known: [...deployments.keys()].join(', ') || 'no deployments',
    })
  return found
}

/** Of the declared deployments, and of those that are declared no more and go on. */
export async function deploymentCalled({ project, store }: Workspace, name: string | undefined): Promise<string> {
  const going = (await stableDocuments(store)).map(one => one.id)
  const known = [...new Set([...project.deployments.keys(), ...going])]
  const [only] = known
  if (name === undefined && only !== undefined && known.length === 1) return only
  if (name === undefined && known.length > 1)
    throw fail('notNamed', { kind: 'deployment', count: known.length, known: known.join(', ') })
  if (name === undefined || !known.includes(name))
    throw fail('notDefined', {
      kind: 'deployment',
      name: name ?? '(none given)',
      known: known.join(', ') || 'no deployments',
    })
  return name
}

interface RolloutView {
  readonly phase?: string
  readonly weight?: number
  readonly hold?: string | null
  readonly config?: { readonly challenger: string; readonly stable: string }
  readonly requests?: { readonly stable: number; readonly canary: number }
  readonly shadow?: { readonly rows: number; readonly flips: number }
  readonly losses?: { readonly n: number; readonly mean: number }
}

export function printStatus(status: DeploymentStatus, out: Output): void {
  out.line(`${status.name}  ${status.stable ? `stable ${status.model}@${status.stable.version}` : 'nothing deployed'}`)
  const contest = status.contest as ContestState | null
  if (contest?.phase === 'running') for (const line of contestLines(contest)) out.line(`  ${line}`)
  const rollout = status.rollout as RolloutView | null
  if (!rollout?.config) return
  out.line(
    `  ${rollout.config.challenger} against ${rollout.config.stable}: ${rollout.phase}${rollout.hold ? ` (held: ${rollout.hold})` : ''}, ${((rollout.weight ?? 0) * 100).toFixed(0)} % of traffic`,
  )
  out.line(
    `  scored beside each other: ${rollout.shadow?.rows.toLocaleString('en-US') ?? 0} rows, ${rollout.shadow?.flips ?? 0} decided differently`,
  )
  if (rollout.losses && rollout.losses.n > 0)
    out.line(
      `  labelled: ${rollout.losses.n.toLocaleString('en-US')} rows, loss difference ${rollout.losses.mean.toPrecision(3)}`,
    )
  if (status.labels.waiting > 0)
    out.line(
      `  ${status.labels.waiting.toLocaleString('en-US')} more labelled rows count once their label horizon (${Number((status.labels.horizon / 3_600_000_000).toPrecision(3))} h) is over`,
    )
}

/** Does something to a deployment: through the server when one is running, else in the store. */
export async function onDeployment(
  { args, cwd, out }: Invocation,
  remote: { readonly path: (name: string) => string; readonly body?: unknown },
  local: (serving: LiveServing, name: string) => Promise<DeploymentStatus | undefined>,
): Promise<void> {
  const workspace = await openWorkspace(cwd)
  try {
    const name = await deploymentCalled(workspace, args[0])
    const server = await serverOf(workspace)
    if (server) {
      const answer = (await ask(workspace, server, remote.path(name), remote.body)) as { status?: DeploymentStatus }
      out.data(answer)
      out.line(`done by the server at ${server.url}; "millrace rollout status ${name}" shows where it stands`)
      return
    }
    const { fill, lost } = fillingViews(workspace)
    const fence = await seizeLead(workspace.store, workspace.clock.now())
    const led = { ...workspace, store: workspace.store.fenced(fence) }
    const serving = await LiveServing.open(led, await workspace.online(), fill)
    try {
      const views = workspace.project.deployments.get(name)?.model.views ?? []
      for (const one of lost) {
        // Whoever changes what is served from it decides that with the snapshot at hand
        if (views.some(view => viewOfRole(view).name === one.view)) throw one.error
        out.note(lostView(one))
      }
      const status = await local(serving, name)
      if (status) {
        out.data(status)
        printStatus(status, out)
      }
    } finally {
      await serving.close()
      await releaseLead(workspace.store, fence)
    }
  } finally {
    await workspace.close()
  }
}

/** The deployment, or what is wrong with it where it can be neither read nor made anew. */
export function liveOf(serving: LiveServing, name: string): LiveDeployment {
  const live = serving.get(name)
  if (!live) throw serving.lost.find(one => one.name === name)?.error ?? fail('nothingDeployed', { deployment: name })
  return live
}

export const reasonOption = { flags: '--reason <text>', description: 'why; it is kept with the decision' }

/** Why, in the operator's words. */
export function reasonOf({ options }: Invocation): string | undefined {
  const given = options.reason
  return typeof given === 'string' && given.trim() !== '' ? given.trim().slice(0, 1000) : undefined
}

/** The verb that gives one operator's command. */
export function rolloutCommand(command: RolloutCommand, summary: string): Command {
  return {
    summary,
    arguments: [{ name: 'deployment', description: 'which (default: the only one)' }],
    options: [reasonOption],
    run(invocation) {
      const reason = reasonOf(invocation)
      const remote = {
        path: (name: string): string => `/v1/deployments/${name}:${command}`,
        ...(reason === undefined ? {} : { body: { reason } }),
      }
      return onDeployment(invocation, remote, (serving, name) =>
        liveOf(serving, name).command(command, 'operator', reason),
      )
    },
  }
}

import { openWorkspace } from '../../config/workspace.ts'
import type { Deployment } from '../../define/deployment.ts'
import type { Project } from '../../define/project.ts'
import { fail } from '../../errors/index.ts'
import type { LiveDeployment } from '../../stages/serve/deployment.ts'
import { LiveServing } from '../../stages/serve/serving.ts'
import type { DeploymentStatus } from '../../stages/serve/types.ts'
import type { Command, Invocation, Output } from '../command.ts'
import { ask, runningServer } from './running.ts'
import { fillingViews, lostView } from './fill-views.ts'

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
  local: (deployment: LiveDeployment) => Promise<DeploymentStatus>,
): Promise<void> {
  const workspace = await openWorkspace(cwd)
  try {
    const { name, model } = deploymentOf(workspace.project, args[0])
    const server = await runningServer(workspace.folder)
    if (server) {
      const answer = (await ask(workspace, server, remote.path(name), remote.body)) as { status?: DeploymentStatus }
      out.data(answer)
      out.line(`done by the server at ${server.url}; "millrace rollout status ${name}" shows where it stands`)
      return
    }
    const { fill, lost } = fillingViews(workspace)
    const serving = await LiveServing.open(workspace, await workspace.online(), fill)
    try {
      for (const one of lost) {
        // Whoever changes what is served from it decides that with the snapshot at hand
        if (model.views.some(view => view.name === one.view)) throw one.error
        out.note(lostView(one))
      }
      const status = await local(serving.get(name) as LiveDeployment)
      out.data(status)
      printStatus(status, out)
    } finally {
      await serving.close()
    }
  } finally {
    await workspace.close()
  }
}

/** The verb that gives one operator's command. */
export function rolloutCommand(command: 'promote' | 'abort' | 'pause' | 'resume', summary: string): Command {
  return {
    summary,
    arguments: [{ name: 'deployment', description: 'which (default: the only one)' }],
    run: invocation =>
      onDeployment(invocation, { path: name => `/v1/deployments/${name}:${command}` }, deployment =>
        deployment.command(command, 'operator'),
      ),
  }
}

import { openWorkspace } from '../../../config/workspace.ts'
import { versionName } from '../../../stages/register/version-parts.ts'
import type { StableDocument } from '../../../stages/serve/stable-record.ts'
import type { Command } from '../../command.ts'
import { deploymentCalled } from '../../serve/rollout.ts'

export const command: Command = {
  summary: 'where the rollout stands, with its evidence',
  arguments: [{ name: 'deployment', description: 'which (default: the only one)' }],
  async run({ args, cwd, out }) {
    const workspace = await openWorkspace(cwd)
    try {
      const name = await deploymentCalled(workspace, args[0])
      const stable = await workspace.store.getDocument('deployment', name)
      const served = stable?.value as StableDocument | undefined
      const model = served?.model ?? workspace.project.deployments.get(name)?.model.name ?? null
      const rollout = await workspace.store.getDocument('rollout', name)
      const decisions = await workspace.store.listDecisions({ subject: `deployment ${name}`, limit: 10 })
      out.data({
        deployment: name,
        model,
        stable: stable?.value ?? null,
        rollout: rollout?.value ?? null,
        decisions,
      })
      out.line(
        served === undefined
          ? `${name}: nothing is deployed. Next: npx millrace deploy ${name}`
          : `${name}: stable is ${versionName(served)}`,
      )
      if (served && !workspace.project.deployments.has(name))
        out.line(`The project declares ${name} no more; it goes on until: npx millrace undeploy ${name}`)
      const state = rollout?.value as
        | { phase?: string; weight?: number; hold?: string | null; config?: { challenger: string } }
        | undefined
      if (state?.config)
        out.line(
          `rollout of ${state.config.challenger}: ${state.phase}${state.hold ? `, held (${state.hold})` : ''}, ${((state.weight ?? 0) * 100).toFixed(0)} % of traffic`,
        )
      if (decisions.length > 0) {
        out.line()
        out.table(
          ['verdict', 'reason'],
          decisions.map(one => [one.verdict, one.reason]),
        )
      }
    } finally {
      await workspace.close()
    }
  },
}

import { openWorkspace } from '../../config/workspace.ts'
import { fail } from '../../errors/index.ts'
import { updateLock } from '../../app/project-lock.ts'
import type { Command } from '../command.ts'
import { usage } from '../number-option.ts'
import { deploymentOf, liveOf, onDeployment } from '../serve/rollout.ts'

export const command: Command = {
  summary: 'deploy a version, through the canary when one is stable already',
  arguments: [{ name: 'deployment', description: 'which (default: the only one)' }],
  options: [{ flags: '--version <number>', description: 'version of its model (default: the newest)' }],
  async run(invocation) {
    const { args, options, cwd } = invocation
    const workspace = await openWorkspace(cwd)
    const { model } = deploymentOf(workspace.project, args[0])
    let version = usage.whole('--version', options.version, 1)
    try {
      version ??= (await workspace.store.listModelVersions(model.name))[0]?.version
    } finally {
      await workspace.close()
    }
    if (version === undefined) throw fail('nothingToDeploy', { model: model.name })
    const chosen = version
    await onDeployment(
      invocation,
      { path: name => `/v1/deployments/${name}:rollout`, body: { version: chosen } },
      (serving, name) => liveOf(serving, name).rollOut(chosen, 'operator'),
    )
    const after = await openWorkspace(cwd)
    try {
      await updateLock(after, invocation.out)
    } finally {
      await after.close()
    }
  },
}

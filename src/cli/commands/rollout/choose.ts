import { usage } from '../../number-option.ts'
import type { Command } from '../../command.ts'
import { liveOf, onDeployment, reasonOf, reasonOption } from '../../serve/rollout.ts'

export const command: Command = {
  summary: 'take one of the versions that are compared: its rollout begins',
  arguments: [{ name: 'deployment', description: 'which (default: the only one)' }],
  options: [{ flags: '--version <number>', description: 'the one to take' }, reasonOption],
  run(invocation) {
    const version = usage.whole('--version', invocation.options.version ?? '', 1) as number
    const reason = reasonOf(invocation)
    return onDeployment(
      invocation,
      {
        path: name => `/v1/deployments/${name}:choose`,
        body: { version, ...(reason === undefined ? {} : { reason }) },
      },
      (serving, name) => liveOf(serving, name).choose(version, 'operator', reason),
    )
  },
}

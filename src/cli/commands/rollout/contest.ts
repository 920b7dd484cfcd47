import { usage } from '../../number-option.ts'
import type { Command } from '../../command.ts'
import { liveOf, onDeployment } from '../../serve/rollout.ts'

export const command: Command = {
  summary: 'compare several versions with the stable one, and roll out the better one',
  details:
    'Each scores the requests that the stable version answers, and answers nobody. The first that labels show to be better goes through the rollout. "rollout status" shows them beside each other, "rollout choose" takes one by hand, "rollout abort" ends it.',
  arguments: [{ name: 'deployment', description: 'which (default: the only one)' }],
  options: [{ flags: '--versions <numbers>', description: 'two to eight of its model, such as 4,5,6' }],
  run(invocation) {
    const said = typeof invocation.options.versions === 'string' ? invocation.options.versions : ''
    const versions = said.split(',').map(one => usage.whole('--versions', one.trim(), 1) as number)
    return onDeployment(
      invocation,
      { path: name => `/v1/deployments/${name}:contest`, body: { versions } },
      (serving, name) => liveOf(serving, name).startContest(versions),
    )
  },
}

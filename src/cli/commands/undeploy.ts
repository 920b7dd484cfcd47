import type { Command } from '../command.ts'
import { onDeployment } from '../serve/rollout.ts'

export const command: Command = {
  summary: 'end a deployment: its name answers no more',
  details:
    'What was deployed goes on when the project declares it no more; this ends it, and a running rollout with it. Its versions stay in the registry, and one that is declared can be deployed again.',
  arguments: [{ name: 'deployment', description: 'which (default: the only one)' }],
  run: invocation =>
    onDeployment(invocation, { path: name => `/v1/deployments/${name}:undeploy` }, async (serving, name) => {
      await serving.end(name, 'operator')
      invocation.out.data({ name, ended: true })
      invocation.out.line(`${name}: ended`)
      return undefined
    }),
}

import { openWorkspace } from '../../../config/workspace.ts'
import type { Command } from '../../command.ts'
import { deploymentNow } from '../../serve/deployment-view.ts'
import { deploymentCalled } from '../../serve/rollout.ts'
import { stableLine, standingLines } from '../../serve/rollout-lines.ts'

export const command: Command = {
  summary: 'where the rollout stands, with its evidence',
  details:
    'With --watch it looks again until the rollout ends: exit code 0 when the challenger became stable, 1 when it was taken back. A contest is followed into the rollout of the one that is chosen: exit code 1 when none is. With --json each change is a line.',
  arguments: [{ name: 'deployment', description: 'which (default: the only one)' }],
  options: [{ flags: '--watch', description: 'until the rollout ends, and by its end' }],
  async run({ args, options, cwd, out }) {
    const workspace = await openWorkspace(cwd)
    try {
      const name = await deploymentCalled(workspace, args[0])
      if (options.watch === true) {
        const { watchRollout } = await import('../../serve/watch-rollout.ts')
        return await watchRollout(() => deploymentNow(workspace, name), out)
      }
      const now = await deploymentNow(workspace, name)
      const { model, stable, rollout, contest } = now
      const decisions = now.decisions.slice(0, 10)
      out.data({ deployment: name, model, stable, rollout, contest, decisions })
      out.line(stableLine(now))
      if (stable && !workspace.project.deployments.has(name))
        out.line(`The project declares ${name} no more; it goes on until: npx millrace undeploy ${name}`)
      for (const line of standingLines(now)) out.line(line)
      if (decisions.length > 0) {
        out.line()
        out.table(
          ['verdict', 'reason'],
          decisions.map(one => [one.verdict, one.reason]),
        )
      }
      return 0
    } finally {
      await workspace.close()
    }
  },
}

import { applyFeatures } from '../../../app/apply.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'
import type { Command } from '../../command.ts'
import { listenerOf } from '../../listener.ts'
import { printApplied } from '../../print-applied.ts'

export const command: Command = {
  summary: 'make the planned definitions those that are served',
  details:
    'Writes the records of what changed, then switches all names at once; servers follow by themselves. Versions that are served go on with the definitions that they were made with.',
  options: [{ flags: '--plan <digest>', description: 'apply only if the plan is still this one' }],
  run: ({ options, cwd, out }) =>
    withWorkspace(cwd, async workspace => {
      const { listener, end } = listenerOf(out)
      const plan = typeof options.plan === 'string' ? options.plan : undefined
      printApplied(await applyFeatures(workspace, { plan, actor: 'operator' }, listener).finally(end), out)
    }),
}

import { rollBackFeatures } from '../../../app/apply.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'
import type { Command } from '../../command.ts'
import { listenerOf } from '../../listener.ts'
import { usage } from '../../number-option.ts'
import { printApplied } from '../../print-applied.ts'

export const command: Command = {
  summary: 'serve the definitions of features that were applied before',
  details: 'As they were then, whatever the project file says by now: all names are switched back at once.',
  options: [{ flags: '--to <number>', description: 'of which change (default: the one before that differs)' }],
  run: ({ options, cwd, out }) =>
    withWorkspace(cwd, async workspace => {
      const to = usage.whole('--to', options.to, 1)
      const { listener, end } = listenerOf(out)
      printApplied(await rollBackFeatures(workspace, { to, actor: 'operator' }, listener).finally(end), out)
    }),
}

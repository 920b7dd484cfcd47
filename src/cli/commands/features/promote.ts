import { promoteFeatures } from '../../../app/apply.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'
import type { Command } from '../../command.ts'
import { listenerOf } from '../../listener.ts'
import { printApplied } from '../../print-applied.ts'

export const command: Command = {
  summary: 'serve here the definitions of features that another environment serves',
  details: `The definitions as they are there, whatever the project file says by now; this environment is that of the settings.

  MILLRACE_ENVIRONMENT=prod millrace features promote dev`,
  arguments: [{ name: 'environment', description: 'whose definitions', required: true }],
  options: [{ flags: '--plan <digest>', description: 'promote only if "features plan --from" still says this' }],
  run: ({ args, options, cwd, out }) =>
    withWorkspace(cwd, async workspace => {
      const { listener, end } = listenerOf(out)
      const plan = typeof options.plan === 'string' ? options.plan : undefined
      const input = { source: args[0] ?? '', plan, actor: 'operator' }
      printApplied(await promoteFeatures(workspace, input, listener).finally(end), out)
    }),
}

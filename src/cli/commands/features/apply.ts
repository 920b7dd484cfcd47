import { applyFeatures } from '../../../app/apply.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'
import type { Command } from '../../command.ts'

export const command: Command = {
  summary: 'make the planned definitions current',
  options: [{ flags: '--plan <digest>', description: 'apply only if the plan is still this one' }],
  run: ({ options, cwd, out }) =>
    withWorkspace(cwd, async workspace => {
      const plan = await applyFeatures(workspace, {
        plan: typeof options.plan === 'string' ? options.plan : undefined,
      })
      out.data(plan)
      for (const one of plan.changes) out.line(`${one.view}: ${one.change === 'none' ? 'unchanged' : 'applied'}`)
      if (plan.changes.some(one => one.change === 'materialise' || one.change === 'new' || one.change === 'breaking'))
        out.line('Next:  npx millrace features materialise')
    }),
}

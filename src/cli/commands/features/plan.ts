import type { Command } from '../../command.ts'
import { planFeatures } from '../../../app/features-plan.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'

export const command: Command = {
  summary: 'what a change of feature definitions means',
  details: 'Exit code 1 when a change breaks a model that uses the view.',
  run: ({ cwd, out }) =>
    withWorkspace(cwd, async ({ store, project }) => {
      const plan = await planFeatures(store, project)
      out.data(plan)
      out.table(
        ['view', 'change', 'why', 'used by'],
        plan.changes.map(one => [one.view, one.change, one.why, one.models.join(', ')]),
      )
      out.line()
      out.line(`Next:  npx millrace features apply --plan ${plan.digest.slice(7, 19)}`)
      return plan.changes.some(one => one.change === 'breaking') ? 1 : 0
    }),
}

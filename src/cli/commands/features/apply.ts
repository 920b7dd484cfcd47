import { fail } from '../../../errors/index.ts'
import type { Command } from '../../command.ts'
import { appliedDocument, appliedKind, planFeatures } from '../../features-plan.ts'
import { withWorkspace } from '../../with-workspace.ts'

export const command: Command = {
  summary: 'make the planned definitions current',
  options: [{ flags: '--plan <digest>', description: 'apply only if the plan is still this one' }],
  run: ({ options, cwd, out }) =>
    withWorkspace(cwd, async ({ store, project, clock }) => {
      const plan = await planFeatures(store, project)
      if (typeof options.plan === 'string' && !plan.digest.slice(7).startsWith(options.plan.replace(/^sha256:/, '')))
        throw fail('planChanged', { given: options.plan, found: plan.digest.slice(7, 19) })
      for (const change of plan.changes) {
        const view = project.views.get(change.view)
        if (view) await store.putDocument(appliedKind, view.name, appliedDocument(view), clock.now())
        else await store.removeDocument(appliedKind, change.view)
      }
      out.data(plan)
      for (const one of plan.changes) out.line(`${one.view}: ${one.change === 'none' ? 'unchanged' : 'applied'}`)
      if (plan.changes.some(one => one.change === 'materialise' || one.change === 'new' || one.change === 'breaking'))
        out.line('Next:  npx millrace features materialise')
    }),
}

import { planPromotion } from '../../../app/apply.ts'
import { planFeatures } from '../../../app/features-plan.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'
import type { Command } from '../../command.ts'
import { planAsMarkdown, printPlan } from '../../reporters/features-plan.ts'

export const command: Command = {
  summary: 'what a change of feature definitions means',
  details:
    'What is added, removed and changed, which models and served versions read it, and what has to be written. Exit code 1 when a change breaks a model that uses the view.',
  options: [
    { flags: '--from <environment>', description: 'what promoting the definitions of that environment means here' },
    {
      flags: '--format <format>',
      description: 'for people, or for the comment of a pull request',
      choices: ['text', 'markdown'],
      default: 'text',
    },
  ],
  run: ({ options, cwd, out }) =>
    withWorkspace(cwd, async workspace => {
      const from = typeof options.from === 'string' ? options.from : undefined
      const plan = from === undefined ? await planFeatures(workspace) : await planPromotion(workspace, from)
      out.data(plan)
      if (options.format === 'markdown') out.line(planAsMarkdown(plan).trimEnd())
      else printPlan(plan, out, `npx millrace features ${from === undefined ? 'apply' : `promote ${from}`}`)
      return plan.breaking ? 1 : 0
    }),
}

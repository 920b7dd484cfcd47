import { resolve } from 'node:path'
import { planPromotion } from '../../../app/apply.ts'
import { pullRequestBase, viewsAt } from '../../../app/baseline.ts'
import { planFeatures, type FeaturesPlan } from '../../../app/features-plan.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'
import type { Workspace } from '../../../config/workspace.ts'
import { publishFile } from '../../../internal/publish.ts'
import type { Command, Output } from '../../command.ts'
import { planAsMarkdown, printPlan } from '../../reporters/features-plan.ts'

async function planOf(
  workspace: Workspace,
  { from, compare }: { readonly from?: unknown; readonly compare?: unknown },
  out: Output,
): Promise<FeaturesPlan> {
  if (typeof from === 'string') return planPromotion(workspace, from)
  const ref = compare === 'pull-request' ? pullRequestBase(process.env) : compare
  if (compare !== undefined && ref === undefined)
    out.note('No pull request: the definitions are compared with those that were applied.')
  return planFeatures(workspace, typeof ref === 'string' ? await viewsAt(workspace, ref) : undefined)
}

export const command: Command = {
  summary: 'what a change of feature definitions means',
  details: `What is added, removed and changed against what was applied, which models and served versions read it, and what has to be
written. Exit code 1 when a change breaks a model that uses the view.

--compare looks at the definitions of a commit, branch or tag instead of those that were applied; "pull-request" is the base of
the pull request that CI runs for.`,
  options: [
    {
      flags: '--from <environment>',
      description: 'what promoting the definitions of that environment means here',
      notWith: '--compare',
    },
    { flags: '--compare <what>', description: 'a git ref, or pull-request' },
    {
      flags: '--format <format>',
      description: 'for people, or for the comment of a pull request',
      choices: ['text', 'markdown'],
      default: 'text',
    },
    { flags: '--markdown <file>', description: 'write it for the comment of a pull request as well' },
  ],
  run: ({ options, cwd, out }) =>
    withWorkspace(cwd, async workspace => {
      const plan = await planOf(workspace, options, out)
      if (typeof options.markdown === 'string') await publishFile(resolve(cwd, options.markdown), planAsMarkdown(plan))
      out.data(plan)
      if (options.format === 'markdown') out.line(planAsMarkdown(plan).trimEnd())
      else
        printPlan(
          plan,
          out,
          `npx millrace features ${typeof options.from === 'string' ? `promote ${options.from}` : 'apply'}`,
        )
      return plan.breaking ? 1 : 0
    }),
}

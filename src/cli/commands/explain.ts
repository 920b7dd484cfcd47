import { explainStep } from '../../engine/index.ts'
import type { Command } from '../command.ts'
import { withWorkspace } from '../../app/with-workspace.ts'

export const command: Command = {
  summary: 'why a step ran or was reused',
  arguments: [{ name: 'what', description: 'name of a step, or id of a run', required: true }],
  run: ({ args, cwd, out }) =>
    withWorkspace(cwd, async ({ store }) => {
      const explanations = await explainStep(store, args[0] as string)
      out.data(explanations)
      for (const one of explanations) {
        out.line(`${one.step}  ${one.status}: ${one.reason}`)
        for (const change of one.changes) out.line(`    ${change.words}`)
      }
    }),
}

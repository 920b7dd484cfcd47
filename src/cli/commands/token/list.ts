import { describeToken, listTokens } from '../../../server/index.ts'
import type { Command } from '../../command.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'

export const command: Command = {
  summary: 'tokens, without their secrets',
  run: ({ cwd, out }) =>
    withWorkspace(cwd, async ({ store }) => {
      const tokens = await listTokens({ store })
      out.data(tokens)
      if (tokens.length === 0) out.line('No token yet. Next: npx millrace token create <name> --scope read')
      for (const token of tokens) out.line(describeToken(token))
    }),
}

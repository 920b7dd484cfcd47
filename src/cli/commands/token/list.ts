import { describeToken, listTokens } from '../../../server/index.ts'
import type { Command } from '../../command.ts'
import { withWorkspace } from '../../with-workspace.ts'

export const command: Command = {
  summary: 'tokens, without their secrets',
  run: ({ cwd, out }) =>
    withWorkspace(cwd, async ({ store }) => {
      const tokens = (await listTokens({ store })).map(describeToken)
      out.data(tokens)
      if (tokens.length === 0) out.line('No token yet. Next: npx millrace token create <name> --scope read')
      else
        out.table(
          Object.keys(tokens[0] ?? {}),
          tokens.map(token =>
            Object.values(token).map(value => (Array.isArray(value) ? value.join(' ') : String(value ?? ''))),
          ),
        )
    }),
}

import { revokeToken } from '../../../server/index.ts'
import type { Command } from '../../command.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'

export const command: Command = {
  summary: 'end a token',
  arguments: [{ name: 'id', description: 'its id, as token list shows it', required: true }],
  run: ({ args, cwd, out }) =>
    withWorkspace(cwd, async ({ store }) => {
      await revokeToken({ store }, args[0] as string)
      out.data({ revoked: args[0] })
      out.line(`${args[0]} is no longer accepted`)
    }),
}

import type { Command } from '../../command.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'

export const command: Command = {
  summary: 'keys with their versions and grants',
  run: ({ cwd, out }) =>
    withWorkspace(cwd, async workspace => {
      const keys = await (await workspace.keys()).list()
      out.data(keys)
      if (keys.length === 0) out.line('No key yet. Next: npx millrace keys create <name>')
      else
        out.table(
          ['key', 'version', 'rotated every', 'grants'],
          keys.map(key => [
            key.name,
            key.primaryVersion,
            `${key.rotationDays} d`,
            key.grants.map(grant => `${grant.principal} (${grant.actions.join(', ')})`).join('; '),
          ]),
        )
    }),
}

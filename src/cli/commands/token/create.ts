import { fail } from '../../../errors/index.ts'
import { parseDuration, type Duration } from '../../../internal/time.ts'
import { createToken, scopes, type Scope } from '../../../server/index.ts'
import type { Command } from '../../command.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'

export const command: Command = {
  summary: 'make an access token',
  details: 'The token is shown once; only its digest is kept.',
  arguments: [{ name: 'name', description: 'what it is for', required: true }],
  options: [
    {
      flags: '--scope <list>',
      description: `${scopes.join(', ')}; comma-separated`,
      default: 'read',
      choices: scopes,
      list: true,
    },
    { flags: '--expires-in <duration>', description: 'how long it lives, such as 30d', default: '90d' },
  ],
  run: ({ args, options, cwd, out }) =>
    withWorkspace(cwd, async ({ store, clock }) => {
      const asked = String(options.scope).split(',')
      const expiresIn = String(options.expiresIn)
      if (parseDuration(expiresIn) === undefined)
        throw fail('usageWrong', { reason: `"${expiresIn}" is not a duration such as 30d.`, verb: 'token create' })
      const made = await createToken(
        { store, clock },
        { name: args[0] as string, scopes: asked as Scope[], expiresIn: expiresIn as Duration },
      )
      out.data({ token: made.token, ...made.record })
      out.line(made.token)
      out.note('Keep it: it is not shown again.')
    }),
}

import type { KeyDescription, KeyService } from '../ports/key-service.ts'
import type { Command, Invocation } from './command.ts'
import { withWorkspace } from '../app/with-workspace.ts'

/** A verb on one key; every use lands in the audit log with the principal named by `--as`. */
export function keyCommand(
  summary: string,
  extra: Pick<Command, 'arguments' | 'options' | 'details'>,
  work: (keys: KeyService, key: string, principal: string, invocation: Invocation) => Promise<KeyDescription>,
): Command {
  return {
    summary,
    ...(extra.details ? { details: extra.details } : {}),
    arguments: [{ name: 'key', description: 'name of the key', required: true }, ...(extra.arguments ?? [])],
    options: [...(extra.options ?? []), { flags: '--as <principal>', description: 'who asks', default: 'operator' }],
    run: invocation =>
      withWorkspace(invocation.cwd, async workspace => {
        const key = await work(
          await workspace.keys(),
          invocation.args[0] as string,
          String(invocation.options.as),
          invocation,
        )
        invocation.out.data(key)
        invocation.out.line(`${key.name}  version ${key.primaryVersion}`)
        for (const grant of key.grants) invocation.out.line(`  ${grant.principal}: ${grant.actions.join(', ')}`)
      }),
  }
}

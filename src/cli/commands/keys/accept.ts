import { acceptKeystore } from '../../../config/keyring.ts'
import { ulid } from '../../../internal/ids.ts'
import type { Command } from '../../command.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'

export const command: Command = {
  summary: 'take the keystore as it is for the newest one',
  details:
    'After a restore from a backup, when the newest copy is lost: grants and versions that were taken back since are there again. It is a decision record.',
  options: [{ flags: '--as <principal>', description: 'who says so', default: 'operator' }],
  run: ({ cwd, out, options }) =>
    withWorkspace(cwd, async workspace => {
      await acceptKeystore(workspace, String(options.as))
      const keys = await (await workspace.keys()).list()
      await workspace.store.addDecision({
        id: ulid(),
        kind: 'access',
        subject: 'keystore',
        at: workspace.clock.now(),
        verdict: 'accepted',
        reason: 'a person took the keystore as it is for the newest one',
        rule: { name: 'a keystore is of its last change' },
        inputs: { keys: keys.map(key => `${key.name}@${key.primaryVersion}`) },
        evidence: [],
        actor: String(options.as),
      })
      out.data(keys)
      out.line(`✓ taken: ${keys.length} keys. Look at their grants with "millrace keys list".`)
    }),
}

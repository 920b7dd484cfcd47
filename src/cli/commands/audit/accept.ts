import { acceptLog, verifyLog } from '../../../config/keyring.ts'
import { fail } from '../../../errors/index.ts'
import { ulid } from '../../../internal/ids.ts'
import type { Command } from '../../command.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'
import { sayVerdict } from './verify.ts'

export const command: Command = {
  summary: 'answer for a loss of the audit log, signed in the log',
  details:
    'After the metadata store or the log was deleted, moved or put back on purpose: a record of the log says what is missing, who answers for it and why, and every place of its anchors holds that. "audit verify" then tells the loss and passes. A log that is not whole in itself is set aside beside its folder. It is a decision record.',
  options: [
    { flags: '--reason <text>', description: 'why what is missing is missing' },
    { flags: '--as <principal>', description: 'who says so', default: 'operator' },
  ],
  run: ({ cwd, out, options }) =>
    withWorkspace(cwd, async workspace => {
      const because = typeof options.reason === 'string' ? options.reason.trim() : ''
      if (because === '')
        throw fail('usageWrong', { verb: 'audit accept', reason: 'an accepted loss needs its --reason' })
      const by = String(options.as)
      const { setAside } = await acceptLog(workspace, { by, because })
      const verdict = await verifyLog(workspace)
      await workspace.store.addDecision({
        id: ulid(),
        kind: 'access',
        subject: 'audit log',
        at: workspace.clock.now(),
        verdict: 'accepted',
        reason: because,
        rule: { name: 'an audit log is whole' },
        inputs: { lost: (verdict.accepted ?? []).map(one => `${one.records} records: ${one.reason}`) },
        evidence: [],
        actor: by,
      })
      out.data({ ...verdict, ...(setAside === undefined ? {} : { setAside }) })
      if (setAside !== undefined) out.line(`! the former log is kept in ${setAside}`)
      return sayVerdict(out, verdict)
    }),
}

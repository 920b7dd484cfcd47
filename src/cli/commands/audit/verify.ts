import { auditAnchors, auditFolderOf } from '../../../config/keyring.ts'
import { fail } from '../../../errors/index.ts'
import { verifyAudit } from '../../../stages/protect/audit/verify.ts'
import type { Command } from '../../command.ts'
import { withWorkspace } from '../../with-workspace.ts'

export const command: Command = {
  summary: 'prove that the audit log is whole',
  details:
    'Checks every record, the chain between them, every signed checkpoint, and the anchor of the log in the metadata store. Exit code 1 names the first thing that is not as it was written.',
  run: ({ cwd, out }) =>
    withWorkspace(cwd, async workspace => {
      const folder = auditFolderOf(workspace.folder)
      const anchored = (await auditAnchors(workspace.folder, workspace).read()) ?? null
      const verdict = await verifyAudit(folder, { anchored })
      out.data(verdict)
      if (verdict.firstBad !== undefined) {
        const { record, place, reason } = verdict.firstBad
        const told = fail('auditBroken', { record, place, reason })
        out.line(`✗ ${told.code} ${told.message}`)
        out.line(`  ${told.hint}`)
        return 1
      }
      if (anchored === null) out.line('✓ there is no audit log yet: no key was ever used')
      else out.line(`✓ ${verdict.records} records and ${verdict.checkpoints} checkpoints are as they were written`)
      if (verdict.unsigned > 0)
        out.line(
          `  the last ${verdict.unsigned} are signed by no checkpoint yet: that comes after 64 records, 10 s, or at the end of the process`,
        )
      return 0
    }),
}

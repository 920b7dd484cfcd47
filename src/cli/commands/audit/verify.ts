import { join } from 'node:path'
import { findRoot } from '../../../config/load.ts'
import { verifyAudit } from '../../../stages/protect/audit/verify.ts'
import type { Command } from '../../command.ts'

export const command: Command = {
  summary: 'prove that the audit log is whole',
  details:
    'Checks every record, the chain between them and every signed checkpoint. Exit code 1 names the first record that is not as it was written.',
  async run({ cwd, out }) {
    const verdict = await verifyAudit(join(findRoot(cwd), '.millrace', 'audit'))
    out.data(verdict)
    out.line(
      verdict.ok
        ? `✓ ${verdict.records} records and ${verdict.checkpoints} checkpoints are as they were written`
        : `✗ record ${verdict.firstBad?.record} at ${verdict.firstBad?.place}: ${verdict.firstBad?.reason}`,
    )
    return verdict.ok ? 0 : 1
  },
}

import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { verifyLog, type LogVerdict } from '../../../config/keyring.ts'
import { fail } from '../../../errors/index.ts'
import { messageOf } from '../../../internal/message-of.ts'
import { formatTime } from '../../../internal/time.ts'
import type { Command, Output } from '../../command.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'

async function keptIn(cwd: string, path: unknown): Promise<{ path: string; text: string } | undefined> {
  if (typeof path !== 'string') return undefined
  const text = await readFile(resolve(cwd, path), 'utf8').catch((error: unknown) => {
    throw fail('anchorsUnreadable', { path, reason: messageOf(error) }, error)
  })
  // What a receiver kept may not end its last line
  return { path, text: text.endsWith('\n') ? text : `${text}\n` }
}

/** Says what a log is worth; the exit code of that. */
export function sayVerdict(out: Output, verdict: LogVerdict): number {
  if (verdict.firstBad !== undefined) {
    const { record, place, reason } = verdict.firstBad
    const told = fail('auditBroken', { record, place, reason })
    out.line(`✗ ${told.code} ${told.message}`)
    out.line(`  ${told.hint}`)
    return 1
  }
  if (!verdict.anchored) out.line('✓ there is no audit log yet: no key was ever used')
  else out.line(`✓ ${verdict.records} records and ${verdict.checkpoints} checkpoints are as they were written`)
  for (const { records, at, reason, accepted } of verdict.accepted ?? [])
    out.line(
      `! a log of ${records} records, last written at ${formatTime(at)}, is lost (${reason}); ${accepted?.by} answers for it in record ${accepted?.record}: ${accepted?.because}`,
    )
  if (verdict.unsigned > 0)
    out.line(
      `  the last ${verdict.unsigned} are signed by no checkpoint yet: that comes after 64 records, 10 s, or at the end of the process`,
    )
  if (verdict.untaken > 0)
    out.line(`! ${verdict.receiver} has not taken the last ${verdict.untaken} anchors; they are sent with the next one`)
  return 0
}

export const command: Command = {
  summary: 'prove that the audit log is whole',
  details:
    "Checks every record, the chain between them, every signed checkpoint, the keystore's generation, and the anchors of the log: in the metadata store, and in the file and the git repository that the project's settings name. --anchors holds it to what the receiver of a webhook kept, one anchor a line. Exit code 1 names the first thing that is not as it was written.",
  options: [{ flags: '--anchors <file>', description: 'anchors that were kept elsewhere, one line of JSON each' }],
  async run({ cwd, out, options }) {
    const kept = await keptIn(cwd, options.anchors)
    return withWorkspace(cwd, async workspace => {
      const verdict = await verifyLog(workspace, kept)
      out.data(verdict)
      return sayVerdict(out, verdict)
    })
  },
}

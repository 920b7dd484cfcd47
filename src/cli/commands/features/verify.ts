import { verifyKeptReads, type VerifyReadsAnswer } from '../../../app/verify-reads.ts'
import { verifyViews } from '../../../app/verify.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'
import { formatTime } from '../../../internal/time.ts'
import type { Command } from '../../command.ts'
import { listenerOf } from '../../listener.ts'
import { usage } from '../../number-option.ts'
import { nameOf } from '../../view-name.ts'

const reasonWords = {
  late: 'differ by rows that came after they were read',
  ttl: 'differ by the ttl',
  code: 'differ by what was computed',
  unknown: 'differ, and what they were answered from is gone',
} as const

function printReads(out: Parameters<Command['run']>[0]['out'], { results, version }: VerifyReadsAnswer): void {
  for (const { view, reads, compared, mismatches, reasons, uncovered, examples } of results) {
    out.line(
      `${mismatches === 0 ? '✓' : '✗'} ${view}: ${compared.toLocaleString('en-US')} values of ${reads.toLocaleString('en-US')} reads compared, ${mismatches} wrong`,
    )
    for (const [reason, words] of Object.entries(reasonWords)) {
      const count = reasons[reason as keyof typeof reasonWords]
      if (count > 0) out.line(`    ${count} reads ${words} (${reason})`)
    }
    if (uncovered > 0) out.line(`    ${uncovered} reads had no value to compare (uncovered)`)
    for (const { feature, key, at, online, offline, reason } of examples)
      out.line(`    ${feature} of ${key} at ${formatTime(at)}: online ${online}, offline ${offline} (${reason})`)
  }
  if (version > 0) out.line(`${version} reads were of versions of views that nobody reads any more (version)`)
  if (results.every(one => one.reads === 0)) out.line('Nothing was read of late that could be compared.')
}

export const command: Command = {
  summary: 'prove that online values equal offline values',
  details:
    'Answers random moments from the online store and recomputes them from the snapshot. Exit code 1 on a mismatch.',
  options: [
    { flags: '--sample <number>', description: 'moments a view', default: '2000' },
    { flags: '--reads', description: 'a sample of what servers answered instead of random moments' },
  ],
  run: ({ options, cwd, out }) =>
    withWorkspace(cwd, async workspace => {
      const sample = usage.whole('--sample', options.sample, 1)
      const { listener, end } = listenerOf(out)
      if (options.reads === true) {
        const answer = await verifyKeptReads(workspace, {}, listener).finally(end)
        out.data(answer)
        printReads(out, answer)
        return answer.proven ? 0 : 1
      }
      const { results, unmaterialised, proven } = await verifyViews(workspace, { sample }, listener).finally(end)
      out.data(results)
      for (const name of unmaterialised)
        out.line(`${name}: not materialised yet. Next: npx millrace features materialise`)
      for (const one of results) {
        out.line(
          `${one.mismatches === 0 ? '✓' : '✗'} ${nameOf(one.view, one.records, one.readers)}: ${one.compared.toLocaleString('en-US')} values compared, ${one.mismatches} differ`,
        )
        for (const { feature, key, online, offline } of one.examples)
          out.line(`    ${feature} of ${key}: online ${online}, offline ${offline}`)
      }
      return proven ? 0 : 1
    }),
}

import { verifyViews } from '../../../app/verify.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'
import type { Command } from '../../command.ts'
import { listenerOf } from '../../listener.ts'

import { usage } from '../../number-option.ts'
import { nameOf } from '../../view-name.ts'

export const command: Command = {
  summary: 'prove that online values equal offline values',
  details:
    'Answers random moments from the online store and recomputes them from the snapshot. Exit code 1 on a mismatch.',
  options: [{ flags: '--sample <number>', description: 'moments a view', default: '2000' }],
  run: ({ options, cwd, out }) =>
    withWorkspace(cwd, async workspace => {
      const sample = usage.whole('--sample', options.sample, 1)
      const { listener, end } = listenerOf(out)
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

import { verdicts, type DecisionKind } from '../../define/decision.ts'
import { formatTime } from '../../internal/time.ts'
import type { Command } from '../command.ts'
import { usage } from '../number-option.ts'
import { withWorkspace } from '../../app/with-workspace.ts'

const kinds = Object.keys(verdicts)

export const command: Command = {
  summary: 'automatic choices with their evidence',
  options: [
    { flags: '--kind <kind>', description: `only one kind: ${kinds.join(', ')}`, choices: kinds },
    { flags: '--limit <number>', description: 'how many', default: '30' },
  ],
  run: ({ options, cwd, out }) =>
    withWorkspace(cwd, async ({ store }) => {
      const decisions = await store.listDecisions({
        limit: usage.whole('--limit', options.limit, 1) ?? 30,
        ...(typeof options.kind === 'string' ? { kind: options.kind as DecisionKind } : {}),
      })
      out.data(decisions)
      if (decisions.length === 0) out.line('Nothing was decided yet.')
      else
        out.table(
          ['when', 'kind', 'about', 'verdict', 'reason'],
          decisions.map(one => [
            formatTime(one.at).slice(0, 16),
            one.kind,
            one.subject,
            one.verdict,
            one.reason.slice(0, 110),
          ]),
        )
    }),
}

import { materialiseViews } from '../../../app/materialise.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'
import { fail } from '../../../errors/index.ts'
import { parseTime } from '../../../internal/time.ts'
import type { Command } from '../../command.ts'
import { listenerOf } from '../../listener.ts'
import { nameOf } from '../../view-name.ts'

function untilOption(given: unknown): number | undefined {
  if (typeof given !== 'string') return undefined
  const until = parseTime(given)
  if (until === undefined)
    throw fail('usageWrong', {
      reason: `"${given}" is not a time such as 2026-03-31T00:00:00Z.`,
      verb: 'features materialise',
    })
  return until
}

export const command: Command = {
  summary: 'write online records from the offline data',
  details: 'From the newest accepted snapshot, whole: running it again gives the same records.',
  arguments: [{ name: 'view', description: 'only this one' }],
  options: [{ flags: '--until <time>', description: 'as known then (default: the newest event)' }],
  run: ({ args, options, cwd, out }) =>
    withWorkspace(cwd, async workspace => {
      const { listener, end } = listenerOf(out)
      const input = { view: args[0], until: untilOption(options.until) }
      const made = await materialiseViews(workspace, input, listener).finally(end)
      out.data(made)
      for (const { view, records, readers, entities, rows } of made)
        out.line(
          `${nameOf(view, records, readers)}: ${entities.toLocaleString('en-US')} entities from ${rows.toLocaleString('en-US')} rows`,
        )
    }),
}

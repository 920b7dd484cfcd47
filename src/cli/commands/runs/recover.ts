import { recoverRuns } from '../../../app/recover.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'
import type { Command } from '../../command.ts'
import { listenerOf } from '../../listener.ts'

export const command: Command = {
  summary: 'take up all runs whose process died',
  details: '"millrace up" does this by itself. Finished steps are not repeated.',
  resumable: true,
  run: ({ cwd, out }) =>
    withWorkspace(cwd, async workspace => {
      const { listener, end } = listenerOf(out)
      const ended = await recoverRuns(workspace, {}, listener).finally(end)
      out.data(ended)
      for (const { run, status } of ended) out.line(`${run} ${status}`)
      if (ended.length === 0) out.line('No run has lost its process.')
    }),
}

import { featuresHistory } from '../../../app/apply.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'
import { formatTime } from '../../../internal/time.ts'
import type { Command } from '../../command.ts'

export const command: Command = {
  summary: 'which definitions of features were applied when',
  run: ({ cwd, out }) =>
    withWorkspace(cwd, async workspace => {
      const history = await featuresHistory(workspace)
      out.data(history)
      if (history.length === 0) out.line('Nothing was applied yet. Next:  npx millrace features plan')
      else
        out.table(
          ['change', 'at', 'what', 'from', 'by', 'views'],
          history.map(one => [
            one.number,
            formatTime(one.at),
            one.action,
            one.from,
            one.actor,
            Object.entries(one.views)
              .map(([name, digest]) => `${name}@${digest.slice(7, 19)}`)
              .join(', '),
          ]),
        )
    }),
}

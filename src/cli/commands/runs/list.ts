import { formatTime } from '../../../internal/time.ts'
import type { Command } from '../../command.ts'
import { statusOf } from '../../../engine/index.ts'
import { trialInWords } from '../../../stages/pipeline/trial-run.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'

export const command: Command = {
  summary: 'runs, newest first',
  run: ({ cwd, out }) =>
    withWorkspace(cwd, async ({ store, clock, processes }) => {
      const runs = await store.listRuns({ limit: 50 })
      const trials = await Promise.all(runs.map(run => trialInWords(store, run)))
      out.data(runs.map(run => ({ ...run, status: statusOf(run, clock.now(), processes) })))
      if (runs.length === 0) out.line('No run yet. Next: npx millrace train')
      else
        out.table(
          ['run', 'name', 'status', 'trigger', 'started', 'took', ...(trials.some(Boolean) ? ['trial'] : [])],
          runs.map((run, at) => [
            run.id,
            run.name,
            statusOf(run, clock.now(), processes),
            run.trigger,
            formatTime(run.startedAt).slice(0, 19),
            run.endedAt === undefined ? '' : `${((run.endedAt - run.startedAt) / 1e6).toFixed(1)} s`,
            ...(trials.some(Boolean) ? [trials[at] ?? ''] : []),
          ]),
        )
    }),
}

import { fail } from '../../../errors/index.ts'
import type { Command } from '../../command.ts'
import { statusOf } from '../../../engine/index.ts'
import { newestRun, trialInWords } from '../../../stages/pipeline/trial-run.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'

export const command: Command = {
  summary: 'one run, step by step',
  arguments: [{ name: 'run', description: 'its id (default: the newest)' }],
  run: ({ args, cwd, out }) =>
    withWorkspace(cwd, async ({ store, clock, processes }) => {
      const run = args[0] === undefined ? await newestRun(store) : await store.getRun(args[0])
      if (!run) throw fail('runUnknown', { run: args[0] ?? '(none yet)' })
      const steps = await store.listSteps(run.id)
      const status = statusOf(run, clock.now(), processes)
      out.data({ ...run, status, steps })
      out.line(`${run.name}  ${status}  ${run.id}  (${run.trigger})`)
      const trial = await trialInWords(store, run)
      if (trial) out.line(`  ${trial}, a trial of run ${String(run.parameters.search)}`)
      const error = run.error as { reason?: string } | undefined
      if (status === 'stopped') out.line('  Its process is gone; what was finished is kept.')
      if (error?.reason) out.line(`  ${error.reason}`)
      out.line()
      out.table(
        ['step', 'status', 'took', 'why'],
        steps.map(step => [
          step.step,
          step.status,
          step.startedAt === undefined || step.endedAt === undefined
            ? ''
            : `${((step.endedAt - step.startedAt) / 1e6).toFixed(1)} s`,
          (step.reason ?? '').slice(0, 90),
        ]),
      )
      if (status !== 'failed' && status !== 'stopped') return
      if (run.kind === 'score') out.line('Next:  the same "npx millrace score …" again; finished parts are kept')
      else out.line(`Next:  npx millrace runs resume ${run.id}`)
    }),
}

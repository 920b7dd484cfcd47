import { fail } from '../../../errors/index.ts'
import { resumeGraph } from '../../../stages/pipeline/run.ts'
import type { Command } from '../../command.ts'
import { createProgress } from '../../progress.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'

export const command: Command = {
  summary: 'go on with an unfinished run',
  details: 'Finished steps are not repeated.',
  arguments: [{ name: 'run', description: 'its id', required: true }],
  resumable: true,
  run: ({ args, cwd, out }) =>
    withWorkspace(cwd, async workspace => {
      const id = args[0] as string
      const run = await workspace.store.getRun(id)
      if (!run) throw fail('runUnknown', { run: id })
      const progress = createProgress(out.json)
      const engine = await workspace.engineOf(event => {
        if (event.type === 'step' && event.status === 'running') progress.chapter(event.step)
      })
      const handle = await engine.resume(id, await resumeGraph(workspace, run))
      const result = await handle.done
      progress.end()
      out.data(result)
      out.line(`${run.name} ${result.status}`)
      return result.status === 'succeeded' ? 0 : ((result.error as { exit?: number } | undefined)?.exit ?? 1)
    }),
}

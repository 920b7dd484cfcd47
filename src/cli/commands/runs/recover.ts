import { openWorkspace } from '../../../config/workspace.ts'
import { resumeGraph } from '../../../stages/pipeline/run.ts'
import type { Command } from '../../command.ts'

export const command: Command = {
  summary: 'take up all runs whose process died',
  details: '"millrace up" does this by itself. Finished steps are not repeated.',
  resumable: true,
  async run({ cwd, out }) {
    const workspace = await openWorkspace(cwd, { resolveRun: run => resumeGraph(workspace, run) })
    try {
      const engine = await workspace.engineOf()
      const ended = await Promise.all((await engine.recover()).map(handle => handle.done))
      out.data(ended.map(result => ({ run: result.runId, status: result.status, error: result.error ?? null })))
      for (const result of ended) out.line(`${result.runId} ${result.status}`)
      if (ended.length === 0) out.line('No run has lost its process.')
      return 0
    } finally {
      await workspace.close()
    }
  },
}

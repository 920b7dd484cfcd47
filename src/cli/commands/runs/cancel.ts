import type { Command } from '../../command.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'

export const command: Command = {
  summary: 'end a run',
  arguments: [{ name: 'run', description: 'its id', required: true }],
  run: ({ args, cwd, out }) =>
    withWorkspace(cwd, async workspace => {
      const id = args[0] as string
      await (await workspace.engineOf()).cancel(id)
      const run = await workspace.store.getRun(id)
      out.data({ run: id, status: run?.status ?? null })
      out.line(
        run?.status === 'cancelled'
          ? `${id} is cancelled`
          : `${id} ends at the next heartbeat of the process that drives it`,
      )
    }),
}

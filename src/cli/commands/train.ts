import { train, triggers } from '../../app/train.ts'
import { withWorkspace } from '../../app/with-workspace.ts'
import type { Command } from '../command.ts'
import { listenerOf } from '../listener.ts'
import { printVersion } from '../print-version.ts'

export const command: Command = {
  summary: 'run the pipeline of a model up to its registration',
  details:
    'validate → features → train → verify → evaluate → register. What did not change is reused. Exit code 1 when a gate says no.',
  arguments: [{ name: 'model', description: 'which (default: the only one)' }],
  options: [
    {
      flags: '--trigger <kind>',
      description: `why: ${triggers.join(', ')}`,
      default: 'manual',
      choices: triggers,
    },
    { flags: '--because <decision>', description: 'id of the decision that started it' },
  ],
  resumable: true,
  run: ({ args, options, cwd, out }) =>
    withWorkspace(cwd, async workspace => {
      const { listener, end } = listenerOf(out)
      const input = {
        model: args[0],
        trigger: triggers.find(one => one === options.trigger),
        because: typeof options.because === 'string' ? options.because : undefined,
      }
      const answer = await train(workspace, input, listener).finally(end)
      out.data(answer)
      return printVersion(answer, out)
    }),
}

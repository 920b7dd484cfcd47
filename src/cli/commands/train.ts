import { reportsOfRun } from '../../app/reports-of-run.ts'
import { train, type TrainAnswer, triggers } from '../../app/train.ts'
import { withWorkspace } from '../../app/with-workspace.ts'
import type { Workspace } from '../../config/workspace.ts'
import type { ModelFigures } from '../../stages/evaluate/figures/index.ts'
import { readPart } from '../../stages/register/version-parts.ts'
import type { Command, Invocation } from '../command.ts'
import { listenerOf } from '../listener.ts'
import { printVersion } from '../print-version.ts'
import { reportFileOptions, writeReports } from '../report-output.ts'

/** What the run found, whether a gate said no or not: its validations, and the tests of the model with its pictures. */
async function writeFound(
  invocation: Invocation,
  workspace: Workspace,
  { model, run, version }: TrainAnswer,
): Promise<void> {
  const { store, root } = workspace
  const reports = await reportsOfRun(store, run)
  const figures = new Map<string, ModelFigures>()
  const tested = reports.find(report => report.kind === 'model')
  const record = version === null ? undefined : await store.getModelVersion(model, version)
  if (record && tested) figures.set(tested.id, await readPart(workspace, record, 'figures'))
  await writeReports(invocation, reports, root, { figures })
}

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
    ...reportFileOptions,
  ],
  resumable: true,
  run(invocation) {
    const { args, options, cwd, out } = invocation
    return withWorkspace(cwd, async workspace => {
      const { listener, end } = listenerOf(out)
      const input = {
        model: args[0],
        trigger: triggers.find(one => one === options.trigger),
        because: typeof options.because === 'string' ? options.because : undefined,
      }
      const answer = await train(workspace, input, listener).finally(end)
      await writeFound(invocation, workspace, answer)
      out.data(answer)
      return printVersion(answer, workspace.project, out)
    })
  },
}

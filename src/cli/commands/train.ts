import { train, triggers, type TrainAnswer } from '../../app/train.ts'
import { withWorkspace } from '../../app/with-workspace.ts'
import { parametersInWords } from '../../stages/pipeline/winner.ts'
import type { Command, Output } from '../command.ts'
import { listenerOf } from '../listener.ts'

const short = (text: string): string => (text.length > 100 ? `${text.slice(0, 99)}…` : text)

function print(
  { model, run, status, steps, version, metrics, chosen, error, uncommitted }: TrainAnswer,
  out: Output,
): number {
  out.table(
    ['step', '', 'why'],
    steps.map(step => [step.step, step.status, short(step.reason ?? '')]),
  )
  out.line()
  if (version === null) {
    out.line(`Run ${run} ${status}: ${error?.reason ?? 'no reason was recorded'}`)
    out.line(`Next:  npx millrace runs show ${run}`)
    return error?.exit ?? 1
  }
  if (uncommitted) {
    const files = uncommitted.files.join(', ')
    out.note(
      uncommitted.kept
        ? `made of uncommitted code; ${files} is kept with the version, so that it can be rebuilt`
        : `made of uncommitted code that is too large to be kept with the version: ${files}`,
    )
  }
  if (chosen) out.line(`chosen by ${chosen.trials} trials: ${parametersInWords(chosen.parameters)}`)
  const figures = Object.entries(metrics ?? {}).map(([name, value]) => `${name} ${Number(value).toPrecision(4)}`)
  out.line(`${model}@${version}  ${figures.join('  ')}`)
  out.line('Next:  npx millrace deploy')
  return 0
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
      return print(answer, out)
    }),
}

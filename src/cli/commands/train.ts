import { runEnvironment, stepEnvironment } from '../../config/environment.ts'
import { openWorkspace } from '../../config/workspace.ts'
import { modelOf, startTraining } from '../../stages/pipeline/run.ts'
import { parametersInWords, winnerOf } from '../../stages/pipeline/winner.ts'
import type { Command } from '../command.ts'
import { updateLock } from '../project-lock.ts'
import { createProgress } from '../progress.ts'

const triggers = ['manual', 'schedule', 'data', 'drift', 'performance']

const short = (text: string): string => (text.length > 100 ? `${text.slice(0, 99)}…` : text)

export const command: Command = {
  summary: 'run the pipeline of a model up to its registration',
  details:
    'validate → features → train → export → evaluate → register. What did not change is reused. Exit code 1 when a gate says no.',
  arguments: [{ name: 'model', description: 'which (default: the only one)' }],
  options: [
    { flags: '--trigger <kind>', description: `why: ${triggers.join(', ')}`, default: 'manual', choices: triggers },
    { flags: '--because <decision>', description: 'id of the decision that started it' },
  ],
  resumable: true,
  async run({ args, options, cwd, out }) {
    const workspace = await openWorkspace(cwd)
    const progress = createProgress(out.json)
    try {
      const model = modelOf(workspace, args[0])
      const engine = await workspace.engineOf(event => {
        if (event.type === 'progress')
          progress.say(`${event.step}: ${event.message ?? `${Math.round(event.fraction * 100)} %`}`)
        else if (event.type === 'step' && event.status === 'running') progress.chapter(event.step)
      })
      const made = await runEnvironment(workspace)
      const run = await startTraining(workspace, engine, {
        model,
        trigger: String(options.trigger),
        stepEnvironment: await stepEnvironment(workspace.root),
        runEnvironment: made,
        ...(typeof options.because === 'string' ? { because: options.because } : {}),
      })
      const result = await run.done
      progress.end()
      const [version] = (await workspace.store.listModelVersions(model.name)).filter(one => one.runId === run.runId)
      const error = result.error as { readonly reason?: string; readonly exit?: number } | undefined
      out.data({
        run: run.runId,
        status: result.status,
        steps: result.steps.map(step => ({ step: step.step, status: step.status, reason: step.reason ?? null })),
        version: version?.version ?? null,
        metrics: version?.metrics ?? null,
        chosen: (version && (await winnerOf(workspace, version))?.parameters) ?? null,
        error: error ?? null,
      })
      out.table(
        ['step', '', 'why'],
        result.steps.map(step => [step.step, step.status, short(step.reason ?? '')]),
      )
      out.line()
      if (!version) {
        out.line(`Run ${run.runId} ${result.status}: ${error?.reason ?? 'no reason was recorded'}`)
        out.line(`Next:  npx millrace runs show ${run.runId}`)
        return error?.exit ?? 1
      }
      await updateLock(workspace, out)
      const {
        dirty,
        changes,
        changedFiles = [],
      } = made as { dirty?: unknown; changes?: unknown; changedFiles?: string[] }
      if (dirty === true && changedFiles.length > 0)
        out.note(
          changes === null
            ? `made of uncommitted code that is too large to be kept with the version: ${changedFiles.join(', ')}`
            : `made of uncommitted code; ${changedFiles.join(', ')} is kept with the version, so that it can be rebuilt`,
        )
      const winner = await winnerOf(workspace, version)
      if (winner) out.line(`chosen by ${winner.trials} trials: ${parametersInWords(winner.parameters)}`)
      out.line(
        `${model.name}@${version.version}  ${Object.entries(version.metrics)
          .map(([name, value]) => `${name} ${Number(value).toPrecision(4)}`)
          .join('  ')}`,
      )
      out.line('Next:  npx millrace deploy')
      return 0
    } finally {
      progress.end()
      await workspace.close()
    }
  },
}

import { fileURLToPath } from 'node:url'
import type { Workspace } from '../../config/workspace.ts'
import type { LiveDeployment } from '../../stages/serve/deployment.ts'

export interface Retrainer {
  /** Trains in a process of its own, so that answers never wait for it; what passes its gates challenges the stable version. */
  retrain(deployment: LiveDeployment, trigger: string, because: string | undefined): Promise<void>
  /** Ends what is still training; its run is taken up by the next server. */
  close(): Promise<void>
}

type Log = (line: Readonly<Record<string, unknown>>) => void

export function retrainApart(workspace: Workspace, log: Log): Retrainer {
  const running = new Set<{ kill(signal: 'SIGTERM'): void; done: Promise<unknown> }>()
  return {
    async retrain(deployment, trigger, because) {
      const model = deployment.definition.model.name
      const before = (await workspace.store.listModelVersions(model))[0]?.version ?? 0
      const program = fileURLToPath(new URL('../bin.js', import.meta.url))
      const folder = `${workspace.folder}/retrain`
      const job = {
        runId: because ?? 'schedule',
        step: `retrain-${model}`,
        attempt: 1,
        cwd: workspace.root,
        folder,
        argv: [
          process.execPath,
          program,
          'train',
          model,
          '--json',
          '--trigger',
          trigger,
          ...(because ? ['--because', because] : []),
        ],
        env: Object.fromEntries(
          Object.entries(process.env).flatMap(([name, value]) =>
            name.startsWith('MILLRACE_') && value !== undefined ? [[name, value]] : [],
          ),
        ),
      }
      const handle = await workspace.processes.start(job)
      const entry = { kill: (signal: 'SIGTERM') => handle.kill(signal), done: handle.outcome }
      running.add(entry)
      const outcome = await handle.outcome.finally(() => running.delete(entry))
      const newest = (await workspace.store.listModelVersions(model))[0]
      if (outcome.exitCode !== 0 || !newest || newest.version <= before) {
        log({
          level: 'warn',
          text: `the retrain of ${model} gave no new version`,
          trigger,
          exitCode: outcome.exitCode,
          said: outcome.stderrTail.slice(-400),
        })
        return
      }
      log({ level: 'info', text: `${model}@${newest.version} challenges`, trigger })
      await deployment.rollOut(newest.version, 'system')
    },
    async close() {
      for (const entry of running) entry.kill('SIGTERM')
      await Promise.all([...running].map(entry => entry.done))
    },
  }
}

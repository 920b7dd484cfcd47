import type { Workspace } from '../../config/workspace.ts'
import type { Decision } from '../../define/decision.ts'
import { fail, isMillraceError } from '../../errors/index.ts'
import { messageOf } from '../../internal/message-of.ts'
import type { RunRecord } from '../../ports/metadata-store.ts'
import type { Log } from '../../ports/log.ts'
import { concludeRetrain, failureOf, recordRetrain, type RetrainResult } from '../../stages/retrain/controller.ts'
import type { LiveDeployment } from '../../stages/serve/deployment.ts'
import type { LiveMonitor } from '../../stages/watch/live.ts'
import type { Jobs } from '../jobs/jobs.ts'
import { triggers, type TrainInput } from '../train.ts'

type Trigger = NonNullable<TrainInput['trigger']>

export interface Retrainer {
  /**
   * Carries a retrain through to its end, from wherever an earlier server left it: trains in a process of its own, and
   * what passes its gates challenges the stable version once no other challenger is tried.
   */
  carry(deployment: LiveDeployment, monitor: LiveMonitor, decisionId: string): Promise<void>
  /** Stops carrying; what is open is carried on by the next server. */
  close(): void
}

const lookMs = 500

export function retrainer(workspace: Workspace, jobs: Jobs, log: Log): Retrainer {
  const { store, clock } = workspace
  const stop = new AbortController()
  const wait = (): Promise<void> => clock.sleep(lookMs, stop.signal)

  const runOf = async (model: string, decision: string): Promise<RunRecord | undefined> =>
    (await store.listRuns({ kind: 'pipeline', name: `train-${model}`, limit: 100 })).find(
      run => run.parameters.because === decision,
    )

  /** Whether it is under way as far as can be told: its run may not exist yet although its process lives. */
  const underWay = async (decision: string): Promise<boolean> => {
    const job = await jobs.get(decision).catch((error: unknown) => {
      if (isMillraceError(error) && error.code === fail('recordUnknown').code) return undefined
      throw error
    })
    return job?.status === 'queued' || job?.status === 'running'
  }

  /** The run once it has ended; what kept it from coming to a run where it did not. */
  const trained = async (model: string, trigger: Trigger, decision: string): Promise<RunRecord | string> => {
    let ended: string | undefined
    let started = false
    for (;;) {
      const run = await runOf(model, decision)
      if (run && run.status !== 'running' && run.status !== 'queued') return run
      if (!run && ended !== undefined) return ended
      if (!run && !started && !(await underWay(decision))) {
        started = true
        // Under the name of its decision the server that comes after this one finds it
        const input = { model, trigger, because: decision }
        const job = await jobs.start('train', input, { id: decision, now: true, actor: 'retrain' })
        job.answer.then(
          ({ status }) => (ended = status),
          error => (ended = messageOf(error)),
        )
      }
      await wait()
    }
  }

  const conclude = async (
    deployment: LiveDeployment,
    monitor: LiveMonitor,
    decision: Decision,
  ): Promise<RetrainResult> => {
    const model = deployment.definition.model.name
    const trigger = triggers.find(one => one === decision.inputs.trigger) ?? 'manual'
    const request = { trigger, because: decision.id }
    const ended = await trained(model, request.trigger, decision.id)
    if (typeof ended === 'string')
      return recordRetrain(workspace, model, request, {
        verdict: 'failed',
        reason: `the retrain of ${model} ended before it began: ${ended}`,
        version: undefined,
        runId: undefined,
      })
    const version = (await store.listModelVersions(model)).find(one => one.runId === ended.id)?.version
    // Its own version may be tried already: an earlier server had got that far
    const own = `${model}@${version}`
    while (version !== undefined && deployment.tried !== undefined && deployment.tried !== own) {
      const { phase } = deployment.rollout ?? {}
      const other = deployment.contesting
        ? `the contest of ${deployment.tried}`
        : `the rollout of ${deployment.tried} (${phase ?? 'under way'})`
      monitor.retrainWaits(`${own}, trained because of ${decision.id}, waits until ${other} has ended`)
      await wait()
    }
    return concludeRetrain(workspace, deployment, request, ended.id)
  }

  return {
    async carry(deployment, monitor, decisionId) {
      const decision = await store.getDecision(decisionId)
      if (!decision) return monitor.retrained()
      try {
        const { name } = deployment.definition.model
        log({ level: 'info', text: `retraining ${name}: ${decision.reason}`, trigger: decision.inputs.trigger })
        const result = await conclude(deployment, monitor, decision)
        log({
          level: result.verdict === 'failed' ? 'error' : 'info',
          text: result.reason,
          trigger: decision.inputs.trigger,
        })
        monitor.retrained(failureOf(result))
      } catch (error) {
        if (stop.signal.aborted) return
        const reason = messageOf(error)
        log({ level: 'error', text: 'a retrain could not be carried through', reason })
        monitor.retrained({ reason, evidence: decisionId })
      }
    },
    close() {
      stop.abort()
    },
  }
}

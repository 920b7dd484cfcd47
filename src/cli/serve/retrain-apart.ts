import type { Workspace } from '../../config/workspace.ts'
import type { Decision } from '../../define/decision.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { isAlive } from '../../internal/process-identity.ts'
import { messageOf } from '../../internal/message-of.ts'
import type { ProcessIdentity, StepHandle, StepOutcome } from '../../ports/executor.ts'
import type { RunRecord } from '../../ports/metadata-store.ts'
import type { Log } from '../../server/index.ts'
import { concludeRetrain, failureOf, recordRetrain, type Retrained } from '../../stages/retrain/controller.ts'
import type { LiveDeployment } from '../../stages/serve/deployment.ts'
import type { LiveMonitor } from '../../stages/watch/live.ts'
import type { Apart } from './apart.ts'

/** The process that trains because of a decision, for a server that comes after this one. */
type Job = { readonly decision: string; readonly process: ProcessIdentity }

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

export function retrainApart(workspace: Workspace, apart: Apart, log: Log): Retrainer {
  const { store, clock } = workspace
  const stop = new AbortController()
  const wait = (): Promise<void> => clock.sleep(lookMs, stop.signal)

  const runOf = async (model: string, decision: string): Promise<RunRecord | undefined> =>
    (await store.listRuns({ kind: 'pipeline', name: `train-${model}`, limit: 100 })).find(
      run => run.parameters.because === decision,
    )

  /** False while its run does not exist yet although its process lives. */
  const gone = async (model: string, decision: string): Promise<boolean> => {
    const job = (await store.getDocument<never>('retrain-job', model))?.value as Job | undefined
    return job?.decision !== decision || isAlive(job.process) === false
  }

  const start = async (model: string, trigger: string, decision: string): Promise<StepHandle> => {
    const words = ['train', model, '--json', '--trigger', trigger, '--because', decision]
    const handle = await apart.start(decision, words)
    const job: Job = { decision, process: handle.identity }
    await store.putDocument('retrain-job', model, job as unknown as Json, clock.now())
    return handle
  }

  /** The run once it has ended; undefined, and what its process said, when it did not come to a run. */
  const trained = async (model: string, trigger: string, decision: string): Promise<RunRecord | StepOutcome> => {
    let outcome: StepOutcome | undefined
    let started = false
    for (;;) {
      const run = await runOf(model, decision)
      if (run && run.status !== 'running' && run.status !== 'queued') return run
      if (!run && outcome) return outcome
      if (!run && !started && (await gone(model, decision))) {
        started = true
        const handle = await start(model, trigger, decision)
        void handle.outcome.then(ended => (outcome = ended))
      }
      await wait()
    }
  }

  const conclude = async (deployment: LiveDeployment, monitor: LiveMonitor, decision: Decision): Promise<Retrained> => {
    const model = deployment.definition.model.name
    const request = { trigger: String(decision.inputs.trigger), because: decision.id }
    const ended = await trained(model, request.trigger, decision.id)
    if ('exitCode' in ended)
      return recordRetrain(workspace, model, request, {
        verdict: 'failed',
        reason: `the retrain of ${model} ended before it began (exit code ${ended.exitCode}): ${said(ended)}`,
        version: undefined,
        runId: undefined,
      })
    const version = (await store.listModelVersions(model)).find(one => one.runId === ended.id)?.version
    // Its own version may be tried already: an earlier server had got that far
    const own = `${model}@${version}`
    while (version !== undefined && deployment.rolling && deployment.rollout?.config.challenger !== own) {
      const { config, phase } = deployment.rollout ?? {}
      monitor.retrainWaits(
        `${own}, trained because of ${decision.id}, waits until the rollout of ${config?.challenger ?? 'another version'} (${phase ?? 'under way'}) has ended`,
      )
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

/** What the command line told of its failure. */
function said({ stdoutTail, stderrTail }: StepOutcome): string {
  const message = /"title": "((?:[^"\\]|\\.)*)"/.exec(stdoutTail)?.[1]
  return message ?? `${stdoutTail}\n${stderrTail}`.trim().split('\n').slice(-3).join(' ')
}

import type { Model } from '../../define/model.ts'
import type { Decision } from '../../define/decision.ts'
import type { Engine } from '../../engine/index.ts'
import { ulid } from '../../internal/ids.ts'
import { startTraining, type TrainRequest } from '../pipeline/run.ts'
import type { StageServices } from '../services.ts'
import type { LiveDeployment } from '../serve/deployment.ts'
import { type Conclusion, conclusionOf } from './conclusion.ts'
import type { RetrainFailure } from '../watch/retrain-desk.ts'

export interface RetrainResult extends Conclusion {
  /** Undefined when it did not come to a run. */
  readonly runId: string | undefined
  /** Id of the record of it. */
  readonly decision: string
}

/**
 * Carries a retrain through: runs the model's pipeline, and if every gate passes lets the new version challenge the
 * stable one. What a gate refuses is recorded and goes no further.
 */
export async function retrain(
  services: StageServices,
  engine: Engine,
  deployment: LiveDeployment,
  request: Omit<TrainRequest, 'model'> & { readonly model?: Model },
): Promise<RetrainResult> {
  const model = request.model ?? deployment.definition.model
  const handle = await startTraining(services, engine, { ...request, model })
  await handle.done
  return concludeRetrain(services, deployment, request, handle.runId)
}

/** What follows from a training run that has ended: a rollout, or the record of why there is none. Twice is once. */
export async function concludeRetrain(
  services: StageServices,
  deployment: LiveDeployment,
  request: Pick<TrainRequest, 'trigger' | 'because'>,
  runId: string,
): Promise<RetrainResult> {
  const { store } = services
  const { model } = deployment.definition
  const version = (await store.listModelVersions(model.name)).find(one => one.runId === runId)
  const ended = conclusionOf(model.name, await store.getRun(runId), version, deployment.stable?.record)
  if (version && ended.verdict === 'challenging') {
    const tried = deployment.rollout?.config.challenger === `${model.name}@${version.version}`
    if (!tried && deployment.stable?.record.version !== version.version)
      await deployment.rollOut(version.version, 'system')
  }
  return recordRetrain(services, model.name, request, { ...ended, runId })
}

/** What people are told of: undefined where it came to a challenger, or where there was nothing to learn. */
export function failureOf({ verdict, reason, decision }: RetrainResult): RetrainFailure | undefined {
  return verdict === 'failed' || verdict === 'refused' ? { reason, evidence: decision } : undefined
}

/** Records how a retrain ended. */
export async function recordRetrain(
  { store, clock }: Pick<StageServices, 'store' | 'clock'>,
  model: string,
  request: Pick<TrainRequest, 'trigger' | 'because'>,
  ended: Omit<RetrainResult, 'decision'>,
): Promise<RetrainResult> {
  const { verdict, reason, version, runId } = ended
  const decision: Decision = {
    id: ulid(),
    kind: 'gate',
    subject: `model ${model}`,
    at: clock.now(),
    verdict: verdict === 'challenging' ? 'passed' : verdict === 'unchanged' ? 'unchanged' : 'refused',
    reason,
    rule: { name: 'success criteria of a retrain', threshold: 'every gate of the pipeline passes' },
    inputs: { trigger: request.trigger, because: request.because ?? null, version: version ?? null },
    evidence: runId === undefined ? [] : [`run:${runId}`],
    actor: 'system',
  }
  await store.addDecision(decision)
  return { ...ended, decision: decision.id }
}

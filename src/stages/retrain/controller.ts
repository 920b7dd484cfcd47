import type { Model } from '../../define/model.ts'
import type { Decision } from '../../define/decision.ts'
import type { Engine } from '../../engine/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { ulid } from '../../internal/ids.ts'
import { startTraining, type TrainRequest } from '../pipeline/run.ts'
import type { StageServices } from '../pipeline/services.ts'
import type { LiveDeployment } from '../serve/deployment.ts'

export interface Retrained {
  readonly runId: string
  readonly version: number | undefined
  /** `challenging` (a rollout started), `refused` (a gate said no), `failed`. */
  readonly verdict: 'challenging' | 'refused' | 'failed'
  readonly reason: string
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
): Promise<Retrained> {
  const model = request.model ?? deployment.definition.model
  const handle = await startTraining(services, engine, { ...request, model })
  const result = await handle.done
  const { store, clock } = services
  const record = async (
    verdict: Retrained['verdict'],
    reason: string,
    version: number | undefined,
  ): Promise<Retrained> => {
    const decision: Decision = {
      id: ulid(),
      kind: 'gate',
      subject: `model ${model.name}`,
      at: clock.now(),
      verdict: verdict === 'challenging' ? 'passed' : 'refused',
      reason,
      rule: { name: 'success criteria of a retrain', threshold: 'every gate of the pipeline passes' },
      inputs: { trigger: request.trigger, because: request.because ?? null, version: version ?? null } as Record<
        string,
        Json
      >,
      evidence: [`run:${handle.runId}`],
      actor: 'system',
    }
    await store.addDecision(decision)
    return { runId: handle.runId, version, verdict, reason }
  }
  if (result.status !== 'succeeded') {
    const reason = String((result.error as { reason?: string } | undefined)?.reason ?? result.status)
    const refused = (await store.listSteps(handle.runId)).some(step => step.status === 'skipped')
    return record(
      refused ? 'refused' : 'failed',
      `the retrain of ${model.name} ended as ${result.status}: ${reason}`,
      undefined,
    )
  }
  const [version] = (await store.listModelVersions(model.name)).filter(one => one.runId === handle.runId)
  if (!version) return record('failed', 'the run registered no version', undefined)
  await deployment.rollOut(version.version, 'system')
  return record('challenging', `${model.name}@${version.version} challenges the stable version`, version.version)
}

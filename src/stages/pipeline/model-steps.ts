import type { Model } from '../../define/model.ts'
import type { StepDefinition } from '../../engine/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { ownCode } from './code.ts'
import { curveStep } from './curve-step.ts'
import { evaluateStep } from './evaluate-step.ts'
import { frameStep } from './frame-step.ts'
import { registerStep } from './register-step.ts'
import { searchStep } from './search-step.ts'
import type { StageServices } from '../services.ts'
import { datasetsOf, type Common, type ModelRunOptions } from './step-parts.ts'
import { logArtifact } from '../log/log-table.ts'
import type { ArtifactRef } from '../../ports/metadata-store.ts'
import { trainParameters, trainStep } from './train-step.ts'
import { verifyStep } from './verify-step.ts'

/** features → (search →) train (and curve) → verify → evaluate → register, on the snapshots and logs of the model's datasets. */
export async function modelSteps(
  services: StageServices,
  model: Model,
  environment: Json,
  options: ModelRunOptions,
): Promise<readonly StepDefinition[]> {
  const logs = new Map<string, ArtifactRef>()
  for (const dataset of datasetsOf(model)) {
    const log = await logArtifact(services, dataset)
    if (log) logs.set(dataset.name, log)
  }
  const common: Common = { code: ownCode(), environment, runsIn: 'inline' }
  const told = await trainParameters(services, model)
  const { search, folds, learningCurve } = model
  return [
    frameStep(services, model, common, options, logs),
    ...(search && folds ? [searchStep(services, { ...model, search, folds }, common, told)] : []),
    trainStep(services, model, common, told),
    ...(learningCurve && folds ? [curveStep(services, { ...model, learningCurve, folds }, common, told)] : []),
    verifyStep(services, model, common),
    evaluateStep(services, model, common, logs),
    registerStep(services, model, common, options, logs),
  ]
}

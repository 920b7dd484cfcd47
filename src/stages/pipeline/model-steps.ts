import type { Model } from '../../define/model.ts'
import type { StepDefinition } from '../../engine/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { ownCode } from './code.ts'
import { evaluateStep } from './evaluate-step.ts'
import { frameStep } from './frame-step.ts'
import { registerStep } from './register-step.ts'
import type { StageServices } from './services.ts'
import type { Common, ModelRunOptions } from './step-parts.ts'
import { trainStep } from './train-step.ts'
import { verifyStep } from './verify-step.ts'

/** features → train → verify → evaluate → register, on the snapshots of the datasets that the model uses. */
export async function modelSteps(
  services: StageServices,
  model: Model,
  environment: Json,
  options: ModelRunOptions,
): Promise<readonly StepDefinition[]> {
  const common: Common = { code: ownCode(), environment, runsIn: 'inline' }
  return [
    frameStep(services, model, common, options),
    await trainStep(services, model, common),
    verifyStep(services, model, common),
    evaluateStep(services, model, common),
    registerStep(services, model, common, options),
  ]
}

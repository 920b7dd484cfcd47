import type { Model } from '../../define/model.ts'
import { definitionDigest } from '../../define/project.ts'
import { writeModelDefinition } from '../../define/written-model.ts'
import type { StepDefinition, StepResult } from '../../engine/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import type { StageServices } from '../services.ts'
import {
  datasetInputs,
  datasetsOf,
  from,
  input,
  curveStepName,
  searchStepName,
  type Common,
  type Logs,
  type ModelRunOptions,
} from './step-parts.ts'

/** The next version of the model, with the digests of everything that it came from. */
export function registerStep(
  services: StageServices,
  model: Model,
  common: Common,
  options: ModelRunOptions,
  logs: Logs,
): StepDefinition {
  return {
    ...common,
    name: `register-${model.name}`,
    inputs: {
      ...datasetInputs(datasetsOf(model), logs, name => `data:${name}`),
      frame: from(`features-${model.name}`, 'frame'),
      card: from(`train-${model.name}`, 'card'),
      ...(model.search
        ? { search: from(searchStepName(model), 'winner'), trials: from(searchStepName(model), 'trials') }
        : {}),
      ...(model.learningCurve ? { curve: from(curveStepName(model), 'curve') } : {}),
      scaler: from(`train-${model.name}`, 'scaler'),
      profile: from(`evaluate-${model.name}`, 'profile'),
      onnx: from(`verify-${model.name}`, 'onnx'),
      golden: from(`verify-${model.name}`, 'golden'),
      explanation: from(`verify-${model.name}`, 'explanation'),
      report: from(`evaluate-${model.name}`, 'report'),
      metrics: from(`evaluate-${model.name}`, 'metrics'),
      figures: from(`evaluate-${model.name}`, 'figures'),
    },
    parameters: { model: model.name, definition: definitionDigest(model) },
    cache: 'never',
    async run(context): Promise<StepResult> {
      const digests = Object.fromEntries(
        Object.entries(context.inputs).map(([name, one]) => [name, one.ref.digest as Json]),
      )
      const declaration = await context.save('declaration', JSON.stringify(writeModelDefinition(model)))
      const version = await services.store.addModelVersion({
        model: model.name,
        digest: input(context, 'onnx').ref.digest,
        runId: context.runId,
        createdAt: services.clock.now(),
        metrics: (await input(context, 'metrics').json()) as Record<string, number>,
        facts: {
          ...digests,
          ...options.facts,
          trigger: options.trigger,
          definition: definitionDigest(model),
          declaration: declaration.digest,
          frameFacts: { ...input(context, 'frame').ref.meta } as Json,
        },
        tags: {},
      })
      await services.store.addEdges([
        { from: version.digest, to: `model:${model.name}@${version.version}`, relation: 'registered as' },
        { from: `run:${context.runId}`, to: `model:${model.name}@${version.version}`, relation: 'made' },
      ])
      return { outputs: { declaration, version: await context.save('json', JSON.stringify(version)) } }
    },
  }
}

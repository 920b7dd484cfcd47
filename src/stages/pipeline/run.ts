import type { Dataset } from '../../define/dataset.ts'
import type { Model } from '../../define/model.ts'
import { definitionDigest } from '../../define/project.ts'
import { fail } from '../../errors/index.ts'
import type { Engine, RunHandle, StepDefinition } from '../../engine/index.ts'
import { ownCode } from './code.ts'
import { canonicalJson, type Json } from '../../internal/canonical-json.ts'
import type { OnnxTrainer } from '../../ports/trainer.ts'
import type { RunRecord } from '../../ports/metadata-store.ts'
import type { Spans } from '../features/spans.ts'
import type { SourceFile } from '../validate/files.ts'
import { datasetStep } from './dataset-steps.ts'
import { modelSteps } from './model-steps.ts'
import { trialGraph } from './search-step.ts'
import { isTrial } from './trial-run.ts'
import { datasetsOf } from './step-parts.ts'
import type { StageServices } from '../services.ts'

export interface TrainRequest {
  readonly model: Model
  readonly trigger: string
  /** Evidence of the trigger: the decision that fired it. */
  readonly because?: string
  readonly spans?: Spans
  /** Only these files of the sources, by dataset. */
  readonly files?: ReadonlyMap<string, readonly SourceFile[]>
  /** The model is not trained: this file is taken, and proven as any other. */
  readonly imported?: OnnxTrainer
  /** Environment of steps, and of the run's record: see `config/environment.ts`. */
  readonly stepEnvironment: Json
  readonly runEnvironment: Readonly<Record<string, Json>>
}

/** The whole graph of a model: validate and snapshot its datasets, then features to registration. */
export async function trainingGraph(
  services: StageServices,
  request: TrainRequest,
): Promise<readonly StepDefinition[]> {
  const { model } = request
  const datasets = datasetsOf(model)
  const steps: StepDefinition[] = []
  for (const dataset of datasets)
    steps.push(await datasetStep(services, dataset, request.stepEnvironment, request.files?.get(dataset.name)))
  steps.push(
    ...(await modelSteps(services, model, request.stepEnvironment, {
      trigger: request.trigger,
      facts: { environment: request.runEnvironment as Json, ...(request.because ? { because: request.because } : {}) },
      ...(request.spans ? { spans: request.spans } : {}),
    })),
  )
  return steps
}

/** A model whose file was made elsewhere: what it predicts, from what and how it is tested stays as it is declared. */
export const withFile = (model: Model, trainer: OnnxTrainer): Model => ({
  ...model,
  trainer,
  search: undefined,
  folds: undefined,
  learningCurve: undefined,
})

/** Starts the training run of a model, or the run that imports one. Throws before it begins where its data cannot be read so. */
export async function startTraining(
  services: StageServices,
  engine: Engine,
  request: TrainRequest,
): Promise<RunHandle> {
  const { imported } = request
  await services.engine()
  return engine.start({
    name: `${imported ? 'import' : 'train'}-${request.model.name}`,
    steps: await trainingGraph(services, imported ? { ...request, model: withFile(request.model, imported) } : request),
    trigger: request.trigger,
    environment: { ...request.runEnvironment, ...definitionsOf(request.model), code: ownCode() },
    parameters: {
      model: request.model.name,
      ...(request.because ? { because: request.because } : {}),
      ...(request.spans ? { spans: { ...request.spans } } : {}),
      ...(imported ? { imported: imported as unknown as Json } : {}),
      ...(request.files
        ? {
            files: Object.fromEntries(
              [...request.files].map(([name, files]) => [name, files.map(file => ({ ...file }))]),
            ),
          }
        : {}),
      stepEnvironment: request.stepEnvironment,
    },
  })
}

export interface SnapshotRequest {
  readonly dataset: Dataset
  readonly stepEnvironment: Json
  readonly runEnvironment: Readonly<Record<string, Json>>
}

/** Starts a run that validates a dataset and snapshots its good rows: the first step of a training run, by itself. Throws as that does. */
export async function startSnapshot(
  services: StageServices,
  engine: Engine,
  { dataset, stepEnvironment, runEnvironment }: SnapshotRequest,
): Promise<RunHandle> {
  await services.engine()
  return engine.start({
    name: `snapshot-${dataset.name}`,
    steps: [await datasetStep(services, dataset, stepEnvironment)],
    trigger: 'manual',
    environment: { ...runEnvironment, ...definitionsOf(dataset), code: ownCode() },
    parameters: { dataset: dataset.name, stepEnvironment },
  })
}

/** What a run was started with, to the digest: its own definition, and the datasets of a model. */
function definitionsOf(definition: Dataset | Model): Readonly<Record<string, Json>> {
  const datasets = 'views' in definition ? datasetsOf(definition) : []
  return {
    definition: definitionDigest(definition),
    ...(datasets.length > 0
      ? { datasets: Object.fromEntries(datasets.map(one => [one.name, definitionDigest(one)])) }
      : {}),
  }
}

/** A run is one experiment: what was declared anew since it began is not for it to go on with. */
function checkUnchanged(run: RunRecord, definition: Dataset | Model): void {
  for (const [name, now] of Object.entries(definitionsOf(definition)))
    if (canonicalJson(run.environment[name] ?? null) !== canonicalJson(now))
      throw fail('definitionChanged', { run: run.id, name: run.name })
}

/**
 * Rebuilds the graph of a run of ours from its record, for resuming it in another process; undefined where its definition
 * is gone. Throws `definitionChanged`.
 */
export async function resumeGraph(
  services: StageServices,
  run: RunRecord,
): Promise<readonly StepDefinition[] | undefined> {
  if (isTrial(run)) {
    const { of, stepEnvironment = null } = run.parameters
    const searched = services.project.models.get(String(of))
    if (searched && canonicalJson(run.environment.definition ?? null) !== canonicalJson(definitionDigest(searched)))
      throw fail('definitionChanged', { run: run.id, name: run.name })
    return searched && trialGraph(services, { code: ownCode(), environment: stepEnvironment, runsIn: 'inline' }, run)
  }
  const dataset = services.project.datasets.get(String(run.parameters.dataset))
  if (dataset) checkUnchanged(run, dataset)
  if (dataset) return [await datasetStep(services, dataset, run.parameters.stepEnvironment ?? null)]
  const name = run.parameters.model
  const model = typeof name === 'string' ? services.project.models.get(name) : undefined
  if (!model) return undefined
  checkUnchanged(run, model)
  const files = run.parameters.files as Record<string, SourceFile[]> | undefined
  const imported = run.parameters.imported as unknown as OnnxTrainer | undefined
  return trainingGraph(services, {
    model: imported ? withFile(model, imported) : model,
    trigger: run.trigger,
    stepEnvironment: run.parameters.stepEnvironment ?? null,
    runEnvironment: run.environment,
    ...(typeof run.parameters.because === 'string' ? { because: run.parameters.because } : {}),
    ...(run.parameters.spans ? { spans: run.parameters.spans as unknown as Spans } : {}),
    ...(files ? { files: new Map(Object.entries(files)) } : {}),
  })
}

export function modelOf(services: StageServices, name: string | undefined): Model {
  const { models } = services.project
  const [only] = models.values()
  if (name === undefined && only && models.size === 1) return only
  if (name === undefined && models.size > 1)
    throw fail('notNamed', { kind: 'model', count: models.size, known: [...models.keys()].join(', ') })
  const found = name === undefined ? undefined : models.get(name)
  if (!found)
    throw fail('notDefined', {
      kind: 'model',
      name: name ?? '(none given)',
      known: [...models.keys()].join(', ') || 'no models',
    })
  return found
}

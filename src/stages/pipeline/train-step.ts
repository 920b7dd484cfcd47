import type { Model } from '../../define/model.ts'
import { definitionDigest } from '../../define/project.ts'
import type { StepContext, StepDefinition, StepResult } from '../../engine/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import type { Digest } from '../../internal/digest.ts'
import { filesOfTrainer, isOwn, type ModelTrainer, type Trainer, type TrainingRequest } from '../../ports/trainer.ts'
import { scalerArtifact } from '../scaler/index.ts'
import { openFrame } from '../train/read-frame.ts'
import { digestsOfFiles } from '../train/trainer-files.ts'
import { writeReference } from '../train/reference.ts'
import { unscaled } from '../train/unscaled.ts'
import { frameKey, keysOf, keysToldOf, type ModelKeys, type Save, saveUnder } from './save.ts'
import type { StageServices } from '../services.ts'
import { from, input, searchStepName, type Common } from './step-parts.ts'
import { chosen, type Winner } from './winner.ts'

/** What training knows besides its rows: the parameters of the step, which are all that a process of its own is told. */
export type TrainParameters = Pick<
  TrainingRequest,
  'model' | 'task' | 'quantile' | 'inputs' | 'scale' | 'trainer' | 'threshold'
> & {
  /** Versions of the feature views, which the scaler names. */
  readonly views: Readonly<Record<string, Digest>>
  readonly keys?: ModelKeys
  /** Digests of the files that the trainer reads. */
  readonly files?: Readonly<Record<string, Digest>>
}

/** Of own trees: what their draws depend on. */
export const seedOfTrainer = (trainer: Trainer): number => (trainer.kind === 'gbt' ? (trainer.seed ?? 0) : 0)

/** What the training of a model, or a trial of it, is told. */
export async function trainParameters(services: StageServices, model: Model): Promise<TrainParameters> {
  const files = filesOfTrainer(model.trainer)
  return {
    model: model.name,
    task: model.task,
    ...(model.quantile === undefined ? {} : { quantile: model.quantile }),
    inputs: model.inputs.map(one => ({ name: one.name, type: one.type })),
    scale: model.scale,
    trainer: model.trainer,
    threshold: model.threshold,
    views: Object.fromEntries(model.views.map(view => [view.name, definitionDigest(view)])),
    ...keysToldOf(model),
    // What its files say, not where they are: a changed script trains anew
    ...(files.length > 0 ? { files: await digestsOfFiles(services.root, files, model.trainer.kind) } : {}),
  }
}

/** The model, fitted on the training rows by its trainer: an ONNX file, and what is known of it besides. */
export function trainStep(
  services: StageServices,
  model: Model,
  common: Common,
  parameters: TrainParameters,
): StepDefinition {
  return {
    ...common,
    name: `train-${model.name}`,
    inputs: {
      frame: from(`features-${model.name}`, 'frame'),
      ...(model.search ? { winner: from(searchStepName(model), 'winner') } : {}),
    },
    parameters: parameters as unknown as Json,
    seed: seedOfTrainer(model.trainer),
    // What is sealed is read where the keys are: in the process that drives the run. Programs are processes themselves
    ...(services.trainModule && isOwn(model.trainer) && frameKey(model) === undefined
      ? { runsIn: 'process', module: services.trainModule, env: { [codeVariable]: common.code } }
      : {
          runsIn: 'inline',
          run(context) {
            const keys = keysOf(model)
            const save = saveUnder(services, context, keys.model)
            return train(context, services, save, saveUnder(services, context, keys.rows))
          },
        }),
  }
}

/** The digest of the code that the result is filed under; a process of another image must not answer for it. */
export const codeVariable = 'MILLRACE_CODE'

/** The step itself, here or in a process of its own: it reads nothing but its input and its parameters. */
export async function train(
  context: StepContext,
  services: Pick<StageServices, 'engine' | 'trainer'>,
  save: Save = (type, content, meta) => context.save(type, content, meta),
  saveRows: Save = save,
): Promise<StepResult> {
  const { views, keys: _keys, files: _files, ...parameters } = context.parameters as unknown as TrainParameters
  const { inputs } = parameters
  const { path, ref } = input(context, 'frame')
  const frame = openFrame(await services.engine(), await path(), inputs)
  const { classes = [] } = ref.meta as { readonly classes?: readonly string[] }
  const winner = context.inputs.winner && ((await context.inputs.winner.json<never>()) as Winner)
  // What a search chose is trained on all of the training rows
  const options = winner ? chosen(parameters.trainer, winner) : parameters.trainer
  const trainer: ModelTrainer = await services.trainer(options)
  const trained = await trainer.train({
    ...parameters,
    trainer: options,
    folder: () => context.folder(),
    classes,
    frame,
    seed: winner ? seedOfTrainer(options) : context.seed,
    signal: context.signal,
    progress: (fraction, message) => context.progress(fraction, message),
    metric: (key, value, step) => context.metric(key, value, step),
  })
  const { card, onnx, reference, log } = trained
  const scaler = trained.scaler ?? (await unscaled(inputs, frame))
  return {
    outputs: {
      onnx: await save('onnx', onnx),
      card: await save('json', JSON.stringify(card)),
      ...(log === undefined ? {} : { log: await saveRows('file', log) }),
      reference: await saveRows('json', JSON.stringify(writeReference(reference))),
      scaler: await save(
        'scaler',
        JSON.stringify(scalerArtifact(scaler, card.inputs, ref.digest, views, !trained.scaler)),
      ),
    },
  }
}

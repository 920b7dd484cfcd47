import type { Model } from '../../define/model.ts'
import { definitionDigest } from '../../define/project.ts'
import type { StepContext, StepDefinition, StepResult } from '../../engine/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import type { Digest } from '../../internal/digest.ts'
import { inSeconds, type Duration } from '../../internal/time.ts'
import { scalerArtifact } from '../scaler/index.ts'
import { fit, score, type Fittable, type FittedModel } from '../train/estimator.ts'
import { readFrame, thinned } from '../train/read-frame.ts'
import { buildProfile } from '../watch/build-profile.ts'
import { frameKey, type Save, saveUnder, sealedBy } from './save.ts'
import type { StageServices } from './services.ts'
import { from, input, type Common } from './step-parts.ts'

/** Most training rows that the baseline profile is taken from, evenly spaced in time. */
const profileRows = 200_000
/** Most held-out rows that the baseline's scores are taken from. */
const heldOutRows = 60_000
/** Fewest held-out rows whose scores live ones can be compared with. */
const fewestHeldOut = 200

/** Length of the windows that the model's monitor compares, so that the baseline carries their natural variation. */
function watchedWindow(services: StageServices, model: Model): Duration {
  const monitor = [...services.project.monitors.values()].find(one => one.deployment.model.name === model.name)
  return monitor ? inSeconds(monitor.window) : '7d'
}

/** What training knows besides its rows: the parameters of the step, which are all that a process of its own is told. */
export type TrainParameters = Fittable & {
  readonly naturalWindow: Duration
  /** Versions of the feature views, which the scaler names. */
  readonly views: Readonly<Record<string, Digest>>
  readonly encryptWith?: string
}

/** Scaler and estimator fitted on the training rows, and the profile that monitors compare with. */
export function trainStep(services: StageServices, model: Model, common: Common): StepDefinition {
  const parameters: TrainParameters = {
    task: model.task,
    inputs: model.inputs.map(one => ({ name: one.name, type: one.type })),
    scale: model.scale,
    trainer: model.trainer,
    naturalWindow: watchedWindow(services, model),
    views: Object.fromEntries(model.views.map(view => [view.name, definitionDigest(view)])),
  }
  return {
    ...common,
    name: `train-${model.name}`,
    inputs: { frame: from(`features-${model.name}`, 'frame') },
    parameters: { ...parameters, ...sealedBy(model.encryptWith) } as unknown as Json,
    seed: model.trainer.kind === 'gbt' ? (model.trainer.seed ?? 0) : 0,
    // What is sealed is read where the keys are: in the process that drives the run
    ...(services.trainModule && frameKey(model) === undefined
      ? { runsIn: 'process', module: services.trainModule, env: { [codeVariable]: common.code } }
      : {
          runsIn: 'inline',
          run: context => train(context, services, saveUnder(services, context, model.encryptWith)),
        }),
  }
}

/** The digest of the code that the result is filed under; a process of another image must not answer for it. */
export const codeVariable = 'MILLRACE_CODE'

/** The step itself, here or in a process of its own: it reads nothing but its input and its parameters. */
export async function train(
  context: StepContext,
  services: Pick<StageServices, 'engine' | 'crew'>,
  save: Save = (type, content, meta) => context.save(type, content, meta),
): Promise<StepResult> {
  const { naturalWindow, views, encryptWith: _, ...model } = context.parameters as unknown as TrainParameters
  const engine = await services.engine()
  const frame = await readFrame(engine, await input(context, 'frame').path(), model.inputs, 'train')
  const crew = await services.crew()
  let fitted: FittedModel
  try {
    fitted = await fit(model, frame, crew, (done, of) => context.progress(done / of, `round ${done} of ${of}`))
  } finally {
    await crew.close()
  }
  const seen = thinned(frame, profileRows)
  const heldOut = await readFrame(engine, await input(context, 'frame').path(), model.inputs, 'test', heldOutRows)
  const profile = buildProfile({
    columns: model.inputs.map((one, i) => ({
      name: one.name,
      kind: one.type === 'text' ? 'text' : 'number',
      values: seen.inputs[i] as Float32Array,
      importance: fitted.importance[i] ?? 0,
    })),
    scores: score(fitted, seen),
    ...(heldOut.rows < fewestHeldOut ? {} : { heldOutScores: score(fitted, heldOut) }),
    at: seen.at,
    labels: seen.labels,
    naturalWindow,
  })
  const scaler = scalerArtifact(fitted.scaler, fitted.inputs, input(context, 'frame').ref.digest, views)
  return {
    outputs: {
      model: await save('model', JSON.stringify(fitted), { rows: frame.rows }),
      scaler: await save('scaler', JSON.stringify(scaler)),
      profile: await save('profile', JSON.stringify(profile)),
    },
  }
}

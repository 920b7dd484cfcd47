import type { Model } from '../../define/model.ts'
import type { StepDefinition } from '../../engine/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import type { Duration } from '../../internal/time.ts'
import { fit, score, type FittedModel } from '../train/estimator.ts'
import { readFrame, thinned } from '../train/read-frame.ts'
import { buildProfile } from '../watch/build-profile.ts'
import type { StageServices } from './services.ts'
import { from, input, type Common } from './step-parts.ts'

/** Most training rows that the baseline profile is taken from, evenly spaced in time. */
const profileRows = 200_000

/** Length of the windows that the model's monitor compares, so that the baseline carries their natural variation. */
function watchedWindow(services: StageServices, model: Model): Duration {
  const monitor = [...services.project.monitors.values()].find(one => one.deployment.model.name === model.name)
  return monitor ? `${monitor.window / 1e6}s` : '7d'
}

/** Scaler and estimator fitted on the training rows, and the profile that monitors compare with. */
export function trainStep(services: StageServices, model: Model, common: Common): StepDefinition {
  return {
    ...common,
    name: `train-${model.name}`,
    inputs: { frame: from(`features-${model.name}`, 'frame') },
    parameters: {
      task: model.task,
      inputs: model.inputs.map(one => ({ name: one.name, type: one.type })),
      scale: model.scale,
      trainer: model.trainer as unknown as Json,
      naturalWindow: watchedWindow(services, model),
    },
    seed: model.trainer.kind === 'gbt' ? (model.trainer.seed ?? 0) : 0,
    async run(context) {
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
      const profile = buildProfile({
        columns: model.inputs.map((one, i) => ({
          name: one.name,
          kind: one.type === 'text' ? 'text' : 'number',
          values: seen.inputs[i] as Float32Array,
          importance: fitted.importance[i] ?? 0,
        })),
        scores: score(fitted, seen),
        at: seen.at,
        labels: seen.labels,
        naturalWindow: watchedWindow(services, model),
      })
      return {
        outputs: {
          model: await context.save('model', JSON.stringify(fitted), { rows: frame.rows }),
          scaler: await context.save('scaler', JSON.stringify(fitted.scaler)),
          profile: await context.save('profile', JSON.stringify(profile)),
        },
      }
    },
  }
}

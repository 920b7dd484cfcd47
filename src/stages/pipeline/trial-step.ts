import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Folds } from '../../define/folds.ts'
import { StepFailure, type StepContext, type StepDefinition, type StepResult } from '../../engine/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { measure, type MetricName } from '../../math/metrics/catalogue.ts'
import { verifyModel } from '../../onnx/index.ts'
import type { ArtifactRef } from '../../ports/metadata-store.ts'
import { isOwn } from '../../ports/trainer.ts'
import { scoreRows } from '../evaluate/subject.ts'
import type { FoldPart } from '../features/parts.ts'
import { openFrame } from '../train/read-frame.ts'
import type { StageServices } from '../services.ts'
import { input, type Common } from './step-parts.ts'
import { codeVariable, type TrainParameters } from './train-step.ts'

/** What one trial is told: what training is, and how it is judged. */
export type TrialParameters = TrainParameters & {
  readonly folds: Pick<Folds, 'count' | 'by'> & { readonly gap?: number }
  readonly best: MetricName
  /** Share of the training rows of each fold that it learns from. */
  readonly share: number
}

/** What a trial came to. */
export interface TrialScore {
  readonly kind: 'trial score'
  readonly schema: 1
  readonly metric: MetricName
  /** The mean over the folds, by their rows. */
  readonly value: number
  readonly folds: readonly { readonly rows: number; readonly value: number }[]
}

/** One trial: trains on each fold's own rows and scores the others by the ONNX file. No held-out row is read. */
export function trialStep(
  services: StageServices,
  {
    common,
    frame,
    parameters,
    seed,
  }: { common: Common; frame: ArtifactRef; parameters: TrialParameters; seed: number },
): StepDefinition {
  return {
    ...common,
    name: `trial-${parameters.model}`,
    inputs: { frame: { from: frame } },
    parameters: parameters as unknown as Json,
    seed,
    // A process each, so that trials use the cores; what is sealed is read where the keys are
    ...(services.trialModule && isOwn(parameters.trainer) && frame.meta?.encrypted === undefined
      ? { runsIn: 'process', module: services.trialModule, env: { [codeVariable]: common.code } }
      : { runsIn: 'inline', run: context => trial(context, services) }),
  }
}

/** The step itself, here or in a process of its own. */
export async function trial(
  context: StepContext,
  services: Pick<StageServices, 'engine' | 'trainer' | 'runtime'>,
): Promise<StepResult> {
  const {
    views: _views,
    files: _files,
    keys: _keys,
    folds,
    best,
    share,
    ...parameters
  } = context.parameters as unknown as TrialParameters
  const { path, ref } = input(context, 'frame')
  const { classes = [] } = ref.meta as { readonly classes?: readonly string[] }
  const trainer = await services.trainer(parameters.trainer)
  const engine = await services.engine()
  const runtime = await services.runtime()
  const local = await path()
  const scores: { rows: number; value: number }[] = []
  for (let fold = 1; fold <= folds.count; fold++) {
    context.signal.throwIfAborted()
    const part: FoldPart = { fold, alongTime: folds.by === 'time', ...(folds.gap ? { gap: folds.gap } : {}), share }
    const frame = openFrame(engine, local, parameters.inputs, part)
    const trained = await trainer.train({
      ...parameters,
      classes,
      frame,
      seed: context.seed,
      signal: context.signal,
      folder: async () => {
        const own = join(await context.folder(), `fold-${fold}`)
        await mkdir(own, { recursive: true, mode: 0o700 })
        return own
      },
      progress: () => context.progress((fold - 1) / folds.count, `fold ${fold} of ${folds.count}`),
      metric: () => undefined,
    })
    // What a program made is no file to trust
    const broken = verifyModel(trained.onnx).find(check => check.severity === 'critical' && check.status === 'fail')
    if (broken) throw new StepFailure('error', `its ONNX file is refused: ${broken.message}`)
    const loaded = await runtime.load(trained.onnx, trained.card.binding)
    try {
      const held = await frame.rows('test')
      const value = measure(best, {
        task: parameters.task,
        labels: held.labels,
        scores: await scoreRows({ loaded, inputs: trained.card.inputs }, held.inputs, held.rows),
        outputs: loaded.outputs ?? 1,
        ...(held.weights ? { weights: held.weights } : {}),
        threshold: parameters.threshold,
        level: parameters.quantile ?? 0.5,
      })
      if (!Number.isFinite(value))
        throw new StepFailure('error', `fold ${fold} of ${folds.count} has no ${best}: ${value}`)
      scores.push({ rows: held.rows, value })
      context.metric(`fold ${best}`, value, fold)
    } finally {
      await loaded.close()
    }
  }
  const rows = scores.reduce((sum, one) => sum + one.rows, 0)
  const value = scores.reduce((sum, one) => sum + one.value * (one.rows / rows), 0)
  context.metric(best, value)
  const score: TrialScore = { kind: 'trial score', schema: 1, metric: best, value, folds: scores }
  return { outputs: { score: await context.save('json', JSON.stringify(score)) } }
}
